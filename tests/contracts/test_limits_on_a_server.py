"""Limits as two processes keep them together, and alone when Redis is away."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from redis import Redis

from tests import world
from tests.contracts.web import Web, at_once, serving

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT, CALLS, THREADS = 60, 200, 8


class Wire:
    """Stands between the server and Redis, and can be cut."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.listener.getsockname()[1]}/0"

    def cut(self) -> None:
        """Refuse new connections and end those that are there."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        pool = Redis.from_url(settings.REDIS_URL).connection_pool
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                line = pool.connection_class(**pool.connection_kwargs)
                far = line._connect()
                far.settimeout(None)
                self.ends += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    with contextlib.suppress(OSError):
        made.cut()


def ask_in_many_threads(web: Web, token: str) -> list[tuple[int, dict[str, str]]]:
    def some(_: int) -> list[tuple[int, dict[str, str]]]:
        answers = [web.request("GET", "/api/v1/auth/me", None, token) for _ in range(CALLS // 8)]
        return [(each.status, each.headers) for each in answers]

    return [each for part in at_once(THREADS, some) for each in part]


def test_two_processes_keep_one_count_and_go_on_without_redis(tmp_path: Path, wire: Wire) -> None:
    token = world.access_token(world.standing("engineer"))
    with serving(tmp_path, RATE_LIMIT_USER_RPM=str(LIMIT), REDIS_URL=wire.url) as web:
        answers = ask_in_many_threads(web, token)
        passed = [headers for status, headers in answers if status == 200]
        refused = [headers for status, headers in answers if status == 429]
        assert len(passed) + len(refused) == CALLS
        assert len(passed) == LIMIT
        assert {each["X-RateLimit-Limit"] for _, each in answers} == {str(LIMIT)}
        left = sorted(int(each["X-RateLimit-Remaining"]) for each in passed)
        assert left == list(range(LIMIT))
        for each in refused:
            assert each["X-RateLimit-Remaining"] == "0"
            assert each["Retry-After"] == each["X-RateLimit-Reset"]
            assert 1 <= int(each["Retry-After"]) <= 60
        wire.cut()
        began = time.monotonic()
        answers = ask_in_many_threads(web, token)
        assert time.monotonic() - began < 30
        # Each process counts by itself now, with the same number.
        passed = [headers for status, headers in answers if status == 200]
        assert {status for status, _ in answers} <= {200, 429}
        assert LIMIT <= len(passed) <= 2 * LIMIT
        assert web.request("GET", "/health/readiness").status == 200
