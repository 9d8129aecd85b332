"""Which terms bind an outage: those in force when it was detected, of the narrowest scope."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import prefetch_related_objects

from core import statements
from core.errors import NotFound
from network import queries as network
from outages.choices import Severity
from sla.choices import PolicyState, ScopeKind
from sla.models import Policy
from sla.policy import terms as rules
from sla.policy.assess import Applied


class NoTermsInForce(NotFound):
    code = "sla_terms_not_found"
    title = "No terms in force"
    summary = "No SLA terms were in force at that instant."


@dataclass(frozen=True, kw_only=True, slots=True)
class Binding:
    """The policy that binds an outage, among the four default ones in force at that instant."""

    policy: Policy
    defaults: Mapping[str, Policy]


def applied(policy: Policy) -> Applied:
    """The policy as an assessment takes it."""
    return Applied(
        terms=policy.terms,
        content_hash=policy.content_hash,
        version=policy.version,
        source=rules.threshold_source(policy.scope_kind),
    )


def config_version_hash(defaults: Mapping[str, Policy]) -> int:
    """The contract's hash of four default policies."""
    return rules.config_version_hash(
        {severity: policy.terms for severity, policy in defaults.items()}
    )


def published(site_ids: Collection[UUID] = (), operator_ids: Collection[UUID] = ()) -> list[Policy]:
    """Every published policy of the default scope and of these sites and operators. One query."""
    found = statements.fetch(
        _PUBLISHED, [statements.array(site_ids), statements.array(operator_ids)]
    )
    return list(policies(policy_id for (policy_id,) in found).values())


# The published policies of everybody, for a statement that asks for more.
DEFAULTS = """
SELECT id FROM sla_policy
 WHERE state = 'published' AND scope_kind = 'default' ORDER BY effective_at, id
"""
_PUBLISHED = """
SELECT id FROM sla_policy
 WHERE state = 'published'
   AND (scope_kind = 'default' OR site_id = ANY(%s) OR operator_id = ANY(%s))
 ORDER BY effective_at, id
"""
# What a policy says never changes, a trigger sees to that: this process reads it once.
_read: dict[UUID, tuple[Any, ...]] = {}


def policies(ids: Iterable[UUID]) -> dict[UUID, Policy]:
    """Answer these policies by id, in the order given. At most one query."""
    wanted = list(ids)
    if missing := [policy_id for policy_id in wanted if policy_id not in _read]:
        rows = statements.values(Policy, "WHERE t.id = ANY(%s)", [statements.array(missing)])
        _read.update((row[0], row) for row in rows)
    return {policy_id: statements.instance(Policy, _read[policy_id]) for policy_id in wanted}


def binding(
    *, severity: str, site_id: UUID | None, operator_id: UUID | None, at: datetime
) -> Binding:
    """Find the terms of an outage of this severity and place, detected at ``at``. One query.

    Raises: NoTermsInForce.
    """
    policies = published([site_id] if site_id else [], [operator_id] if operator_id else [])
    chosen = rules.in_force(
        policies, severity=severity, site_id=site_id, operator_id=operator_id, at=at
    )
    if chosen is None:
        raise NoTermsInForce
    return Binding(policy=chosen, defaults=_by_severity(policies, None, None, at))


def terms_in_force(severity: str, site_id: UUID | None, at: datetime) -> Policy:
    """Answer the policy in force at ``at`` for a severity at a site. Raises: NoTermsInForce."""
    facts = network.site_facts([site_id]).get(site_id) if site_id else None
    return binding(
        severity=severity,
        site_id=site_id,
        operator_id=facts.operator_id if facts else None,
        at=at,
    ).policy


def scope_policies(
    at: datetime, *, site_id: UUID | None = None, operator_id: UUID | None = None
) -> Mapping[str, Policy]:
    """Answer, by severity, the policy in force at ``at`` for a scope; by default for everybody.

    Raises: NoTermsInForce.
    """
    policies = published([site_id] if site_id else [], [operator_id] if operator_id else [])
    found = _by_severity(policies, site_id, operator_id, at)
    if site_id or operator_id:
        prefetch_related_objects(list(found.values()), "operator", "site")  # for their codes
    return found


def defaults_of(ids: Iterable[UUID], at: datetime) -> Mapping[str, Policy]:
    """Answer ``scope_policies(at)`` from what DEFAULTS has given. Raises: NoTermsInForce."""
    return _by_severity(list(policies(ids).values()), None, None, at)


def policy_of_version(severity: str, version: int) -> Policy:
    """Answer a published version of the default terms. Raises: NoTermsInForce."""
    policy = Policy.objects.filter(
        scope_kind=ScopeKind.DEFAULT,
        severity=severity,
        version=version,
        state=PolicyState.PUBLISHED,
    ).first()
    if policy is None:
        raise NoTermsInForce(f"There is no version {version} of the terms of severity {severity}.")
    return policy


def _by_severity(
    policies: Collection[Policy], site_id: UUID | None, operator_id: UUID | None, at: datetime
) -> Mapping[str, Policy]:
    found = {}
    for severity in Severity.values:
        policy = rules.in_force(
            policies, severity=severity, site_id=site_id, operator_id=operator_id, at=at
        )
        if policy is None:
            raise NoTermsInForce
        found[severity] = policy
    return found
