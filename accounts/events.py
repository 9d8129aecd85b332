"""What accounts tell the rest of the house. Internal: never sent to subscribers."""

from dataclasses import dataclass
from typing import ClassVar

from core.events import Event


@dataclass(frozen=True, kw_only=True)
class SessionRevoked(Event):
    """A session ended; open streams of it close."""

    type: ClassVar[str] = "session.revoked"
    public: ClassVar[bool] = False
    wakes_streams: ClassVar[bool] = True
    subject: ClassVar[str] = "session_id"

    session_id: str
    user_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class AccountChanged(Event):
    """Something happened to an account that its owner should hear of."""

    type: ClassVar[str] = "account.changed"
    public: ClassVar[bool] = False
    subject: ClassVar[str] = "user_id"

    user_id: str
    # password, password_reset, second_factor, api_key, grant, impersonation, token_reuse,
    # sign_in_from_new_network, failed_sign_ins, identity_provider_linked, registered_again
    what: str
