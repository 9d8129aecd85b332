"""Facts about processes that survive the reuse of a process number."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")


def exists(pid: int) -> bool:
    """Tell whether a process (zombies included) has this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def name_of(pid: int) -> str:
    """Return the program name of a living process, empty when there is none."""
    if PROC.joinpath("self").exists():
        if _stat(pid)[:1] == ["Z"]:
            return ""  # dead, and not yet collected by its parent
        try:
            return PROC.joinpath(str(pid), "comm").read_text().strip()
        except OSError:
            return ""
    return Path(_ps("-o", "comm=", "-p", str(pid)).strip()).name


def directory_of(pid: int) -> str:
    """Return the working directory of a process, empty where the system does not tell."""
    try:
        return str(PROC.joinpath(str(pid), "cwd").readlink())
    except OSError:
        return ""


def started_at(pid: int) -> str:
    """Return when a process began, in the system's own words; empty when there is none.

    A number may be given to another process after a reboot or a long time, a number together
    with its start may not.
    """
    if PROC.joinpath("self").exists():
        fields = _stat(pid)
        return f"{fields[19]}@{_boot()}" if fields else ""
    return _ps("-o", "lstart=", "-p", str(pid)).strip()


def members(group: int) -> list[int]:
    """Return the living processes of a process group, zombies left out."""
    if not PROC.joinpath("self").exists():
        rows = (line.split() for line in _ps("-A", "-o", "pid=,pgid=,stat=").splitlines())
        return [int(row[0]) for row in rows if int(row[1]) == group and "Z" not in row[2]]
    found = []
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        fields = _stat(int(entry.name))
        if fields and int(fields[2]) == group and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def end_groups(groups: Iterable[int], *, grace_seconds: float) -> None:
    """Ask process groups to end, and end for good what is left after the grace."""
    left = {group for group in groups if members(group)}
    deadline = time.monotonic() + grace_seconds
    send(left, signal.SIGTERM)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = {group for group in left if members(group)}
    send(left, signal.SIGKILL)
    while left:
        time.sleep(0.02)
        left = {group for group in left if members(group)}


def send(groups: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to process groups; those that are gone are left out."""
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def _stat(pid: int) -> list[str]:
    # The fields after "(name)", which may hold spaces: 0 state, 2 group, 19 start.
    try:
        text = PROC.joinpath(str(pid), "stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _boot() -> str:
    try:
        return PROC.joinpath("sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False).stdout
