"""Who does something, and whether they may: a role in a place. Pure; needs no database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.errors import Forbidden, Unauthenticated

ROLES = ("viewer", "operator", "engineer", "manager", "admin")
_RANK = {role: rank for rank, role in enumerate(ROLES, start=1)}


@dataclass(frozen=True)
class Place:
    """Where something is: a site, its region and every region above that one (wire ids)."""

    site_id: str = ""
    region_ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Actor:
    """The caller of a verb. ``id`` is ``usr_...`` (a key's is its owner's) or an app's name."""

    id: str
    kind: str  # person, api_key, system
    global_role: str = ""
    region_roles: Mapping[str, str] = field(default_factory=dict)  # region id -> role
    site_roles: Mapping[str, str] = field(default_factory=dict)  # site id -> role
    key_id: str = ""
    key_scopes: frozenset[str] = frozenset()
    key_rate_rpm: int | None = None  # what the key may do in a minute; None: RATE_LIMIT_RPM
    session_id: str = ""
    impersonator: str = ""
    address: str = ""
    mfa_at: datetime | None = None
    reauthenticated_at: datetime | None = None
    # A role of theirs demands a second factor (MFA_REQUIRED_ROLES), and they proved none.
    owes_second_factor: bool = False

    @property
    def highest_role(self) -> str:
        roles = [self.global_role, *self.region_roles.values(), *self.site_roles.values()]
        return max(roles, key=lambda role: _RANK.get(role, 0), default="")


def system(app: str) -> Actor:
    """The product itself acting, in the name of one of its apps."""
    return Actor(id=app, kind="system", global_role="admin")


class NotPermitted(Forbidden):
    code = "forbidden"
    title = "Not permitted"


class SecondFactorRequired(Forbidden):
    code = "second_factor_required"
    title = "Second factor required"
    summary = (
        "Your role demands a second factor. Set one up (POST /auth/2fa/setup), or prove the one "
        "you have (POST /auth/reauthenticate)."
    )


class ImpersonatorRefused(Forbidden):
    code = "impersonating"
    title = "Not while impersonating"
    summary = "This is not done in somebody else's name. End the impersonation first."


class ReauthenticationRequired(Unauthenticated):
    code = "reauthentication_required"
    title = "Prove it is you"
    summary = "This needs a fresh proof that it is you: POST /auth/reauthenticate."


@dataclass(frozen=True)
class Verdict:
    allowed: bool
    reason: str = "ok"


def reaches(role: str, least_role: str) -> bool:
    """Whether a role may do what ``least_role`` may; no role reaches nothing."""
    return _RANK.get(role, 0) >= _RANK[least_role]


def role_at(actor: Actor, place: Place | None) -> str:
    """The highest role of the actor in a place; without a place only global roles count."""
    roles = [actor.global_role]
    if place is not None:
        roles.append(actor.site_roles.get(place.site_id, ""))
        roles += [role for region, role in actor.region_roles.items() if region in place.region_ids]
    return max(roles, key=lambda role: _RANK.get(role, 0))


def may(actor: Actor, least_role: str, key_scope: str, place: Place | None = None) -> Verdict:
    """Judge whether the actor's role in this place reaches ``least_role``.

    ``key_scope`` is ``<area>:read`` or ``<area>:write``; it binds API keys only.
    """
    if actor.kind == "system":
        return Verdict(True)
    if actor.owes_second_factor:
        return Verdict(False, "second_factor_required")
    if actor.kind == "api_key" and not _key_allows(actor.key_scopes, key_scope):
        return Verdict(False, "key_scope_missing")
    if reaches(role_at(actor, place), least_role):
        return Verdict(True)
    if reaches(actor.highest_role, least_role):
        return Verdict(False, "outside_scope")
    return Verdict(False, "role_too_low")


def require(actor: Actor, least_role: str, key_scope: str, place: Place | None = None) -> None:
    """Pass, or refuse with the reason. Raises: NotPermitted, SecondFactorRequired."""
    verdict = may(actor, least_role, key_scope, place)
    if not verdict.allowed:
        raise refusal(verdict.reason, least_role, key_scope)


PROOF_LASTS = timedelta(minutes=15)


def require_oneself(actor: Actor) -> None:
    """Refuse what nobody does in another's name. Raises: ImpersonatorRefused."""
    if actor.impersonator:
        raise ImpersonatorRefused


def require_fresh_proof(actor: Actor, at: datetime) -> None:
    """Ask persons for a sign-in, password or code within 15 minutes.

    Raises: ImpersonatorRefused, ReauthenticationRequired.
    """
    require_oneself(actor)
    if actor.kind != "person":
        return
    proved = actor.reauthenticated_at
    if proved is None or at - proved > PROOF_LASTS:
        raise ReauthenticationRequired


def refusal(reason: str, least_role: str, key_scope: str = "") -> Forbidden:
    """The refusal that names what is missing."""
    if reason == "second_factor_required":
        return SecondFactorRequired()
    words = {
        "role_too_low": f"This needs the role {least_role}.",
        "outside_scope": f"This needs the role {least_role} here; yours holds elsewhere.",
        "key_scope_missing": f"This needs an API key with {key_scope or 'another scope'}.",
    }
    return NotPermitted(
        words.get(reason, "This is not permitted."),
        reason=reason,
        required_role=least_role,
        required_scope=key_scope if reason == "key_scope_missing" else None,
    )


def _key_allows(scopes: frozenset[str], needed: str) -> bool:
    area = needed.partition(":")[0]
    return bool(scopes & {needed, f"{area}:write", "admin:full"})
