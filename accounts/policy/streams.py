"""What a client that listens for the end of its session is told of it."""

from dataclasses import dataclass
from datetime import datetime

from accounts.choices import SessionState, UserStatus

STREAMS_OF_ONE_PERSON = 10

# By how the exact reason begins. What is not here is an act of somebody in charge, or of ours.
_WORDS = (
    ("password", "password_changed"),
    ("second_factor", "password_changed"),  # what proves who one is has changed
    ("two_factor", "password_changed"),
    ("expired", "session_expired"),
    ("logout_all", "admin_logout"),
    ("logout", "session_expired"),  # their own, in another tab: nothing to warn of
)


@dataclass(frozen=True)
class SessionFacts:
    """A session's row, as far as it decides whether the session stands."""

    state: str
    revoked_reason: str
    user_status: str
    expires_at: datetime
    ends_at: datetime
    generation: int
    rotated_at: datetime | None


@dataclass(frozen=True)
class Farewell:
    """``reason`` is one of three words that clients act on, ``code`` the exact one."""

    reason: str
    code: str


def farewell(facts: SessionFacts | None, at: datetime) -> Farewell | None:
    """Tell why a session is over; None: it stands."""
    if facts is None:
        code = "expired_long_ago"  # its row is gone
    elif facts.state == SessionState.REVOKED:
        code = facts.revoked_reason or "ended"
    elif facts.user_status != UserStatus.ACTIVE:
        code = f"user_{facts.user_status}"
    elif at >= facts.ends_at:
        code = "expired"
    elif at >= facts.expires_at:
        code = "expired_at_rest"
    else:
        return None
    return Farewell(_reason_of(code), code)


def _reason_of(code: str) -> str:
    return next((word for start, word in _WORDS if code.startswith(start)), "admin_logout")
