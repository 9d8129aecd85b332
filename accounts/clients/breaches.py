"""Passwords known from breaches: five hex digits of a hash leave the house, and no more.

The library knows the form of the question and of the answer; the way out is `core.egress`. While
the list cannot be reached a password is accepted, and a line of the log counts it.
Source: docs/adr/0017.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from pwned_passwords_django.api import PwnedPasswords
from pwned_passwords_django.exceptions import PwnedPasswordsError

from core import egress

log = logging.getLogger(__name__)

ANSWERS_WITHIN_S = 1.0


class NoList(Exception):
    """The answer is not the list."""


@dataclass(frozen=True)
class _Answer:
    text: str

    def raise_for_status(self) -> None:
        """Nothing: another status has been refused."""


class _Way:
    """Stands where the library expects a client of its HTTP library."""

    def get(self, url: str, headers: Mapping[str, str], **_: Any) -> _Answer:
        reply = egress.fetch(url, headers=headers, timeout_s=ANSWERS_WITHIN_S)
        if reply.status != 200:
            raise NoList(reply.status)
        return _Answer(reply.body.decode())


class NotBreached:
    """A password validator of Django's: refuses what others have lost already."""

    def __init__(self) -> None:
        self._list = PwnedPasswords(client=_Way(), async_client=_Way())

    def validate(self, password: str, _user: object = None) -> None:
        try:
            found = self._list.check_password(password)
        except PwnedPasswordsError as error:
            log.warning("breach_check_unreachable", extra={"error": error.code.value})
            return
        if found:
            raise ValidationError(
                "This password is known from a breach elsewhere. Choose another one.",
                code="password_breached",
            )

    def get_help_text(self) -> str:
        return "The password must not be known from a breach."
