import datetime as dt
import enum
import hashlib
import json
import logging
from decimal import Decimal
from uuid import UUID

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from core import canonical

# From audit.md, section 2: 424 bytes.
ENTRY = (
    '{"action":"outages.resolve","actor":{"id":"usr_01h455vb4pex5vsknk084sn02q","kind":"person"},'
    '"after":{"note":"é\\n\\"😀","status":"resolved"},"at":"2026-01-01T00:25:00.000000Z",'
    '"before":{"status":"open"},"correlation_id":"corr-1",'
    '"id":"019b76da-a800-7000-8000-000000000001","links":["out-1"],"personal":[],"reason":"",'
    '"recorded_at":"2026-01-01T00:25:00.012345Z","source":"api",'
    '"subject":{"id":"out-1","kind":"outage"},"v":1}'
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
numbers = st.integers(-canonical.LARGEST_INTEGER, canonical.LARGEST_INTEGER)
documents = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=25,
)


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


def test_the_entry_of_the_specification_is_written_as_it_says():
    entry = {
        "v": 1,
        "id": UUID("019b76da-a800-7000-8000-000000000001"),
        "at": dt.datetime(2026, 1, 1, 0, 25, tzinfo=dt.UTC),
        "recorded_at": dt.datetime(2026, 1, 1, 1, 25, 0, 12345, dt.timezone(dt.timedelta(hours=1))),
        "action": "outages.resolve",
        "actor": {"kind": "person", "id": "usr_01h455vb4pex5vsknk084sn02q"},
        "subject": {"kind": "outage", "id": "out-1"},
        "before": {"status": "open"},
        "after": {"status": "resolved", "note": 'é\n"😀'},
        "reason": "",
        "source": "api",
        "correlation_id": "corr-1",
        "links": ("out-1",),
        "personal": [],
    }
    written = canonical.dumps(entry)
    assert written == ENTRY
    assert len(written.encode()) == 424
    assert hashlib.sha256(b"\0" + written.encode()).hexdigest() == (
        "be1de7880f6f23dac537eebd515044206c6bc0a94624eec6926884de9e9378cd"
    )


@hypothesis(max_examples=4000, deadline=None)
@given(documents)
@example({"\ue000": 1, "\U00010000": 2, "a": 3, "\x7f": 4, "\u2028": 5})
@example({"é": [{}, [], {"": None}], "\x1f\b\f\r\t\\/": "</script>"})
def test_bytes_equal_those_of_the_independent_package(document):
    assert canonical.dumps(document).encode() == rfc8785.dumps(document)


@hypothesis(max_examples=1000, deadline=None)
@given(documents)
def test_writing_what_was_read_changes_nothing(document):
    written = canonical.dumps(document)
    assert canonical.dumps(json.loads(written)) == written


@hypothesis(max_examples=500, deadline=None)
@given(st.dictionaries(st.text(), st.text() | st.floats() | st.decimals() | st.integers()))
def test_whatever_is_written_can_be_stored_and_read_again(document):
    written = canonical.dumps(document)
    assert b"\x00" not in written.encode()
    assert "\\u0000" not in written
    assert canonical.dumps(json.loads(written)) == written


def test_deep_nesting_is_written_like_shallow():
    deep: list[object] = []
    for _ in range(100):
        deep = [deep]
    assert canonical.dumps(deep).encode() == rfc8785.dumps(deep)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (2**53 - 1, "9007199254740991"),
        (-(2**53) + 1, "-9007199254740991"),
        (2**53, '"9007199254740992"'),
        (-(2**53), '"-9007199254740992"'),
        (True, "true"),
        (1.5, '"1.5"'),
        (0.1, '"0.1"'),
        (float("nan"), '"nan"'),
        (Decimal("12.5000000"), '"12.5000000"'),
        (Decimal("0E-7"), '"0.0000000"'),
        (Decimal("1E+3"), '"1000"'),
        (Decimal("1E+999"), '"1E+999"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Colour.RED, '"red"'),
        (Level.HIGH, '"3"'),
        (dt.date(2026, 1, 2), '"2026-01-02"'),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), '"2026-01-02T00:00:00.000000Z"'),
        ("a\x00b\ud800c", '"a\ufffdb\ufffdc"'),
        (("b", "a"), '["b","a"]'),
        ({"b", "a"}, '["a","b"]'),
        (frozenset({2, 10}), "[10,2]"),
        (
            {Colour.RED: {UUID(int=1): None}},
            '{"red":{"00000000-0000-0000-0000-000000000001":null}}',
        ),
        ({2: "b", 10: "a"}, '{"10":"a","2":"b"}'),
    ],
)
def test_other_types_become_the_nearest_json(value, written):
    assert canonical.dumps(value) == written


def test_keys_beyond_the_basic_plane_are_ordered_by_their_utf16_units():
    assert canonical.dumps({"\ue000": 1, "\U00010000": 2}) == '{"\U00010000":2,"\ue000":1}'


def test_an_integer_of_any_length_is_written():
    assert len(canonical.dumps(10**5000)) > 4000


def test_an_unknown_type_is_a_programming_error_where_it_is_developed(settings):
    settings.ENVIRONMENT = "test"
    with pytest.raises(TypeError, match="timedelta"):
        canonical.dumps({"a": dt.timedelta(1)})


def test_an_unknown_type_is_written_as_its_text_in_production(settings, caplog):
    settings.ENVIRONMENT, settings.DEBUG = "production", False
    with caplog.at_level(logging.ERROR):
        assert canonical.dumps({"a": dt.timedelta(1)}) == '{"a":"1 day, 0:00:00"}'
    assert caplog.messages == ["canonical_type_unknown"]
