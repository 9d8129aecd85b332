"""API keys: their form, what they open, for how long, and which of them is refused. Pure."""

import base64
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal
from uuid import UUID

from accounts.choices import Role, UserStatus
from accounts.policy.access import RoleAboveOwn, require_may_manage_people, require_no_key
from accounts.policy.ids import USER
from core.actors import (
    Actor,
    SecondFactorRequired,
    may,
    require_fresh_proof,
    require_oneself,
)
from core.errors import Fault, Invalid, ValidationFailed
from core.ids import encode

AREAS = (
    "alerts", "audit", "emissions", "incidents", "inventory", "jobs", "notifications", "oncall",
    "outages", "payments", "reports", "sites", "sla", "wallets", "webhooks",
)  # fmt: skip
FULL = "admin:full"
KEY_SCOPES = (*(f"{area}:{right}" for area in AREAS for right in ("read", "write")), FULL)

LONGEST_LIFE = timedelta(days=365)
LIFE_OF_A_PERSONS = timedelta(days=90)
MOST_NETWORKS = 10
MOST_OVERLAP_HOURS = 168
USED_EVERY = timedelta(minutes=1)

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_FORM = re.compile(rf"noc_([{_ALPHABET}]{{12}})_[A-Za-z0-9_-]{{43}}")


class KeyScopeUnknown(Invalid):
    code = "key_scope_unknown"
    title = "Unknown key scope"
    summary = "A scope is <area>:read or <area>:write, or admin:full."


class ExpiryTooFar(Invalid):
    code = "expiry_too_far"
    title = "Expiry too far"
    summary = f"A key lives for {LONGEST_LIFE.days} days at most."


def make_key(public: bytes, secret: bytes) -> str:
    """Spell a key of 8 random bytes that name it (60 bits count) and 32 that prove it."""
    number = int.from_bytes(public, "big")
    name = "".join(_ALPHABET[(number >> shift) & 31] for shift in range(55, -1, -5))
    return f"noc_{name}_{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"


def looks_like_key(token: str) -> bool:
    """Whether this means to be a key of ours; an access token never starts so."""
    return token.startswith("noc_")


def public_id_of(key: str) -> str | None:
    """The part that names a key; None if it has not the form of one."""
    found = _FORM.fullmatch(key)
    return found[1] if found else None


def hash_of(key: str) -> str:
    """What is stored of a key. 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True)
class KeyFacts:
    """What the row of a key says."""

    hash: str
    networks: Sequence[str]
    expires_at: datetime
    revoked_at: datetime | None
    owner_status: str


Outcome = Literal[
    "ok", "unknown", "wrong_secret", "revoked", "expired", "owner_inactive", "wrong_network"
]
_NO_HASH = "0" * 64


def judge_key(found: KeyFacts | None, key: str, address: str, at: datetime) -> Outcome:
    """Whether a key lets its bearer in from this address, or why not.

    The secret is compared in constant time, and also where there is none to compare with.
    """
    matches = hmac.compare_digest(found.hash if found else _NO_HASH, hash_of(key))
    if found is None:
        return "unknown"
    if not matches:
        return "wrong_secret"
    if found.revoked_at is not None:
        return "revoked"
    if at >= found.expires_at:
        return "expired"
    if found.owner_status != UserStatus.ACTIVE:
        return "owner_inactive"
    return "ok" if _reaches_us(found.networks, address) else "wrong_network"


def _reaches_us(networks: Sequence[str], address: str) -> bool:
    if not networks:
        return True
    try:
        came_from: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(came_from, ipaddress.IPv6Address) and came_from.ipv4_mapped is not None:
        came_from = came_from.ipv4_mapped
    return any(came_from in _network(each) for each in networks)


_network = lru_cache(maxsize=1024)(ipaddress.ip_network)


def normal_networks(given: Collection[str]) -> list[str]:
    """The one spelling of these networks (CIDR); a bare address is a network of one.

    Raises: ValidationFailed.
    """
    if len(given) > MOST_NETWORKS:
        detail = f"At most {MOST_NETWORKS} networks, not {len(given)}."
        raise ValidationFailed(faults=[Fault("/networks", "too_many", detail)])
    found, faults = [], []
    for index, each in enumerate(given):
        try:
            found.append(str(ipaddress.ip_network(each.strip())))
        except ValueError:
            detail = f"{each[:64]!r} is no network such as 10.0.0.0/8, without bits of a host."
            faults.append(Fault(f"/networks/{index}", "not_a_network", detail))
    if faults:
        raise ValidationFailed(faults=faults)
    return list(dict.fromkeys(found))


def normal_scopes(given: Collection[str]) -> list[str]:
    """These scopes without doubles, in order. Raises: KeyScopeUnknown."""
    unknown = [
        Fault(
            f"/scopes/{index}",
            "key_scope_unknown",
            f"{each[:64]!r} is no scope. One of {', '.join(KEY_SCOPES)}.",
            more={"allowed": list(KEY_SCOPES)},
        )
        for index, each in enumerate(given)
        if each not in KEY_SCOPES
    ]
    if unknown or not given:
        raise KeyScopeUnknown(faults=unknown)
    return sorted(set(given))


def check_power(scopes: Collection[str], actor: Actor, *, owner_is_admin: bool) -> None:
    """``admin:full`` is given by an administrator, and to one. Raises: NotPermitted, RoleAboveOwn.

    It would open nothing to others, but must not lie in wait for their rise.
    """
    if FULL in scopes:
        require_may_manage_people(actor)
        if not owner_is_admin:
            raise RoleAboveOwn("admin:full is for keys of administrators only.")


def end_of_key(wanted: datetime | None, at: datetime, *, is_service: bool) -> datetime:
    """When a key made at ``at`` ends: as wanted, else after 90 days (a service's: 365).

    Raises: ExpiryTooFar, ValidationFailed.
    """
    if wanted is None:
        return at + (LONGEST_LIFE if is_service else LIFE_OF_A_PERSONS)
    if wanted > at + LONGEST_LIFE:
        raise ExpiryTooFar
    if wanted <= at:
        detail = "A key ends in the future."
        raise ValidationFailed(faults=[Fault("/expires_at", "out_of_range", detail)])
    return wanted


def require_may_manage_keys(actor: Actor, at: datetime) -> None:
    """People manage keys, freshly proved, in their own name. Whose, ``has_keys_of`` says.

    Raises: ImpersonatorRefused, NotPermitted, SecondFactorRequired, ReauthenticationRequired.
    """
    require_oneself(actor)
    require_no_key(actor)
    if actor.owes_second_factor:
        raise SecondFactorRequired
    require_fresh_proof(actor, at)


def has_keys_of(actor: Actor, owner_id: UUID) -> bool:
    """Whether this person's keys are in the actor's hand: one's own, an administrator's all."""
    return actor.id == encode(USER, owner_id) or may(actor, Role.ADMIN, FULL).allowed
