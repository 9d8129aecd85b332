"""One byte sequence per JSON value: RFC 8785, made cheap by having no floats.

Audit entries hash these bytes, webhooks sign them, cursors and fingerprints compare them.
"""

import json
import logging
import re
from collections.abc import Iterable, Mapping, Set
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from django.conf import settings

log = logging.getLogger(__name__)

# Beyond these a reader with IEEE doubles would see another number (RFC 7493, section 2.2).
LARGEST_INTEGER = 2**53 - 1

# PostgreSQL's jsonb refuses U+0000; a lone surrogate has no UTF-8.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
).encode


def dumps(value: object) -> str:
    """Write a value as canonical JSON text; equal values give equal bytes.

    Instants become UTC with six decimals and ``Z``, decimals plain digits, floats the string of
    their shortest form. Source: RFC 8785.
    """
    return _encode(plain(value))


def plain(value: object) -> Any:
    """Convert a value to the JSON types it is written with, maps in canonical order."""
    if type(value) is str:  # most values are
        return _text(value)
    match value:
        case Enum():
            return _text(str(value.value))
        case str():
            return _text(value)
        case None | bool():
            return value
        case int():
            return _integer(value)
        case Mapping():
            return _map(value)
        case list() | tuple():
            return [plain(item) for item in value]
        case Set():
            return sorted((plain(item) for item in value), key=_encode)
    return _spelled(value)


def _spelled(value: object) -> str:
    match value:
        case date():
            return _time(value)
        case Decimal():
            # An exponent far out would be written as that many zeros.
            return format(value, "f") if abs(value.adjusted()) <= 64 else str(value)
        case UUID():
            return str(value)
        case float():
            return repr(value)
    return _unknown(value)


def _text(value: str) -> str:
    if value.isascii() and "\x00" not in value:
        return str(value)
    return _UNSTORABLE.sub(_REPLACEMENT, value)


def _integer(value: int) -> int | str:
    if -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        return int(value)
    try:
        return str(int(value))
    except ValueError:  # more digits than Python converts to decimal
        return hex(value)


def _time(value: date) -> str:
    if not isinstance(value, datetime):
        return value.isoformat()
    if value.tzinfo is None:
        return value.isoformat(timespec="microseconds")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _map(value: Mapping[Any, Any]) -> dict[str, Any]:
    named = value if _is_simple(value) else {_key(key): item for key, item in value.items()}
    return {key: plain(named[key]) for key in _in_order(named)}


def _is_simple(value: Mapping[Any, Any]) -> bool:
    """Whether the keys are text that needs no conversion."""
    try:
        joined = "".join(value)
    except TypeError:
        return False
    return joined.isascii() and "\x00" not in joined


def _key(key: object) -> str:
    name = plain(key)
    return name if isinstance(name, str) else _encode(name)


def _in_order(keys: Iterable[str]) -> list[str]:
    # UTF-16 code units order as code points do unless a key leaves the ASCII range.
    if "".join(keys).isascii():
        return sorted(keys)
    return sorted(keys, key=lambda key: key.encode("utf-16-be"))


def _unknown(value: object) -> str:
    """A type nobody gave a form: refused where it is developed, written as text in production.

    The change that is being recorded must not be lost to its own record.
    """
    name = type(value).__name__
    if settings.DEBUG or settings.ENVIRONMENT == "test":
        raise TypeError(f"{name} has no canonical form")
    log.error("canonical_type_unknown", extra={"type": name})
    return _text(str(value))
