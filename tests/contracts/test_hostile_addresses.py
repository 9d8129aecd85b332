"""Whatever stands in addresses and headers: never a 5xx, a problem document, nothing written."""

from urllib.parse import quote

import pytest

from tests.contracts import api
from tests.contracts.api import Operation
from tests.contracts.watch import Watch

pytestmark = pytest.mark.django_db
some_or_all = pytest.mark.parametrize(
    "step", [5, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
LONG = "9" * 5000

TEXTS = [
    "", " ", "x", "x" * 300, "\x00", "a\x00", "\x1f", "\x7f", "\u202e", "\U0001f4a9", "%", "%00",
    "_", "\\", "'", '"', "--", ";", "*", "?", "..", ".", "null", "true", "-1", "0", "1.5", "1e9",
    LONG, str(2**31), str(2**63), "NaN", "2026-01-05", "2026-13-05", "2026-01-05T10:00:00",
    "2026-01-05T10:00:00Z", "2026-01-05T10:00:00+01:00", "0001-01-01", "9999-12-31",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "detected_at:desc", "-id,-id,-id,-id",
    "x:y:z", ",", ",,,", ",".join(["x"] * 101), "bm9uc2Vuc2U", "e30", "W10", "bnVsbA", "[]", "{}",
    "Africa", "../../../etc/passwd", "Etc/GMT-99", "me", "pay_01h455vb4pex5vsknk084sn02q",
    "usr_81h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057",
    "01890a5dac96774bbcceb302099a8057", "٣", "²", "ﬀ", "İ",
]  # fmt: skip


def ask_anything(watch: Watch, operation: Operation, address: str, step: int) -> None:
    for first, name in enumerate(operation.queries):
        for text in TEXTS[first % step :: step]:
            for query in ({name: text}, {name: [text, "x"]}):
                watch.send(operation, address, None, f"{operation} {query!r:.60}", query=query)


@some_or_all
def test_any_text_in_any_query_parameter(step: int, watch: Watch, things: dict[str, str]) -> None:
    for operation in api.operations():
        if not operation.path.endswith("/export"):
            ask_anything(watch, operation, operation.address(things), step)


@pytest.mark.django_db(transaction=True)  # an export opens a transaction of its own kind
@some_or_all
def test_any_text_in_any_query_parameter_of_an_export(step: int, watch: Watch) -> None:
    ask_anything(watch, Operation("GET", "/api/v1/outages/export"), "/outages/export", step)


BYTES = [
    "%00", "a%00b", "%ff", "%ed%a0%80", "%c0%80", "%", "%zz", "%0d%0aX: y", "%1b", "a%", "%E2%82",
    "%u0000", "+", "%2B", "%26", "%3D", "%23",
]  # fmt: skip


def test_any_bytes_in_a_query(watch: Watch, things: dict[str, str]) -> None:
    for operation in api.operations():
        if operation.path.endswith("/export"):
            continue
        address = operation.address(things)
        for text in BYTES:
            for query in (f"page={text}", f"{text}=1", text):
                body = {} if operation.takes_json else None
                watch.send(operation, f"{address}?{query}", body, query)


def test_any_text_in_a_path(watch: Watch, things: dict[str, str]) -> None:
    for operation in api.operations():
        body = operation.body if operation.takes_json else None
        for first, name in enumerate(operation.names):
            for text in (TEXTS + BYTES)[first % 2 :: 2]:
                if text in ("", ".", "..") or "/" in text:
                    continue
                raw = text if text in BYTES else quote(text)
                address = operation.address(things | {name: raw[:4000]})
                watch.send(operation, address, body, f"{operation} {name} = {text!r:.60}")


HEADERS = [
    {"Authorization": value}
    for value in (
        "", " ", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "bearer  x y", "Basic eDp5",
        "Bearer " + "x" * 8000, "Bearer \xe9\xff", "Bearer ..", "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Bearer eyJhbGciOiJIUzI1NiJ9.bnVsbA.x", "Bearer eyJraWQiOiIuLi8ifQ.e30.e30",
        "Token x", "Negotiate", "\x00",
    )
]  # fmt: skip
HEADERS += [{"X-API-Key": value} for value in ("", "x", "x" * 8000, "\xff", "nk_live_x")]
HEADERS += [
    {"Authorization": "", "Cookie": f"noc_access_token={value}"}
    for value in (
        "",
        "x",
        "x" * 8000,
        '"',
        "\xff",
        "a.b.c",
        "x; noc_access_token=y",
        "=;=;",
        "\x00",
    )
]


def test_bad_credentials_are_nobody(watch: Watch) -> None:
    watch.client.headers = {}
    for headers in HEADERS:
        for operation in (
            Operation("GET", "/api/v1/outages"),
            Operation("POST", "/api/v1/outages"),
            Operation("GET", "/api/v1/auth/me"),
        ):
            body = operation.body if operation.takes_json else None
            said = f"{headers!r:.80}"
            told = watch.send(operation, operation.address({}), body, said, **headers)
            assert told.status_code == 401, said
            assert told["WWW-Authenticate"] == 'Bearer realm="noc-iq"'


VERSIONS = [
    "", "*", '"1-0123456789ab"', "1", '"1"', 'W/"1-x"', '"-1-x"', '"x"', '"', "\x00", "\xff", LONG,
    f'"{LONG}-x"', '"1-x", "2-x"', "1.5", "²", '"999999999-x"', '"99999999999-x"', "-",
]  # fmt: skip


def test_any_precondition(watch: Watch, things: dict[str, str]) -> None:
    for operation in api.operations("/api/v1/outages/{"):
        body = operation.body if operation.takes_json else None
        for name in ("If-Match", "If-None-Match"):
            for value in VERSIONS:
                said = f"{operation} {name}: {value!r:.60}"
                watch.send(operation, operation.address(things), body, said, **{name: value})


def test_any_idempotency_key(watch: Watch, things: dict[str, str]) -> None:
    for operation in api.writing_operations():
        if operation.path.endswith("/export"):
            continue
        body = {"nonsense": 1} if operation.takes_json else None
        for key in ("", " ", "x" * 255, "x" * 256, "\x00", "\xe9", "\t", "a b", "'", "%00"):
            said = f"{operation} {key!r:.60}"
            name = "Idempotency-Key" if len(key) % 2 else "X-Idempotency-Key"
            watch.send(operation, operation.address(things), body, said, **{name: key})


ODD_HEADERS = {
    "X-Correlation-ID": "\x00",
    "Traceparent": "nonsense",
    "Accept": "application/xml;q=x, */*;q=nonsense",
    "Accept-Language": "x" * 5000,
    "Accept-Encoding": "nonsense",
    "Origin": "null",
    "Referer": "\xff",
    "User-Agent": "x\x00y" * 2000,
    "X-Forwarded-For": "nonsense, ::1%eth0, 999.1.1.1",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "gopher",
    "X-HTTP-Method-Override": "DELETE",
    "Range": "bytes=0-1",
    "Prefer": "respond-async; wait=\xff",
    "If-Modified-Since": "nonsense",
    "Cookie": "a=b; =; \xff; noc_session=x; apex_csrf=x",
    "Cache-Control": "\xff",
    "X-Requested-With": "\x00",
    "Forwarded": 'for="_x"',
}


def test_any_other_header(watch: Watch, things: dict[str, str]) -> None:
    for operation in api.operations():
        if operation.path.endswith("/export"):
            continue
        body = {} if operation.takes_json else None
        for name, value in ODD_HEADERS.items():
            said = f"{operation} {name}: {value!r:.40}"
            watch.send(operation, operation.address(things), body, said, **{name: value})
