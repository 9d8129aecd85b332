"""E-mail addresses, names and passwords."""

import unicodedata
from collections.abc import Iterable

from accounts.choices import Role
from core.actors import ROLES, reaches

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


def demands_second_factor(roles: Iterable[str], demanding: Iterable[str]) -> bool:
    """Whether one of these roles is among those that demand a second factor."""
    return not set(roles).isdisjoint(demanding)
