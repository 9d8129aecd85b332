"""Who may do what to accounts, what a session is worth, and the form of tokens. Pure."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import jwt

from accounts.choices import Role, ScopeKind, SessionState, UserStatus
from core.actors import ROLES, Actor, reaches, require
from core.errors import Forbidden, Invalid, Unauthenticated
from core.ids import MalformedId, decode, encode, uuid7

USER, GRANT, SESSION = "usr", "grt", "ses"  # prefixes of wire ids


class CredentialsInvalid(Unauthenticated):
    code = "credentials_invalid"
    title = "Credentials invalid"
    summary = "These credentials are not valid."


class TokenExpired(Unauthenticated):
    code = "token_expired"
    title = "Token expired"
    summary = "The token has expired. Refresh it, or sign in again."


class SessionRevoked(Unauthenticated):
    code = "session_revoked"
    title = "Session ended"
    summary = "This session has ended. Sign in again."


class CsrfFailed(Forbidden):
    code = "csrf_failed"
    title = "CSRF check failed"
    summary = "Send the value of the cookie apex_csrf as X-CSRF-Token, from an origin of ours."


class RoleAboveOwn(Forbidden):
    code = "role_above_own"
    title = "Role above your own"
    summary = "Nobody gives a role higher than their own."


class OwnGrants(Forbidden):
    code = "own_grants"
    title = "Your own grants"
    summary = "Nobody changes their own roles. Ask another administrator."


class UnknownScope(Invalid):
    code = "unknown_scope"
    title = "Unknown scope"
    summary = "A grant holds globally, or names a region (reg_...) or a site (site_...)."


class AlreadyOver(Invalid):
    code = "grant_already_over"
    title = "Grant already over"
    summary = "A grant ends in the future, or never."


# People and their roles

LONGEST_EMAIL = 254
SHORTEST_PASSWORD, SHORTEST_FOR_POWER, LONGEST_PASSWORD = 8, 12, 128


def normal_email(given: str) -> str:
    """The one spelling of an e-mail address: NFKC, lower case."""
    return unicodedata.normalize("NFKC", given).strip().lower()


def name_from_email(email: str) -> str:
    return email.partition("@")[0][:255]


def shortest_password(role: str) -> int:
    """How many characters a password needs at least: 12 for managers and above, else 8."""
    return SHORTEST_FOR_POWER if reaches(role, Role.MANAGER) else SHORTEST_PASSWORD


def highest(roles: Iterable[str]) -> str:
    """The highest of these roles; nothing of none."""
    return max(roles, key=ROLES.index, default="")


def require_may_manage_people(actor: Actor) -> None:
    """Global administrators manage people. Raises: NotPermitted."""
    require(actor, Role.ADMIN, "admin:full")


def require_may_grant(actor: Actor, user_id: UUID, role: str) -> None:
    """Raises: NotPermitted, OwnGrants, RoleAboveOwn."""
    require_may_manage_people(actor)
    if actor.id == encode(USER, user_id):
        raise OwnGrants
    if not reaches(actor.global_role, role):
        raise RoleAboveOwn


def require_may_end_session(actor: Actor, owner_id: UUID) -> None:
    """One's own session, or an administrator. Raises: NotPermitted."""
    if actor.id != encode(USER, owner_id):
        require_may_manage_people(actor)


def check_scope(role: str, scope_kind: str, scope_id: str | None) -> None:
    """A scope is global without an id, or an id of its kind; administrators are global.

    Raises: UnknownScope.
    """
    prefix = {ScopeKind.REGION.value: "reg", ScopeKind.SITE.value: "site"}.get(scope_kind)
    if prefix is None:
        if scope_kind != ScopeKind.GLOBAL or scope_id is not None:
            raise UnknownScope
        return
    try:
        known = scope_id is not None and encode(prefix, decode(prefix, scope_id)) == scope_id
    except MalformedId:
        known = False
    if not known:
        raise UnknownScope
    if role == Role.ADMIN:
        raise UnknownScope("An administrator is one everywhere.")


# The least role for each area, as a person sees it in ``permissions`` of GET /auth/me.
_LEAST: Mapping[str, str] = {
    "audit:read": Role.MANAGER,
    "outages:read": Role.VIEWER,
    "outages:write": Role.OPERATOR,
    "payments:read": Role.VIEWER,
    "payments:write": Role.ENGINEER,
    "sites:read": Role.VIEWER,
    "sites:write": Role.ENGINEER,
    "sla:read": Role.VIEWER,
    "sla:write": Role.OPERATOR,
    "webhooks:read": Role.ENGINEER,
    "webhooks:write": Role.ENGINEER,
}


def permissions_of(role: str) -> list[str]:
    """The areas that a role opens; which verbs of an area, each verb says itself."""
    found = [name for name, least in _LEAST.items() if reaches(role, least)]
    return [*found, "admin:full"] if role == Role.ADMIN else found


# Apps whose pages in the back office show what no place narrows: they take a role held everywhere.
_LEAST_EVERYWHERE: Mapping[str, str] = {
    "accounts": Role.MANAGER,
    "audit": Role.MANAGER,
    "core": Role.ENGINEER,
    "django_celery_beat": Role.ADMIN,
}


def may_view_in_back_office(role: str, global_role: str, app: str) -> bool:
    if app in _LEAST_EVERYWHERE:
        return reaches(global_role, _LEAST_EVERYWHERE[app])
    return reaches(role, Role.OPERATOR)


def may_in_back_office(role: str, global_role: str, permission: str) -> bool:
    """Judge a Django permission ``<app>.<action>_<model>``; ``role`` is the highest held anywhere.

    Views by role; plain forms are the administrator's. Acts of a domain are admin actions, which
    call a verb, and the verb judges.
    """
    app, _, name = permission.partition(".")
    if name.startswith("view_"):
        return may_view_in_back_office(role, global_role, app)
    return global_role == Role.ADMIN


# Sessions

ABSOLUTE = timedelta(days=30)
SEEN_EVERY = timedelta(minutes=1)


def ends_of_session(at: datetime, idle: timedelta) -> tuple[datetime, datetime]:
    """When a session opened at ``at`` ends if it rests, and when in any case."""
    return min(at + idle, at + ABSOLUTE), at + ABSOLUTE


def require_live(
    *, state: str, user_status: str, expires_at: datetime, ends_at: datetime, at: datetime
) -> None:
    """The row decides, whatever was signed. Raises: CredentialsInvalid, SessionRevoked."""
    if state == SessionState.PENDING:
        raise CredentialsInvalid
    if state != SessionState.LIVE or user_status != UserStatus.ACTIVE:
        raise SessionRevoked
    if at >= expires_at or at >= ends_at:
        raise SessionRevoked("This session has run out. Sign in again.")


Generation = Literal["present", "just_before", "reused", "unknown"]


def judge_generation(
    given: int, present: int, rotated_at: datetime | None, at: datetime, grace: timedelta
) -> Generation:
    """What a refresh token's generation says against the row.

    ``just_before``: two tabs, or an answer that got lost, within the grace. ``reused``: the token
    was used up longer ago, so two parties hold it.
    """
    if given == present:
        return "present"
    if given > present:
        return "unknown"
    if given == present - 1 and rotated_at is not None and at - rotated_at <= grace:
        return "just_before"
    return "reused"


# Tokens. PyJWT itself and no token classes on top: the key and the instant come from the caller,
# so that reading a token is pure, and tells a token that expired from one that never was ours.

ISSUER = "noc-iq"
AUDIENCE = "noc-iq"
ALGORITHM = "HS256"
LEEWAY = timedelta(seconds=10)
LONGEST_TOKEN = 1024  # ours have half of that; what is longer is not worth parsing

TokenKind = Literal["access", "refresh"]


@dataclass(frozen=True)
class Claims:
    """What a token with a valid signature says: which session, whose, and of which generation."""

    session_id: UUID
    user_id: str
    generation: int | None


def sign_token(
    kind: TokenKind,
    *,
    user_id: UUID,
    session_id: UUID,
    at: datetime,
    expires_at: datetime,
    key: str,
    generation: int | None = None,
) -> str:
    """Sign a token that names a session. Source: access.md 5.1, RFC 7519."""
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": encode(USER, user_id),
        "sid": encode(SESSION, session_id),
        "jti": uuid7().hex,
        "iat": int(at.timestamp()),
        "exp": int(expires_at.timestamp()),
        "token_type": kind,
    }
    if generation is not None:
        claims["gen"] = generation
    return jwt.encode(claims, key, algorithm=ALGORITHM)


def read_token(
    token: str, kind: TokenKind, *, key: str, at: datetime, even_expired: bool = False
) -> Claims:
    """Read a token of this kind that we signed. Raises: CredentialsInvalid, TokenExpired."""
    if len(token) > LONGEST_TOKEN:
        raise CredentialsInvalid
    found, found_kind, ends = _verified(token, key)
    if found_kind != kind or (kind == "refresh") is (found.generation is None):
        raise CredentialsInvalid
    if at >= ends + LEEWAY and not even_expired:
        raise TokenExpired
    return found


@lru_cache(maxsize=4096)  # the same token comes with every request of its quarter of an hour
def _verified(token: str, key: str) -> tuple[Claims, str, datetime]:
    """What a token says that this key signed, of which kind it is, and when it ends."""
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            # The instant is the caller's, not the library's.
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        ends = datetime.fromtimestamp(claims["exp"], UTC)
        found = Claims(decode(SESSION, claims["sid"]), claims["sub"], claims.get("gen"))
        return found, claims["token_type"], ends
    except (jwt.InvalidTokenError, MalformedId, KeyError, TypeError, ValueError, OverflowError):
        raise CredentialsInvalid from None
