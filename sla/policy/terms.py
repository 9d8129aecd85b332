"""Terms: the three numbers of a policy, their hashes, and whose terms bind an outage."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from outages.choices import Severity
from sla.choices import ScopeKind, ThresholdSource

# What a scope may agree on at most: thirty days, and a million a minute or a reward.
THRESHOLD_LIMIT = 43_200
FACTOR_LIMIT = 1_000_000

# The order in which the contract folds its four policies into one hash.
CONTRACT_ORDER = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)

_BASE = 91_138_233
_MODULUS = 2**63 - 25
_SALT = 0x9E37_79B9_7F4A_7C15
_WORD = 2**64

# The contract's own bounds by severity: longest threshold, least penalty.
_LONGEST_CHEAPEST = {
    Severity.CRITICAL: (60, 50),
    Severity.HIGH: (120, 25),
    Severity.MEDIUM: (240, 10),
}
_CHEAPER = {
    Severity.CRITICAL: Severity.HIGH,
    Severity.HIGH: Severity.MEDIUM,
    Severity.MEDIUM: Severity.LOW,
}
_DEARER = {Severity.HIGH: Severity.CRITICAL, Severity.MEDIUM: Severity.HIGH}

_MOST_SPECIFIC_FIRST = (ScopeKind.SITE, ScopeKind.OPERATOR, ScopeKind.DEFAULT)
_SOURCES = {
    ScopeKind.DEFAULT: ThresholdSource.CONFIG,
    ScopeKind.OPERATOR: ThresholdSource.OPERATOR,
    ScopeKind.SITE: ThresholdSource.SITE,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """How long a restoration may take, and what a minute or a good one is worth, in whole USDC."""

    threshold_minutes: int
    penalty_per_minute: int
    reward_base: int


class Published(Protocol):
    """What the choice of terms reads of a published policy."""

    scope_kind: str
    operator_id: UUID | None
    site_id: UUID | None
    severity: str
    version: int
    inherit: bool
    effective_at: datetime


P = TypeVar("P", bound=Published)


def in_force(
    policies: Iterable[P],
    *,
    severity: str,
    site_id: UUID | None,
    operator_id: UUID | None,
    at: datetime,
) -> P | None:
    """Choose the policy that binds an outage of this severity and place, detected at ``at``.

    The first scope of site, operator, default that has a version in effect; of these the highest;
    one that inherits passes on to the next scope. None: nothing was in force yet.
    """
    heads: dict[str, P] = {}
    for policy in policies:
        if policy.severity != severity or policy.effective_at > at:
            continue
        if not _binds(policy, site_id, operator_id):
            continue
        head = heads.get(policy.scope_kind)
        if head is None or policy.version > head.version:
            heads[policy.scope_kind] = policy
    for kind in _MOST_SPECIFIC_FIRST:
        head = heads.get(kind)
        if head is not None and not head.inherit:
            return head
    return None


def threshold_source(scope_kind: str) -> ThresholdSource:
    """Name the scope as results do: the default scope is ``config``."""
    return _SOURCES[ScopeKind(scope_kind)]


def content_hash(
    severity: str,
    version: int,
    terms: Terms,
    *,
    scope: str = ScopeKind.DEFAULT,
    calendar_hash: str = "",
    maintenance_notice_hours: int = 0,
) -> str:
    """Hash what a policy says (SHA-256, hex). What has its default value leaves no key behind."""
    content: dict[str, object] = {
        "severity": severity,
        "policy_version": version,
        "threshold_minutes": terms.threshold_minutes,
        "penalty_per_minute": terms.penalty_per_minute,
        "reward_base": terms.reward_base,
    }
    if scope != ScopeKind.DEFAULT:
        content["scope"] = scope
    if calendar_hash:
        content["calendar"] = calendar_hash
    if maintenance_notice_hours:
        content["maintenance_notice_hours"] = maintenance_notice_hours
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def config_version_hash(terms: Mapping[str, Terms]) -> int:
    """Fold the four default policies into the contract's u64, products wrapping at 64 bits."""
    digest = power = 1
    for severity in CONTRACT_ORDER:
        of = terms[severity]
        for field in (of.threshold_minutes, of.penalty_per_minute, of.reward_base):
            digest = (digest * _BASE + field) * power % _WORD % _MODULUS
            power = power * _BASE % _WORD % _MODULUS
    return (digest * _BASE + _SALT) % _WORD % _MODULUS


def contract_refusal(severity: str, terms: Terms, others: Mapping[str, Terms]) -> int | None:
    """Answer the number with which the contract would refuse these terms, or None.

    ``others`` holds the terms that the contract has for the other severities. Rules in the order
    in which the contract asks: 11 severity, 8 threshold, 9 penalty, 10 reward.
    """
    if severity not in CONTRACT_ORDER:
        return 11
    known = Severity(severity)
    return (
        _beyond_contract_bounds(terms)
        or _beyond_severity_bounds(known, terms)
        or (10 if 3 * terms.penalty_per_minute >= 2 * terms.reward_base else None)
        or _out_of_order(known, terms, others)
    )


def _binds(policy: Published, site_id: UUID | None, operator_id: UUID | None) -> bool:
    if policy.scope_kind == ScopeKind.SITE:
        return site_id is not None and policy.site_id == site_id
    if policy.scope_kind == ScopeKind.OPERATOR:
        return operator_id is not None and policy.operator_id == operator_id
    return True


def _beyond_contract_bounds(terms: Terms) -> int | None:
    if not 1 <= terms.threshold_minutes <= 1_440:
        return 8
    if not 1 <= terms.penalty_per_minute <= 10_000:
        return 9
    if not 1 <= terms.reward_base <= 100_000:
        return 10
    return None


def _beyond_severity_bounds(severity: Severity, terms: Terms) -> int | None:
    if severity == Severity.LOW:
        return 9 if terms.penalty_per_minute > 100 else None
    longest, cheapest = _LONGEST_CHEAPEST[severity]
    if terms.threshold_minutes > longest:
        return 8
    return 9 if terms.penalty_per_minute < cheapest else None


def _out_of_order(severity: Severity, terms: Terms, others: Mapping[str, Terms]) -> int | None:
    """A graver outage may not be cheaper by the minute; low itself is never compared upward."""
    penalty = terms.penalty_per_minute
    below, above = _CHEAPER.get(severity), _DEARER.get(severity)
    if below and penalty < others[below].penalty_per_minute:
        return 9
    if above and penalty > others[above].penalty_per_minute:
        return 9
    return None
