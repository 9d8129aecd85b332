"""Identifiers: UUIDv7 inside, a prefix and 26 base32 characters on the wire (the TypeID form)."""

import os
import re
import time
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from core.errors import Malformed

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}
# The last 62 bits; and the four of the version with the two of the variant.
_RANDOM = (1 << 62) - 1
_VERSION_7 = 7 << 76 | 2 << 62
_BARE = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class MalformedId(Malformed):
    code = "malformed_id"
    title = "Malformed id"


def uuid7() -> UUID:
    """Make an id that sorts after those this process made before.

    Source: RFC 9562, section 5.7, with the 12 bits behind the milliseconds as their fraction
    (section 6.2, method 3): steps of a quarter of a microsecond, less than one call takes.
    """
    millis, nanos = divmod(time.time_ns(), 1_000_000)
    fraction = (nanos << 12) // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") & _RANDOM
    return UUID(int=millis << 80 | fraction << 64 | random | _VERSION_7)


def earliest_at(at: datetime) -> UUID:
    """The lowest UUIDv7 of this instant: every id that was made before it is less."""
    return UUID(int=int(at.timestamp() * 1000) << 80 | _VERSION_7)


def suffix(value: UUID) -> str:
    """Spell the 128 bits as 26 characters of lower-case Crockford base32."""
    number = value.int
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


@lru_cache(maxsize=8192)  # a bulk act names the same few places over and over
def encode(prefix: str, value: UUID) -> str:
    """Spell an id for the wire: ``pay_01h455vb4pex5vsknk084sn02q``."""
    return f"{prefix}_{suffix(value)}"


def decode(prefix: str, text: str) -> UUID:
    """Read a wire id, or a bare UUID with or without hyphens.

    Raises: MalformedId for another prefix, another alphabet or more than 128 bits.
    """
    if _BARE.fullmatch(text):
        return UUID(text)
    found, separator, body = text.rpartition("_")
    if found == prefix and separator and len(body) == 26 and body[0] in "01234567":
        try:
            number = 0
            for character in body:
                number = number << 5 | _VALUE[character]
        except KeyError:
            pass
        else:
            return UUID(int=number)
    raise MalformedId(f"An id here looks like {prefix}_ and 26 characters, or like a UUID.")
