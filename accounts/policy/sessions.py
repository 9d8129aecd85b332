"""What a session is worth."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from accounts.choices import SessionKind, SessionState, UserStatus
from core.errors import Forbidden, Unauthenticated


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


SEEN_EVERY = timedelta(minutes=1)
ABSOLUTE = timedelta(days=30)  # of the longest kind
KEPT_AFTER_THE_END = timedelta(days=90)
# Whose refresh tokens are exchanged; the others have none.
ROTATING = (SessionKind.LOGIN, SessionKind.OIDC)


@dataclass(frozen=True)
class Lasts:
    """How long a session lasts if it rests, and how long in any case."""

    idle: timedelta
    absolute: timedelta


BACK_OFFICE = Lasts(timedelta(minutes=15), timedelta(hours=8))
CHALLENGE = Lasts(timedelta(minutes=5), timedelta(minutes=5))


def lasts_of(kind: str, idle: timedelta) -> Lasts:
    """How long a session of this kind lasts; ``idle`` is what people get here."""
    return BACK_OFFICE if kind == SessionKind.BACK_OFFICE else Lasts(min(idle, ABSOLUTE), ABSOLUTE)


def network_of(address: str | None) -> tuple[str, str] | None:
    """The first and last address of the network somebody calls from; None without an address.

    What one connection or office is usually given: a /24 of IPv4, a /48 of IPv6 (RFC 6177).
    """
    if address is None:
        return None
    found = ipaddress.ip_address(address)
    prefix = 24
    if isinstance(found, ipaddress.IPv6Address):
        prefix = 96 + 24 if found.ipv4_mapped else 48
    network = ipaddress.ip_network((found, prefix), strict=False)
    return str(network[0]), str(network[-1])


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
