"""How a person likes their screens: what is kept of it, and how much."""

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from core.wire import INT64, is_clean

LARGEST_BYTES = 16 * 1024
DEEPEST = 8
DEFAULTS: Mapping[str, Any] = {
    "onboardingTourDone": False,
    "tableDensity": "default",
    "columnVisibility": {},
    "outageFilterPresets": [],
}


def whole(stored: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored, over the defaults."""
    return {**DEFAULTS, **stored}


def version_of(stored: Mapping[str, Any]) -> int:
    """A number that changes with the content: preferences are replaced whole, so no row counts."""
    text = json.dumps(stored, sort_keys=True, separators=(",", ":"))
    return zlib.crc32(text.encode()) % 10**9


def fault_in(document: Mapping[str, Any]) -> str:
    """Why these cannot be kept: ``too_large``, ``too_deep``, ``forbidden_character``,
    ``out_of_range``; empty if they can.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode(errors="surrogatepass")) > LARGEST_BYTES:
        return "too_large"
    return _fault_at(1, [document])


def _fault_at(depth: int, values: Iterable[Any]) -> str:
    """The first fault among values that lie inside ``depth - 1`` others, or further inside."""
    inner: list[Any] = []
    for value in values:
        if isinstance(value, str) and not is_clean(value):
            return "forbidden_character"
        # PostgreSQL writes out a number's digits, and beyond 64 bits it comes back another.
        if isinstance(value, int | float) and abs(value) >= INT64:
            return "out_of_range"
        if isinstance(value, Mapping | list):
            if depth > DEEPEST:
                return "too_deep"
            inner.extend(value)
        if isinstance(value, Mapping):
            inner.extend(value.values())
    return _fault_at(depth + 1, inner) if inner else ""
