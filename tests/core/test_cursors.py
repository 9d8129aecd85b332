import base64
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from core import pagination

CURSOR = (
    "eyJmIjoiZTllOTY1NjRkYTZlOThmOCIsImsiOlsiMjAyNi0wMS0wNVQxMDowMDowMC4wMDAwMDBaIiwiMDE4OTBhNWQt"
    "YWM5Ni03NzRiLWJjY2UtYjMwMjA5OWE4MDU3Il0sInMiOiJkZXRlY3RlZF9hdDpkZXNjIiwidiI6MX0"
)
ROW = (datetime(2026, 1, 5, 10, tzinfo=UTC), UUID("01890a5d-ac96-774b-bcce-b302099a8057"))
BOUND = "e9e96564da6e98f8"


def test_filters_hash_in_canonical_form() -> None:
    assert pagination.filter_hash({"severity": ["critical", "high"]}) == BOUND


def test_a_cursor_is_canonical_json_in_base64url() -> None:
    key = pagination.spell_key(ROW[0])
    assert pagination.make_cursor(BOUND, "detected_at:desc", key, str(ROW[1])) == CURSOR


def test_a_cursor_is_read_back() -> None:
    read = pagination.read_cursor(CURSOR, "detected_at:desc", BOUND, pagination.read_instant)
    assert read == ROW


@pytest.mark.parametrize(
    ("sort", "bound"), [("detected_at:asc", BOUND), ("detected_at:desc", "0" * 16)]
)
def test_a_cursor_of_another_list_is_refused(sort: str, bound: str) -> None:
    with pytest.raises(pagination.CursorMismatch):
        pagination.read_cursor(CURSOR, sort, bound, pagination.read_instant)


@pytest.mark.parametrize("cursor", ["x", "eyJ9", "e30", "bnVsbA", "W10", CURSOR[:-4], "é", "\x00"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(pagination.CursorInvalid):
        pagination.read_cursor(cursor, "detected_at:desc", BOUND, pagination.read_instant)


@pytest.mark.parametrize(
    "key",
    [
        "2026-01-05T10:00:00",  # no zone
        "2026-01-05",
        "9999-12-31T23:59:59-23:59",  # no such instant in UTC
        "0001-01-01T00:00:00+23:59",
        "infinity",
        7,
        None,
    ],
)
def test_a_key_that_is_no_instant_is_refused(key: object) -> None:
    cursor = pagination.make_cursor(BOUND, "detected_at:desc", key, str(ROW[1]))
    with pytest.raises(pagination.CursorInvalid):
        pagination.read_cursor(cursor, "detected_at:desc", BOUND, pagination.read_instant)


@pytest.mark.parametrize("key", ["a\x00b", "a\x1bb"])
def test_a_key_that_no_text_can_be_is_refused(key: str) -> None:
    document = {"f": BOUND, "k": [key, str(ROW[1])], "s": "site_name:asc", "v": 1}
    cursor = base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")
    with pytest.raises(pagination.CursorInvalid):
        pagination.read_cursor(cursor, "site_name:asc", BOUND, str)


def test_an_instant_is_read_in_utc() -> None:
    read = pagination.read_instant("2026-01-05T11:00:00+01:00")
    assert (read, read.tzinfo) == (ROW[0], UTC)
