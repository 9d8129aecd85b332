"""A real stream process on the database of the test, and a client that keeps every byte."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.contracts.web import (
    ROOT,
    START_SECONDS,
    STOP_SECONDS,
    Told,
    Web,
    database_url,
    free_port,
)

PATH = "/api/v1/auth/events"
OPENED = b":\n\n"


class Ear:
    """One client of a stream. ``heard`` are the bytes of the body, taken out of their chunks."""

    def __init__(self, port: int, token: str = "", *lines: str, path: str = PATH) -> None:
        self.line = socket.create_connection(("127.0.0.1", port), timeout=20)
        told = [f"GET {path} HTTP/1.1", "Host: localhost", *lines]
        told += [f"Authorization: Bearer {token}"] if token else []
        self.line.sendall("\r\n".join([*told, "", ""]).encode("latin-1"))
        self.begin()

    def begin(self) -> None:
        """Read the head of an answer."""
        self._rest = b""
        while b"\r\n\r\n" not in self._rest:
            part = self.line.recv(65536)
            if not part:
                raise ConnectionError(self._rest)
            self._rest += part
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *others = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in others)
        }
        self.heard = b""
        self.is_over = False

    def listen(self, seconds: float, until: bytes = b"") -> bytes:
        """Hear for so long, or until these bytes or the end have come; all that was heard."""
        deadline = time.monotonic() + seconds
        self._unchunk(ended=False)
        while not self.is_over and not (until and until in self.heard):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self.line.settimeout(left)
            try:
                part = self.line.recv(65536)
            except TimeoutError:
                break
            except ConnectionResetError:
                part = b""
            self._rest += part
            self._unchunk(ended=not part)
        return self.heard

    def _unchunk(self, *, ended: bool) -> None:
        self.is_over = ended
        while b"\r\n" in self._rest:
            size, _, rest = self._rest.partition(b"\r\n")
            length = int(size, 16)
            if len(rest) < length + 2:
                return
            self.heard += rest[:length]
            self._rest = rest[length + 2 :]
            if length == 0:
                self.is_over = True

    def refusal(self) -> Told:
        """The answer as one, when it is no stream."""
        length = int(self.headers["content-length"])
        while len(self._rest) < length:
            self._rest += self.line.recv(65536)
        named = {name.title(): value for name, value in self.headers.items()}
        return Told(self.status, named, self._rest[:length])

    def hang_up(self) -> None:
        self.line.close()


@dataclass
class Streams(Web):
    """The stream process."""

    process: "subprocess.Popen[bytes]"
    handed_over_at: str

    def listen(self, token: str = "", *lines: str) -> Ear:
        return Ear(self.port, token, *lines)

    def end(self, number: int = signal.SIGTERM) -> float:
        """End the process; how many seconds that took."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(STOP_SECONDS)
        return time.monotonic() - started


@contextlib.contextmanager
def streaming(directory: Path, **environment: str) -> Iterator[Streams]:
    """Serve as `uvicorn config.asgi:application` does, until the end of the block."""
    log, port, handed = directory / "streams.log", free_port(), str(directory / "s")
    with log.open("ab") as out:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", "config.asgi:application", "--workers", "1"),
                *("--port", str(port), "--no-proxy-headers", "--timeout-graceful-shutdown", "5"),
            ],
            cwd=ROOT,
            env=os.environ
            | {"DATABASE_URL": database_url(), "STREAM_SOCKET": handed}
            | environment,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    served = Streams(port, log, process, handed)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                if served.request("GET", "/health/liveness").status == 200:
                    break
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield served
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
