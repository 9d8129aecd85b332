"""Asking servers of the operator's own choice."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from django.db import transaction
from pytest_django import Settings

from core import egress

Script = Callable[[socket.socket, bytes], None]


@contextmanager
def server(answer: bytes | Script) -> Iterator[tuple[str, list[bytes]]]:
    """Answers one request by a script; yields its address and what came."""
    came: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        peer, _ = listening.accept()
        with peer:
            request = b""
            while b"\r\n\r\n" not in request:
                request += peer.recv(65536)
            head, _, body = request.partition(b"\r\n\r\n")
            wanted = int((head.lower().partition(b"content-length:")[2].split() or [0])[0])
            while len(body) < wanted:
                body += peer.recv(65536)
            came.extend([head, body])
            with suppress(OSError):  # the other side may have had enough
                answer(peer, request) if callable(answer) else peer.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/x?y=1", came
    thread.join(5)


def ok(body: bytes, length: int | None = None) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (length or len(body)) + body


def test_without_a_body_it_gets() -> None:
    with server(ok(b"whole")) as (url, came):
        reply = egress.fetch(url, headers={"X-A": "1"})
    assert (reply.status, reply.body, reply.remote_ip) == (200, b"whole", "127.0.0.1")
    head = came[0].decode()
    assert head.startswith("GET /x?y=1 HTTP/1.1\r\n")
    assert "X-A: 1" in head
    assert "Accept-Encoding: identity" in head


def test_with_a_body_it_posts() -> None:
    with server(ok(b"{}")) as (url, came):
        assert egress.fetch(url, body=b"a=b").status == 200
    assert came[0].startswith(b"POST ")
    assert came[1] == b"a=b"


def test_a_large_answer_comes_whole_and_a_larger_one_not_at_all() -> None:
    with server(ok(b"." * 1000)) as (url, _):
        assert len(egress.fetch(url, max_bytes=1000).body) == 1000
    with server(ok(b"." * 1001)) as (url, _), pytest.raises(egress.Broken):
        egress.fetch(url, max_bytes=1000)


def test_an_answer_without_an_end_is_cut_off() -> None:
    def endless(peer: socket.socket, _: bytes) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.sendall(b"." * 65536)

    with server(endless) as (url, _), pytest.raises(egress.Broken):
        egress.fetch(url)


def test_an_answer_that_ends_early_is_none() -> None:
    with server(ok(b"half", length=8)) as (url, _), pytest.raises(egress.Broken):
        egress.fetch(url)


@pytest.mark.parametrize("begun", [b"", ok(b"half", length=8)])
def test_the_deadline_holds_for_the_body_too(begun: bytes) -> None:
    def slow(peer: socket.socket, _: bytes) -> None:
        peer.sendall(begun)
        peer.recv(1)

    started = time.monotonic()
    with server(slow) as (url, _), pytest.raises(egress.TimedOut):
        egress.fetch(url, timeout_s=0.3)
    assert time.monotonic() - started < 3


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    with server(moved) as (url, _):
        assert egress.fetch(url).status == 302


def test_nothing_leaves_inside_a_transaction(db: None) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        egress.fetch("http://127.0.0.1:1/")


def test_loopback_is_reached_on_ones_own_machine_only(settings: Settings) -> None:
    settings.ENVIRONMENT = "production"
    with pytest.raises(egress.AddressForbidden):
        egress.fetch("http://127.0.0.1:1/")


@pytest.mark.parametrize("environment", ["local", "production"])
@pytest.mark.parametrize(
    "address", ["169.254.169.254", "[fe80::1]", "100.100.100.200", "[fd00:ec2::254]", "0.0.0.0"]
)
def test_link_local_and_metadata_are_never_reached(
    settings: Settings, environment: str, address: str
) -> None:
    settings.ENVIRONMENT = environment
    with pytest.raises(egress.AddressForbidden):
        egress.fetch(f"http://{address}:1/", timeout_s=1)


def test_private_networks_are_for_what_the_operator_has_configured() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.20.30.40", 443))
    with egress._judging(egress._EVERY_NETWORK, loopback=False)(info) as made:
        assert made.family == socket.AF_INET
    with pytest.raises(OSError, match="refused by egress"):
        egress._judging((), loopback=False)(info)
