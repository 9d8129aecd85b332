"""The cells of a file: what is put on on the way out is taken off on the way in."""

import json
import re
from collections.abc import Mapping

# A spreadsheet runs a cell that begins so. Apostrophes before it are counted too, so that taking
# one off is the exact reverse of putting one on.
_RUNS = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_BRACKETED = re.compile(r"\s*\[")

# The codes of JSON bodies (core.wire), as the rows of files say them.
FILE_CODES: Mapping[str, str] = {
    "required": "missing_value",
    "timezone_required": "naive_instant",
    "not_an_instant": "bad_instant",
    "unknown_choice": "bad_enum",
    "forbidden_character": "forbidden_value",
    "out_of_range": "bad_number",
    "too_many": "bad_list",
}


def guarded(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula."""
    return f"'{text}" if _RUNS.match(text) else text


def unguarded(text: str) -> str:
    """Take off the apostrophe that ``guarded`` put on."""
    return text[1:] if text[:1] == "'" and _GUARDED.match(text) else text


def listed(text: str, separators: str = "|") -> list[str] | None:
    """Read a list from a cell: a JSON array of texts, or values between separators.

    None: it begins like an array and is none.
    """
    if not _BRACKETED.match(text):
        cut = re.split(f"[{re.escape(separators)}]", text)
        return [value.strip() for value in cut if value.strip()]
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return values if all(isinstance(value, str) for value in values) else None
