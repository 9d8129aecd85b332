"""One port for web and streams: a real web process that gives clients to a real stream process."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.utils import timezone

from accounts import services
from accounts.models import Session
from config.handover import Giver
from tests import world
from tests.contracts.streams import OPENED, PATH, Ear, Streams, streaming
from tests.contracts.web import Web, head, serving

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Port:
    """What a client sees as one server."""

    web: Web
    stream: Streams

    def listen(self, session: Session, *lines: str, path: str = PATH) -> Ear:
        return Ear(self.web.port, world.access_token(session.user, session), *lines, path=path)


@pytest.fixture(scope="module")
def port(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    folder = tmp_path_factory.mktemp("p")
    with (
        streaming(folder) as stream,
        serving(folder, workers=1, STREAM_SOCKET=stream.handed_over_at) as web,
    ):
        yield Port(web, stream)


@pytest.fixture
def session() -> Session:
    return world.session(world.person("viewer"))


def revoke(session: Session) -> None:
    services.revoke_session(session.id, reason="x", actor=world.nobody(), at=timezone.now())


@pytest.mark.parametrize("path", [PATH, f"{PATH}/", f"{PATH}?a=b"])
def test_a_stream_is_heard_on_the_port_of_the_web_process(
    port: Port, session: Session, path: str
) -> None:
    ear = port.listen(session, path=path)
    assert ear.status == 200
    assert "date" in ear.headers
    revoke(session)
    assert b"session_revoked" in ear.listen(2)
    assert ear.is_over


def test_a_connection_that_was_used_before_is_handed_over_too(port: Port, session: Session) -> None:
    token = world.access_token(session.user, session)
    with socket.create_connection(("127.0.0.1", port.web.port), timeout=10) as line:
        heard = b""
        for path, end in (("/health", b"}"), (PATH, OPENED)):
            line.sendall(head("GET", path, token))
            while not heard.endswith((end, end + b"\r\n")):
                heard += line.recv(65536)
        assert heard.count(b"HTTP/1.1 200") == 2


def test_two_requests_in_one_breath_are_both_answered(port: Port, session: Session) -> None:
    token = world.access_token(session.user, session)
    with socket.create_connection(("127.0.0.1", port.web.port), timeout=10) as line:
        line.sendall(head("GET", "/health", token) + head("GET", PATH, token))
        heard = b""
        while OPENED not in heard:
            heard += line.recv(65536)
        assert heard.count(b"HTTP/1.1 200") == 2


def test_a_refusal_of_the_stream_process_looks_like_all_others(port: Port) -> None:
    ear = Ear(port.web.port)
    told = ear.refusal()
    assert (told.status, told.json()["code"]) == (401, "credentials_missing")
    assert ear.headers["connection"] == "close"


def test_more_streams_than_threads_leave_the_web_process_free(port: Port) -> None:
    ears = []
    for _ in range(4):
        person = world.person("viewer")
        ears += [port.listen(world.session(person)) for _ in range(10)]
    assert {ear.status for ear in ears} == {200}
    started = time.monotonic()
    assert port.web.request("GET", "/health").status == 200
    assert time.monotonic() - started < 1
    for ear in ears:
        ear.hang_up()


def test_the_web_process_keeps_nothing_of_a_stream(port: Port, session: Session) -> None:
    (worker,) = _children_of(port.web)
    before = _sockets_of(worker)
    ears = [port.listen(session) for _ in range(5)]
    for ear in ears:
        ear.listen(5, until=OPENED)
    assert _sockets_of(worker) == before
    for ear in ears:
        ear.hang_up()


def test_either_process_outlives_the_other(tmp_path: Path, session: Session) -> None:
    with (
        streaming(tmp_path) as stream,
        serving(tmp_path, workers=1, STREAM_SOCKET=stream.handed_over_at) as web,
    ):
        token = world.access_token(session.user, session)
        ear = Ear(web.port, token)
        for worker in _children_of(web):
            os.kill(worker, signal.SIGKILL)
        assert ear.listen(0.5) == OPENED  # it goes on
        assert not ear.is_over
        _until_answered(web)
        stream.end(signal.SIGKILL)
        ear.listen(2)
        assert ear.is_over
        told = web.request("GET", PATH, token=token)
        assert (told.status, told.json()["code"]) == (503, "streams_unavailable")
        assert told.headers["Retry-After"] == "1"
        assert web.request("GET", "/health").status == 200
        with streaming(tmp_path):  # where the killed one left its socket
            again = Ear(web.port, token)
            assert again.listen(5, until=OPENED) == OPENED


def test_without_a_stream_process_the_web_process_says_so(tmp_path: Path, session: Session) -> None:
    token = world.access_token(session.user, session)
    answer = world.Client(token).get("/auth/events")
    assert (answer.status_code, answer.json()["code"]) == (503, "streams_unavailable")
    assert world.Client().get("/auth/events").status_code == 401
    here, there = socket.socketpair()
    with here, there:
        assert not Giver(str(tmp_path / "nobody")).give(here, b"")
        assert here.fileno() != -1  # still ours, to refuse with


def _children_of(web: Web) -> list[int]:
    """The workers behind this port."""
    masters = [pid for pid, line in _commands() if f"127.0.0.1:{web.port}" in line]
    master = min(masters)
    return [pid for pid in masters if pid != master]


def _commands() -> list[tuple[int, str]]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            found.append((int(entry.name), line))
    return found


def _sockets_of(pid: int) -> int:
    links = Path(f"/proc/{pid}/fd").iterdir()
    return sum("socket:" in str(link.readlink()) for link in links if link.is_symlink())


def _until_answered(web: Web) -> None:
    for _ in range(100):
        try:
            if web.request("GET", "/health").status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(web.log.read_text())
