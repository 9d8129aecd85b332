"""Where this copy of the project keeps what it makes, and as whom the embedded servers run."""

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from supervisor.failure import Failure, no_space

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var"
LOGS = VAR / "log"
RUN = VAR / "run"
PYTHON = ROOT / ".venv" / "bin" / "python"

# A Unix socket's address holds 107 bytes; the longest name in the directory is PostgreSQL's.
LONGEST_SOCKET_DIRECTORY = 107 - len("/.s.PGSQL.5432")
NEEDED_BYTES = 300_000_000


@dataclass(frozen=True)
class Owner:
    """The account that the embedded servers run as when we are root; they refuse to be root."""

    name: str
    uid: int
    gid: int


@cache
def owner() -> Owner | None:
    """Return whom the servers run as, None for ourselves. `nobody` exists everywhere."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise Failure(
            "Run as root, the embedded servers run as `nobody`, who does not exist here: "
            "use an ordinary user, or set DATABASE_URL and REDIS_URL.",
        ) from error
    return Owner(entry.pw_name, entry.pw_uid, entry.pw_gid)


def copy_id() -> str:
    """Return what tells this copy of the project from others on the machine."""
    return hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:12]


@cache
def base() -> Path:
    """Return the directory of the embedded servers, 0700 and theirs.

    Root's project may lie where `nobody` cannot look (its home is 0700), and foreign directories
    are never opened up: root's servers live under /var/lib.
    """
    directory = Path(f"/var/lib/nociq-{copy_id()}") if owner() else VAR
    make_private(directory)
    if owner():
        note = directory / "belongs-to"
        if not note.exists():
            note.write_text(f"{ROOT}\n")
        link = VAR / "servers"
        if not link.is_symlink():
            link.symlink_to(directory)
    return directory


def make_private(directory: Path) -> None:
    """Make a directory that only the servers' account can enter."""
    person = owner()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if person:
            os.chown(directory, person.uid, person.gid)
    except PermissionError as error:
        raise Failure(f"{directory} cannot be made: {error.strerror}.") from error


def sockets(directory: Path) -> Path:
    """Return the directory for the sockets of the servers that live in `directory`.

    A path too long for a socket's address is replaced by a short one under the system's
    temporary directory, which must be ours alone: trust is the authentication.
    """
    place = directory / "run"
    if len(os.fsencode(place)) > LONGEST_SOCKET_DIRECTORY:
        name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
        place = Path(tempfile.gettempdir()) / f"nociq-{name}"
        if len(os.fsencode(place)) > LONGEST_SOCKET_DIRECTORY:
            place = Path("/tmp") / place.name  # noqa: S108  # checked below
    make_private(place)
    found = place.lstat()
    person = owner()
    ours = person.uid if person else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != ours or found.st_mode & 0o077:
        raise Failure(f"{place} must be a directory of this account with mode 0700: remove it.")
    return place


def require_space() -> None:
    """Refuse to start on a disk so full that the database would soon stop."""
    for directory in {ROOT, base()}:
        if shutil.disk_usage(directory).free < NEEDED_BYTES:
            raise Failure(no_space(directory))


def prepare() -> None:
    """Make the directories of this copy."""
    try:
        for directory in (VAR, LOGS, RUN):
            directory.mkdir(exist_ok=True)
    except PermissionError as error:
        raise Failure(f"{error.filename} cannot be made: {error.strerror}.") from error


def hold(name: str) -> IO[str] | None:
    """Take the lock of that name for as long as the file returned stays open; None if taken.

    The kernel lets go of it however the holder dies.
    """
    file = (RUN / f"{name}.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def last_lines(path: Path, count: int = 5) -> str:
    """Return the end of a log, for a message about a failure."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in lines[-count:])
