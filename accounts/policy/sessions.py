"""What a session is worth."""

from datetime import datetime, timedelta
from typing import Literal

from accounts.choices import SessionState, UserStatus
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
