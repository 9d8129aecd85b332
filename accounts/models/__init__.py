"""People, what they may do where, and how they get in."""

from accounts.models.grants import Grant, GroupMapping
from accounts.models.identities import Identity
from accounts.models.keys import ApiKey
from accounts.models.people import Membership, Team, User
from accounts.models.second_factor import BackupCode, OneTimeDevice
from accounts.models.sessions import Session

__all__ = [
    "ApiKey",
    "BackupCode",
    "Grant",
    "GroupMapping",
    "Identity",
    "Membership",
    "OneTimeDevice",
    "Session",
    "Team",
    "User",
]
