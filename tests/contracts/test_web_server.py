"""A real gunicorn: bytes that are no request, clients that lie or go silent, many at once."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from core.models import EventRow, IdempotencyKey
from outages.models import Outage
from payments.models import Payment
from sla.models import Result
from tests import world
from tests.contracts import api
from tests.contracts.web import Told, Web, at_once, chunked, head, serving

pytestmark = pytest.mark.django_db(transaction=True)

FACTS = {
    "site_name": "Accra Hub",
    "severity": "critical",
    "detected_at": "2026-01-05T10:00:00Z",
    "description": "Fibre cut",
}
JSON = "Content-Type: application/json"
BODY = json.dumps(FACTS).encode()
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with serving(tmp_path_factory.mktemp("web")) as made:
        yield made


@pytest.fixture
def token() -> str:
    return world.access_token(world.standing("admin"))


def refused(told: Told, status: int, code: str) -> None:
    """As every refusal: the document of a problem, and the headers of every answer."""
    assert told.status == status, told
    assert not api.what_is_wrong(status, told.headers.get("Content-Type", ""), told.content)
    assert told.json()["code"] == code
    assert told.headers["X-Correlation-ID"] == told.json()["correlation_id"]
    assert told.headers["X-Content-Type-Options"] == "nosniff"
    assert told.headers["Cache-Control"] == "no-store"
    assert "X-API-Version" in told.headers
    assert "default-src 'none'" in told.headers["Content-Security-Policy"]


NO_REQUESTS = {
    "no request line": (b"nonsense\r\n\r\n", 400, "bad_request"),
    "no method": (b"G@T / HTTP/1.1\r\n\r\n", 400, "bad_request"),
    "another version": (b"GET /health HTTP/3.7\r\nHost: localhost\r\n\r\n", 400, "bad_request"),
    "raw bytes in the path": (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "bad_request"),
    "a long address": (head("GET", f"/health?{'x' * 9000}"), 413, "payload_too_large"),
    "a very long address": (head("GET", f"/{'x' * 2 * MIB}"), 413, "payload_too_large"),
    "a long header": (head("GET", "/health", "", f"X: {'y' * 20_000}"), 413, "payload_too_large"),
    "many headers": (
        head("GET", "/health", "", *(f"X-{each}: y" for each in range(300))),
        413,
        "payload_too_large",
    ),
    "NUL in a header": (head("GET", "/health", "", "X: a\0b"), 400, "bad_request"),
    "a header without a name": (head("GET", "/health", "", "X Y: z"), 400, "bad_request"),
    "an unknown host": (b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400, "bad_host"),
    "an unknown expectation": (head("GET", "/health", "", "Expect: tea"), 400, "bad_request"),
    "another transfer coding": (
        head("POST", "/api/v1/outages", "", "Transfer-Encoding: tea"),
        400,
        "bad_request",
    ),
    "NUL in the path": (head("GET", "/api/v1/outages/%00"), 422, "forbidden_character"),
    "a surrogate in the query": (
        head("GET", "/api/v1/outages?search=%ed%a0%80"),
        422,
        "forbidden_character",
    ),
    "an unknown method": (head("TEA", "/api/v1/nowhere"), 404, "route_not_found"),
}


@pytest.mark.parametrize("said", NO_REQUESTS)
def test_what_is_no_request_is_refused_like_all_else(said: str, web: Web) -> None:
    sent, status, code = NO_REQUESTS[said]
    before = world.everything()
    refused(web.send(sent, hang_up=True), status, code)
    assert world.everything() == before


LENGTHS = {
    "negative": "-1",
    "no number": "tea",
    "hexadecimal": "0x10",
    "5,000 digits": "9" * 5000,
    "two": "2\r\nContent-Length: 3",
    "signed": "+2",
}


@pytest.mark.parametrize("said", LENGTHS)
def test_a_bad_content_length_is_refused(said: str, web: Web, token: str) -> None:
    sent = head("POST", "/api/v1/outages", token, JSON, f"Content-Length: {LENGTHS[said]}")
    refused(web.send(sent, b"{}", hang_up=True), 400, "bad_request")


@pytest.mark.parametrize("length", [10 * MIB + 1, 10**20])
def test_too_many_announced_bytes_are_refused_unread(length: int, web: Web, token: str) -> None:
    told = web.send(head("POST", "/api/v1/outages", token, JSON, f"Content-Length: {length}"))
    refused(told, 413, "payload_too_large")
    assert told.json()["limit_bytes"] == 10 * MIB


def test_too_many_bytes_are_refused_announced_or_in_chunks(web: Web, token: str) -> None:
    body = b'{"a": "' + b"x" * 10 * MIB + b'"}'
    plain = head("POST", "/api/v1/outages", token, JSON, f"Content-Length: {len(body)}")
    assert web.send(plain, body).status in (413, 0)  # it may hang up before we have said it all
    pieces = head("POST", "/api/v1/outages", token, JSON, "Transfer-Encoding: chunked")
    refused(web.send(pieces, chunked(body)), 413, "payload_too_large")
    assert not Outage.objects.exists()


def test_a_body_in_chunks_is_read(web: Web, token: str) -> None:
    sent = head("POST", "/api/v1/outages", token, JSON, "Transfer-Encoding: chunked")
    assert web.send(sent, chunked(BODY, size=7)).status == 201


CHUNKS = {
    "no size": b"tea\r\n{}\r\n0\r\n\r\n",
    "a negative size": b"-1\r\n{}\r\n0\r\n\r\n",
    "a wrong size": b"2\r\n{}{}\r\n0\r\n\r\n",
    "cut": b"ff\r\n{}",
    "no end": b"2\r\n{}\r\n",
}


@pytest.mark.parametrize("said", CHUNKS)
def test_malformed_chunks_are_refused(said: str, web: Web, token: str) -> None:
    sent = head("POST", "/api/v1/outages", token, JSON, "Transfer-Encoding: chunked")
    refused(web.send(sent, CHUNKS[said], hang_up=True), 400, "unreadable_body")


def test_a_body_that_ends_before_its_announced_length_is_not_taken_for_whole(
    web: Web, token: str
) -> None:
    sent = head("POST", "/api/v1/outages", token, JSON, f"Content-Length: {len(BODY) + 100}")
    refused(web.send(sent, BODY, hang_up=True), 400, "unreadable_body")
    form = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    form += b"site_name,severity,detected_at,description\r\nA,low,2026-01-05T10:00:00Z,cut\r\n"
    sent = head(
        *("POST", "/api/v1/outages/import", token, f"Content-Length: {len(form) + 100}"),
        "Content-Type: multipart/form-data; boundary=X",
    )
    refused(web.send(sent, form, hang_up=True), 400, "unreadable_body")
    assert not Outage.objects.exists()


def test_what_follows_a_body_is_not_part_of_it(web: Web, token: str) -> None:
    sent = head("POST", "/api/v1/outages", token, JSON, f"Content-Length: {len(BODY)}")
    assert web.send(sent, BODY, b"nonsense").status == 201


def test_a_head_is_answered_without_a_body(web: Web, token: str) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as line:
        line.sendall(head("HEAD", "/api/v1/outages", token))
        line.sendall(head("GET", "/health", token, "Connection: close"))
        answers = b""
        while part := line.recv(65536):
            answers += part
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 2
    first = answers.partition(b"\r\n\r\n")
    assert b"Content-Length: " in first[0]
    assert first[2].startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("sent", [b"GET /health HT", head("POST", "/x", "", "Content-Length: 9")])
def test_clients_that_go_silent_do_not_stop_the_service(sent: bytes, web: Web) -> None:
    silent = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(12)]
    try:
        for line in silent:
            line.sendall(sent)
        time.sleep(0.5)
        assert web.request("GET", "/health").status == 200  # within the client's own minute
    finally:
        for line in silent:
            line.close()


@pytest.fixture
def outage() -> Outage:
    world.site("ACCRA-1", operator=world.operator())
    return world.outage(**FACTS, site_id="ACCRA-1")


def test_eight_clients_with_the_same_facts_get_the_same_ids(
    outage: Outage, web: Web, token: str
) -> None:
    path = f"/api/v1/outages/{outage.reference}/resolve"
    answers = at_once(8, lambda _: web.request("POST", path, {"mttr_minutes": 25}, token))
    assert [told.status for told in answers] == [200] * 8
    result, payment = Result.objects.get(), Payment.objects.get()
    bodies: list[Any] = [told.json() for told in answers]
    assert {body["sla"]["id"] for body in bodies if body["sla"]} == {result.wire_id}
    assert {body["payment"]["id"] for body in bodies if body["payment"]} == {payment.wire_id}
    assert all(body["sla_state"] in ("done", "pending") for body in bodies)
    assert EventRow.objects.filter(type="outage.resolved").count() == 1
    again = web.request("POST", path, {"mttr_minutes": 25}, token).json()
    assert (again["sla"]["id"], again["payment"]["id"]) == (result.wire_id, payment.wire_id)


def test_eight_clients_with_different_facts_get_one_yes(
    outage: Outage, web: Web, token: str
) -> None:
    path = f"/api/v1/outages/{outage.reference}/resolve"
    answers = at_once(
        8, lambda number: web.request("POST", path, {"mttr_minutes": 20 + number}, token)
    )
    assert sorted(told.status for told in answers) == [200] + [409] * 7
    for told in answers:
        if told.status == 409:
            refused(told, 409, "outage_already_resolved")
    assert Result.objects.count() == Payment.objects.count() == 1


@pytest.mark.parametrize("clients", [50, pytest.param(500, marks=pytest.mark.slow)])
def test_one_key_makes_one_outage(clients: int, web: Web, token: str) -> None:
    answers = at_once(
        clients,
        lambda _: web.request("POST", "/api/v1/outages", FACTS, token, Idempotency_Key="night-7"),
    )
    assert {told.status for told in answers} == {201}
    assert len({told.content for told in answers}) == 1
    assert [told.headers.get("Idempotency-Replayed") for told in answers].count(None) == 1
    assert Outage.objects.count() == 1
    assert EventRow.objects.filter(type="outage.created").count() == 1
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.parametrize("clients", [20])
def test_one_reference_with_different_facts_is_taken_once(
    clients: int, web: Web, token: str
) -> None:
    answers = at_once(
        clients,
        lambda number: web.request(
            "POST",
            "/api/v1/outages",
            FACTS | {"id": "OUT-7", "description": f"Fibre cut {number}"},
            token,
        ),
    )
    assert sorted(told.status for told in answers) == [201] + [409] * (clients - 1)
    assert Outage.objects.count() == 1


def test_equal_facts_are_one_outage(web: Web, token: str) -> None:
    answers = at_once(20, lambda _: web.request("POST", "/api/v1/outages", FACTS, token))
    assert sorted(told.status for told in answers) == [200] * 19 + [201]
    assert len({told.json()["id"] for told in answers}) == 1
