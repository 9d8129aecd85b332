"""Whatever comes in a body: never a 5xx, a problem document with a known code, nothing written."""

import gzip
import json
from typing import Any
from uuid import uuid4

import pytest

from core import limits
from tests.contracts import api
from tests.contracts.api import Operation
from tests.contracts.watch import Watch

pytestmark = pytest.mark.django_db
# What is accepted has followers after the commit.
with_followers = pytest.mark.django_db(transaction=True)

LONG = "9" * 5000


class Raw(str):
    """JSON as it stands, which json.dumps would not write."""

    __slots__ = ()


# In every member of every body. Most are wrong nearly everywhere; where one is right, that is fine.
VALUES: list[Any] = [
    None, True, False, 0, -1, 1.5, 25.0, 2**31, 2**63, 2**64, -(2**63) - 1, 1e308,
    Raw(LONG), Raw(f"-{LONG}"), Raw(f"0.{LONG}"), Raw("1e400"), Raw("1E-400"), Raw("NaN"),
    Raw("Infinity"), Raw("-0"), Raw("01"),
    "", " ", "\t", "x", "x" * 6000, "\x00", "a\x00b", "\x1b[2J", "\x85", "\u202e", "\ufeff",
    "\U0001f4a9", Raw('"\\ud800"'), Raw('"\\udc00\\ud800"'), "NaN", "1e5", LONG, "0e999999999",
    "1e-999999999", "null", "true", "'; DROP TABLE outages_outage; --", "%s%n", "{0}", "${x}",
    "../../etc/passwd", "<script>", "٣", "2026-01-05", "2026-01-05T10:00:00",
    "2026-01-05T10:00:00Z", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-14:00", "2026-02-30T10:00:00Z",
    "2026-W01-1T10:00Z", "2016-12-31T23:59:60Z", "2026-01-05T10:00:00+99:99",
    [], [[]], [None], [1], [""], ["x"], ["\x00"], ["x"] * 101, [{}], [["x"]], {}, {"": ""},
    {"a": 1}, {"\x00": "x"}, {"a": ["\x00"]}, {"a": ["x"]}, {"latitude": 1}, {"constructor": {}},
    {"latitude": "0e999999999", "longitude": 0}, {"latitude": 1e308, "longitude": -1e308},
    {"latitude": True, "longitude": None}, {"latitude": "NaN", "longitude": "Infinity"},
]  # fmt: skip


def spelled(body: dict[str, Any]) -> bytes:
    """JSON with the Raw parts as they stand."""
    parts: list[str] = []

    def note(value: Any) -> Any:
        if isinstance(value, Raw):
            parts.append(str(value))
            return f"\ue000{len(parts) - 1}\ue000"
        return value

    text = json.dumps({name: note(value) for name, value in body.items()})
    for number, part in enumerate(parts):
        text = text.replace(f'"\\ue000{number}\\ue000"', part)
    return text.encode()


JSON_OPERATIONS = [each for each in api.writing_operations() if each.takes_json]
SOME_OR_ALL = pytest.mark.parametrize(
    "step", [5, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)


@with_followers
@SOME_OR_ALL
@pytest.mark.parametrize("operation", JSON_OPERATIONS, ids=str)
def test_any_value_in_any_member(
    operation: Operation, step: int, watch: Watch, things: dict[str, str]
) -> None:
    address = operation.address(things)
    for first, member in enumerate(operation.members):
        for value in VALUES[first % step :: step]:
            body = spelled(operation.body | {member: value})
            watch.send(operation, address, body, f"{member} = {value!r:.60}")


@with_followers
@SOME_OR_ALL
def test_any_value_in_any_member_of_a_list(step: int, watch: Watch) -> None:
    bulk = Operation("POST", "/api/v1/outages/bulk")
    one = Operation("POST", "/api/v1/outages")
    for first, member in enumerate(one.members):
        for value in VALUES[first % step :: step]:
            body = b'{"outages": [%s, %s]}' % (
                spelled(one.body | {"description": f"{member} {value!r:.60}"}),
                spelled(one.body | {member: value}),
            )
            watch.send(bulk, "/outages/bulk", body, f"{member} = {value!r:.60}")


BODIES = {
    "nothing": b"",
    "blanks": b" \r\n\t",
    "null": b"null",
    "a number": b"1",
    "text": b'"x"',
    "true": b"true",
    "a list": b"[]",
    "a list of objects": b"[{}]",
    "unknown members": b'{"nonsense": 1, "": 2, "__proto__": {"admin": true}}',
    "half an object": b'{"a": ',
    "two documents": b"{}{}",
    "a comment": b"{/* */}",
    "single quotes": b"{'a': 1}",
    "a trailing comma": b'{"a": 1,}',
    "a member without quotes": b"{a: 1}",
    "bad UTF-8": b'{"reason": "\xff\xfe"}',
    "an overlong NUL": b'{"reason": "\xc0\x80"}',
    "a surrogate in UTF-8": b'{"reason": "\xed\xa0\x80"}',
    "a NUL byte": b'{"reason": "\x00"}',
    "a mark before it": b'\xef\xbb\xbf{"reason": "x"}',
    "UTF-16": '{"reason": "x"}'.encode("utf-16"),
    "UTF-32": '{"reason": "x"}'.encode("utf-32"),
    "100,000 brackets": b"[" * 100_000,
    "100,000 closed brackets": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects in each other": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "33 levels": b'{"a":' * 33 + b"1" + b"}" * 33,
    "5,000 digits": b'{"a": ' + LONG.encode() + b"}",
    "5,000 digits alone": LONG.encode(),
    "one member 10,000 times": b"{" + b",".join([b'"reason": "x"'] * 10_000) + b"}",
    "10,000 members": b"{" + b",".join(b'"m%d": 1' % each for each in range(10_000)) + b"}",
    "a name of 1 MB": b'{"' + b"x" * 1_000_000 + b'": 1}',
    "NaN": b'{"a": NaN}',
    "a form": b"a=1&b=2",
    "XML": b"<a>&b;</a>",
    "gzip": gzip.compress(b"{}"),
}


def test_any_body(watch: Watch, things: dict[str, str]) -> None:
    for operation in api.writing_operations():
        if operation.path.endswith("/export"):
            continue
        for said, body in BODIES.items():
            watch.send(operation, operation.address(things), body, f"{operation}: {said}")


@with_followers  # an export opens a transaction of its own kind
def test_any_body_of_an_export(watch: Watch) -> None:
    one = Operation("POST", "/api/v1/auth/me/export")
    for said, body in BODIES.items():
        watch.send(one, "/auth/me/export", body, f"{one}: {said}")


def test_a_body_is_read_to_32_levels(watch: Watch, things: dict[str, str]) -> None:
    deep = b'{"nonsense": ' + b'{"a":' * 31 + b"1" + b"}" * 32
    for operation in JSON_OPERATIONS:
        told = watch.send(operation, operation.address(things), deep, f"{operation}: 32 levels")
        assert b"nested" not in told.content


def test_the_last_of_two_members_counts(watch: Watch) -> None:
    one = Operation("POST", "/api/v1/outages")
    shown = json.dumps(one.body)[:-1]
    told = watch.send(one, "/outages", f'{shown}, "severity": "nonsense"}}', "twice")
    assert told.json()["errors"][0]["pointer"] == "/severity"
    told = watch.send(one, "/outages", f'{shown}, "severity": "1", "severity": "low"}}', "thrice")
    assert told.json()["severity"] == "low"


MEDIA_TYPES = [
    "text/plain", "application/x-www-form-urlencoded", "application/xml", "text/json", "nonsense",
    "application/", "/", "application/json/json", "multipart/form-data",
    "multipart/form-data; boundary=", "multipart/form-data; boundary=\"",
    f"multipart/form-data; boundary={'x' * 500}", "multipart/mixed; boundary=x", "x" * 10_000,
    "application/octet-stream", "application/x-ndjson", "text/csv",
]  # fmt: skip


def test_any_media_type(
    watch: Watch, things: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for operation in api.writing_operations():
        if operation.path.endswith("/export"):
            continue
        monkeypatch.setattr(limits, "PREFIX", f"noc:test:{uuid4().hex}")  # nobody came before
        for media_type in MEDIA_TYPES:
            said = f"{operation}: {media_type:.60}"
            told = watch.send(
                operation, operation.address(things), b"{}", said, content_type=media_type
            )
            read = {name for name in operation.media_types if media_type.startswith(name)}
            if operation.media_types and not read:
                assert told.status_code == 415, said


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=nonsense",
        "application/vnd.noc+json",
        "",
    ],
)
def test_what_json_is_called(media_type: str, watch: Watch) -> None:
    one = Operation("POST", "/api/v1/outages")
    told = watch.send(one, "/outages", b"{}", media_type, content_type=media_type)
    assert told.status_code == 422


@pytest.mark.parametrize(
    "encoding", ["gzip", "br", "deflate", "gzip, identity", "nonsense", "\xe9"]
)
def test_an_encoded_body_is_refused(encoding: str, watch: Watch) -> None:
    one = Operation("POST", "/api/v1/outages")
    body = gzip.compress(json.dumps(one.body).encode())
    told = watch.send(one, "/outages", body, encoding, **{"Content-Encoding": encoding})
    assert told.json()["code"] == "unsupported_content_encoding"
