"""People, what they may do where, and how they are in: each change is a verb that is asked for."""

from accounts.admin.grants import GrantAdmin, GroupMappingAdmin
from accounts.admin.keys import ApiKeyAdmin
from accounts.admin.people import UserAdmin
from accounts.admin.sessions import SessionAdmin
from accounts.admin.teams import TeamAdmin

__all__ = [
    "ApiKeyAdmin",
    "GrantAdmin",
    "GroupMappingAdmin",
    "SessionAdmin",
    "TeamAdmin",
    "UserAdmin",
]
