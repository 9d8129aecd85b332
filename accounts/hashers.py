"""Argon2id as OWASP advises it, and never so many at once that sign-ins exhaust the memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.contrib.auth.hashers import Argon2PasswordHasher

from core.errors import Busy

AT_ONCE = 4
WAIT_SECONDS = 2

_slots = BoundedSemaphore(AT_ONCE)


class Argon2id(Argon2PasswordHasher):
    """19 MiB, two passes, one lane. Source: OWASP Password Storage Cheat Sheet."""

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _slot():
            encoded: str = super().encode(password, salt)
        return encoded

    def verify(self, password: str, encoded: str) -> bool:
        with _slot():
            return bool(super().verify(password, encoded))


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=WAIT_SECONDS):
        raise Busy("Too many people sign in at this moment. Try again.")
    try:
        yield
    finally:
        _slots.release()
