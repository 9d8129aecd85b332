"""A real web server on the database of the test, and bytes that no client library would send."""

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection

from tests.conftest import LIMITS, UNLIMITED

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS, STOP_SECONDS = 60, 15


@dataclass
class Told:
    """One answer, as it came."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Web:
    """The server, and how it is spoken to."""

    port: int
    log: Path

    def request(
        self, method: str, path: str, body: Any = None, token: str = "", **headers: str
    ) -> Told:
        data = None if body is None else json.dumps(body).encode()
        given = {"Host": "localhost"} | ({"Authorization": f"Bearer {token}"} if token else {})
        given |= {"Content-Type": "application/json"} if data is not None else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        ) as line:
            line.request(method, path, data, given)
            answer = line.getresponse()
            return Told(answer.status, dict(answer.getheaders()), answer.read())

    def send(self, *parts: bytes, hang_up: bool = False, seconds: float = 20) -> Told:
        """Send these bytes on a connection of their own and read one answer; status 0: none."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as line:
            # It may have answered, and closed, before it has heard everything.
            with contextlib.suppress(OSError):
                for part in parts:
                    line.sendall(part)
                if hang_up:
                    line.shutdown(socket.SHUT_WR)
            return _read(line)


def _read(line: socket.socket) -> Told:
    answer = http.client.HTTPResponse(line)
    try:
        answer.begin()
        return Told(answer.status, dict(answer.getheaders()), answer.read())
    except (http.client.HTTPException, ConnectionResetError):
        return Told(0)


def head(method: str, path: str, token: str = "", *lines: str) -> bytes:
    """The head of a request, with these lines as they stand."""
    told = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    told += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*told, *lines, "", ""]).encode("latin-1")


def chunked(body: bytes, size: int = 65536) -> bytes:
    parts = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


def database_url() -> str:
    """The test's own database, in libpq's form, which also takes a socket's directory."""
    of = connection.settings_dict
    where = f"host={of['HOST']}" if of["HOST"].startswith("/") else ""
    host = "" if where else f"{of['HOST']}:{of['PORT'] or 5432}"
    who = f"{of['USER']}:{of['PASSWORD']}" if of["PASSWORD"] else of["USER"]
    return f"postgres://{who}@{host}/{of['NAME']}" + (f"?{where}" if where else "")


@contextlib.contextmanager
def serving(directory: Path, workers: int = 2, **environment: str) -> Iterator[Web]:
    """Serve as `gunicorn config.wsgi` does, until the end of the block."""
    web = Web(free_port(), directory / "web.log")
    own = {"DATABASE_URL": database_url(), "WEB_CONCURRENCY": str(workers)}
    own |= dict.fromkeys(LIMITS, str(UNLIMITED))
    with web.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{web.port}"],
            cwd=ROOT,
            env=os.environ | own | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                if web.request("GET", "/health").status == 200:
                    break
            assert process.poll() is None, web.log.read_text()
            assert time.monotonic() < deadline, web.log.read_text()
            time.sleep(0.1)
        yield web
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def at_once(times: int, call: Any) -> list[Any]:
    """Call from so many threads at the same moment; the answers by number."""
    barrier, answers = threading.Barrier(times), [None] * times

    def one(number: int) -> None:
        barrier.wait(timeout=30)
        answers[number] = call(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def routes_in(log: Path) -> list[str]:
    """The statuses that the access log of the server holds."""
    return re.findall(r"status\W{1,3}(\d{3})", log.read_text(errors="replace"))
