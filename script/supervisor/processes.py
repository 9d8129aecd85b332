"""Child processes: their output with a prefix, their restart, their end."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from supervisor import project, system

RECORD = project.RUN / "processes.json"
LOG_LIMIT_BYTES = 20_000_000
COLOURS = (36, 33, 35, 32, 34, 31)  # cyan, yellow, magenta, green, blue, red

STEADY_SECONDS = 30.0  # who lived this long begins again at the shortest wait
LONGEST_WAIT_SECONDS = 60.0


class Screen:
    """The terminal, shared by everything that writes to it, a whole line at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._colourful = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._names: list[str] = []

    def say(self, text: str, *, name: str = "server") -> None:
        """Print each line of the text behind the name of who says it."""
        with self._lock:
            if name not in self._names:
                self._names.append(name)
            mark = f"{name:<9}|"
            if self._colourful and name != "server":
                mark = f"\033[{COLOURS[self._names.index(name) % len(COLOURS)]}m{mark}\033[0m"
            try:
                for line in text.splitlines():
                    sys.stdout.write(f"{mark} {line}\n")
                sys.stdout.flush()
            except OSError:
                # Nobody reads any more (`| head`): the processes go on, the logs are in var/log.
                sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  # for the rest of our life


@dataclass
class Child:
    """One process that is kept alive, leader of a group of its own."""

    name: str
    command: list[str]
    environment: dict[str, str]
    screen: Screen
    deaths: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    born: float = 0.0
    due: float = 0.0  # when to start it again
    _readers: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Start the process, its output going to the screen and to its log."""
        self.process = subprocess.Popen(
            self.command,
            cwd=project.ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours to hand on, and its children end with it
        )
        self.born = time.monotonic()
        assert self.process.stdout is not None  # noqa: S101  # we asked for a pipe
        reader = threading.Thread(target=self._copy, args=(self.process.stdout,), daemon=True)
        reader.start()
        self._readers = [thread for thread in self._readers if thread.is_alive()] + [reader]

    def watch(self, now: float) -> bool:
        """Restart the process when it died and its wait is over; tell whether it was started."""
        if self.process is None:
            if now < self.due:
                return False
            self.start()
            return True
        code = self.process.poll()
        if code is None:
            return False
        self._clear(code, now)
        return False

    def _clear(self, code: int, now: float) -> None:
        process, self.process = self.process, None
        if process is not None:
            # Children of a leader that was killed hold its port and its queue.
            system.end_groups([process.pid], grace_seconds=2)
        self.deaths = 1 if now - self.born > STEADY_SECONDS else self.deaths + 1
        wait = min(0.5 * 2 ** (self.deaths - 1), LONGEST_WAIT_SECONDS)
        self.due = now + wait
        how = f"signal {-code}" if code < 0 else f"code {code}"
        self.screen.say(f"{self.name} ended unexpectedly ({how}); it starts again in {wait:g} s.")

    def drain(self) -> None:
        """Wait a moment for the last lines of output."""
        for reader in self._readers:
            reader.join(timeout=0.5)

    def _copy(self, stream: IO[bytes]) -> None:
        path = project.LOGS / f"{self.name}.log"
        if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
            path.replace(path.with_suffix(".log.1"))
        with stream, path.open("ab", buffering=0) as log:
            for line in stream:
                # On a full disk the log has a gap; a pipe left full would stop the process.
                with contextlib.suppress(OSError):
                    log.write(line)
                self.screen.say(line.decode(errors="replace").rstrip("\n"), name=self.name)


def record(running: Mapping[str, int]) -> None:
    """Write down what runs, so that a start after kill -9 finds what was left."""
    rows = [
        {"name": name, "pid": pid, "started": system.started_at(pid)}
        for name, pid in running.items()
    ]
    new = RECORD.with_suffix(".new")
    new.write_text(json.dumps(rows))
    new.replace(RECORD)


def forget() -> None:
    """Everything that was recorded has ended."""
    RECORD.unlink(missing_ok=True)


def end_orphans() -> list[str]:
    """End what a killed supervisor of this copy left running; return the names."""
    try:
        rows = json.loads(RECORD.read_text())
    except (OSError, ValueError):
        return []
    found = {row["pid"]: row["name"] for row in rows if _is_ours(row["pid"], row["started"])}
    system.end_groups(found, grace_seconds=5)
    forget()
    return list(found.values())


def _is_ours(pid: int, started: str) -> bool:
    """Tell whether a group is the recorded one.

    While the leader lives, its start must agree. When it is gone, members that are left are ours:
    a number still used as a group is not given to a new process.
    """
    now = system.started_at(pid)
    if now:
        return now == started
    return any(
        system.directory_of(member) in ("", str(project.ROOT)) for member in system.members(pid)
    )
