"""A copy of the project in a directory of its own, and a server that runs in it."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "var", "tests", "__pycache__", ".*_cache", ".env"
)
READY_SECONDS = 90
STOP_SECONDS = 15


@dataclass
class Copy:
    """A clone as a person would have it, sharing our installed packages."""

    directory: Path
    environment: dict[str, str]
    servers: "list[subprocess.Popen[str]]" = field(default_factory=list)

    def run(self, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of script/ to its end."""
        return subprocess.run(
            [str(self.directory / "script" / command[0]), *command[1:]],
            env=self.environment | environment,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *arguments: str, prefix: list[str] | None = None) -> "subprocess.Popen[str]":
        """Start script/server and return at once."""
        log = (self.directory / f"server-{len(self.servers)}.out").open("w")
        with log:
            server = subprocess.Popen(
                [*(prefix or []), str(self.directory / "script" / "server"), *arguments],
                env=self.environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
            )
        self.servers.append(server)
        return server

    def said(self) -> str:
        """Everything that the last server printed."""
        return (self.directory / f"server-{len(self.servers) - 1}.out").read_text()

    def processes(self) -> dict[int, str]:
        """The processes that belong to this copy, by their working directory or their database."""
        base = self.directory / "var" / "servers"
        places = [str(self.directory), str(base.resolve())]
        found = {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                pid = int(entry.name)
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                where = str((entry / "cwd").readlink())
                if command and any(place in command or where.startswith(place) for place in places):
                    found[pid] = command
        return found

    def pid_of(self, word: str) -> int:
        """The oldest process of this copy whose command holds the word."""
        return min(pid for pid, command in self.processes().items() if word in command)

    def end(self) -> None:
        """Leave nothing behind, whatever a test did."""
        for server in self.servers:
            if server.poll() is None:
                server.terminate()
                try:
                    server.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    server.kill()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        link = self.directory / "var" / "servers"
        if link.is_symlink():
            shutil.rmtree(link.resolve(), ignore_errors=True)


def readiness(port: int) -> int:
    """The status of /health/readiness, 0 while nobody answers."""
    return status(port, "/health/readiness")


def status(port: int, path: str) -> int:
    """The status of the answer to a GET, 0 while nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def wait_until(what: object, seconds: float = READY_SECONDS) -> None:
    """Wait until the callable is true; fail otherwise."""
    deadline = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


def free_port() -> int:
    """A port that nobody listens on, nor on the one of its webhook receiver."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                other.bind(("127.0.0.1", port + 100))
                return port


def make_copy(directory: Path) -> Copy:
    shutil.copytree(ROOT, directory, ignore=LEFT_OUT)
    (directory / ".venv").symlink_to(ROOT / ".venv")
    kept = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER"}
    environment = {name: value for name, value in os.environ.items() if name in kept}
    return Copy(directory, environment)


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    made = make_copy(tmp_path / "noc")
    yield made
    made.end()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Copy, int]]:
    """A server without the demo, ready, for the tests of one module."""
    made = make_copy(tmp_path_factory.mktemp("copy") / "noc")
    port = free_port()
    server = made.start("--port", str(port), "--empty")
    try:
        wait_until(lambda: server.poll() is not None or "is ready after" in made.said())
        assert server.poll() is None, made.said()
        yield made, port
    finally:
        made.end()
