"""The verbs of access."""

from accounts.services.grants import (
    GrantNotFound,
    LastAdmin,
    UserNotFound,
    end_grant,
    grant_role,
)
from accounts.services.people import (
    EmailTaken,
    InvalidEmail,
    PasswordTooWeak,
    RegistrationClosed,
    create_user,
    disable_user,
    enable_user,
    register_user,
)
from accounts.services.sessions import (
    SessionNotFound,
    SignedIn,
    open_session,
    revoke_all_sessions,
    revoke_session,
    rotate_session,
    see_session,
)

__all__ = [
    "EmailTaken",
    "GrantNotFound",
    "InvalidEmail",
    "LastAdmin",
    "PasswordTooWeak",
    "RegistrationClosed",
    "SessionNotFound",
    "SignedIn",
    "UserNotFound",
    "create_user",
    "disable_user",
    "enable_user",
    "end_grant",
    "grant_role",
    "open_session",
    "register_user",
    "revoke_all_sessions",
    "revoke_session",
    "rotate_session",
    "see_session",
]
