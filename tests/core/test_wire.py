from datetime import UTC, datetime
from typing import Annotated, Any

import pytest

from core import wire
from core.errors import Fault, ValidationFailed


class Sample(wire.Input):
    name: Annotated[str, wire.text(1, 10)] = "x"
    note: Annotated[str | None, wire.nullable_text(10)] = None
    colour: Annotated[str, wire.choice(("red", "blue"))] = "red"
    count: Annotated[int, wire.whole(0, 10)] = 0
    at: wire.Instant | None = None
    tags: Annotated[list[str], wire.texts(3, 5)] = []
    flag: wire.Flag = False


def faults(body: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationFailed) as refused:
        wire.read(Sample, body)
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": None}, [("/name", "required")]),
        ({"name": "  "}, [("/name", "required")]),
        ({"name": "12345678901"}, [("/name", "too_long")]),
        ({"name": "a\x00b"}, [("/name", "forbidden_character")]),
        ({"name": "a\ud800b"}, [("/name", "forbidden_character")]),
        ({"name": "a\x1bb"}, [("/name", "forbidden_character")]),
        ({"name": 7}, [("/name", "wrong_type")]),
        ({"colour": "green"}, [("/colour", "unknown_choice")]),
        ({"count": 25.5}, [("/count", "out_of_range")]),
        ({"count": True}, [("/count", "out_of_range")]),
        ({"count": 1e300}, [("/count", "out_of_range")]),
        ({"count": 10**30}, [("/count", "out_of_range")]),
        ({"count": "9" * 5000}, [("/count", "out_of_range")]),
        ({"at": "2026-01-05T10:00:00"}, [("/at", "timezone_required")]),
        ({"at": "yesterday"}, [("/at", "not_an_instant")]),
        ({"at": 1767607200}, [("/at", "not_an_instant")]),
        ({"at": "0001-01-01T00:00:00+14:00"}, [("/at", "not_an_instant")]),
        ({"tags": "a"}, [("/tags", "wrong_type")]),
        ({"tags": ["a", "b", "c", "d"]}, [("/tags", "too_many")]),
        ({"tags": ["a", 1]}, [("/tags", "wrong_type")]),
        ({"flag": "maybe"}, [("/flag", "wrong_type")]),
        ([], [("", "wrong_type")]),
        ({"name": None, "count": -1}, [("/name", "required"), ("/count", "out_of_range")]),
    ],
)
def test_each_fault_has_its_code_and_pointer(body: Any, expected: list[tuple[str, str]]) -> None:
    assert faults(body) == expected


def test_text_is_trimmed_before_it_is_measured() -> None:
    assert wire.read(Sample, {"name": "  1234567890  "}).name == "1234567890"


def test_tab_and_line_breaks_are_text() -> None:
    assert wire.read(Sample, {"name": "a\tb\r\nc"}).name == "a\tb\r\nc"


def test_empty_is_null_where_null_is_allowed() -> None:
    assert wire.read(Sample, {"note": ""}).note is None


def test_a_word_is_read_in_any_case() -> None:
    assert wire.read(Sample, {"colour": "BLUE"}).colour == "blue"


def test_a_whole_float_is_a_whole_number() -> None:
    assert wire.read(Sample, {"count": 5.0}).count == 5


def test_an_instant_is_read_into_utc() -> None:
    read = wire.read(Sample, {"at": "2026-01-05T10:00:00+01:00"})
    assert read.at == datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_doubles_leave_a_list_in_its_order() -> None:
    assert wire.read(Sample, {"tags": ["b", "a", " b "]}).tags == ["b", "a"]


def test_members_nobody_knows_are_ignored() -> None:
    assert wire.read(Sample, {"nobody": 1}) == Sample()


@pytest.mark.parametrize(
    ("tz", "low", "high"),
    [
        ("UTC", (5, 0), (6, 0)),
        ("Africa/Lagos", (4, 23), (5, 23)),
    ],
)
def test_a_bare_day_is_the_whole_local_day(
    tz: str, low: tuple[int, int], high: tuple[int, int]
) -> None:
    assert wire.span("2026-01-05", "2026-01-05", tz) == (
        ("gte", datetime(2026, 1, *low, tzinfo=UTC)),
        ("lt", datetime(2026, 1, *high, tzinfo=UTC)),
    )


def test_an_instant_as_an_end_is_inclusive() -> None:
    _, high = wire.span(None, "2026-01-05T10:00:00Z")
    assert high == ("lte", datetime(2026, 1, 5, 10, tzinfo=UTC))


def test_from_after_to_is_refused() -> None:
    with pytest.raises(wire.InvalidRange):
        wire.span("2026-01-06", "2026-01-05")


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "A" * 65, "utc\x00"])
def test_a_zone_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(wire.UnknownZone):
        wire.zone(name)


@pytest.mark.parametrize("value", ["2026-13-01", "9999-12-31", "soon", "2026-01-05T10:00:00"])
def test_a_bad_date_names_its_parameter(value: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        wire.span(None, value)
    (fault,) = refused.value.faults
    assert (fault.pointer, fault.place) == ("/date_to", "query")


def test_a_fault_knows_where_its_input_stands() -> None:
    inner = Fault("/severity", "unknown_choice", "Must be one of ...")
    assert inner.within("/outages/3").pointer == "/outages/3/severity"
