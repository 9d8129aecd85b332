"""The embedded servers as one thing: up while somebody of this copy needs them, down afterwards."""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from supervisor import project
from supervisor.postgres import Postgres
from supervisor.valkey import Valkey

Server = Postgres | Valkey


@dataclass(frozen=True)
class Services:
    """Those of the two servers that the environment does not give by URL."""

    postgres: Postgres | None
    valkey: Valkey | None

    @property
    def servers(self) -> list[Server]:
        return [server for server in (self.postgres, self.valkey) if server is not None]

    def environment(self) -> dict[str, str]:
        """Return the variables by which the application finds the embedded servers."""
        found = {}
        if self.postgres:
            found["DATABASE_URL"] = self.postgres.url
        if self.valkey:
            found["REDIS_URL"] = self.valkey.url
            found["CELERY_BROKER_URL"] = self.valkey.broker_url
        return found

    def start(self) -> None:
        """Start what does not run."""
        for server in self.servers:
            project.make_private(server.directory)
            server.start()

    def stop(self) -> None:
        """Stop what runs."""
        for server in self.servers:
            server.stop()

    def remove(self) -> None:
        """Stop what runs and remove its data."""
        self.stop()
        for server in self.servers:
            if server.directory.exists():
                shutil.rmtree(project.sockets(server.directory), ignore_errors=True)
                shutil.rmtree(server.directory, ignore_errors=True)

    def dead(self) -> list[Server]:
        """Return the servers whose process is gone."""
        return [server for server in self.servers if not server.is_alive()]


@contextlib.contextmanager
def running(profile: str, given: Mapping[str, str]) -> Iterator[Services]:
    """Keep the servers of that profile up inside the block; their data lasts.

    Whoever needs them holds a shared lock; the last one to leave stops them. A holder killed lets
    go of its lock, so the next start finds the servers running, uses them, and stops them later.
    """
    services = _missing(profile, given)
    with _users(profile, fcntl.LOCK_SH) as users:
        try:
            with starting(profile):
                services.start()
            yield services
        finally:
            if _is_last(users):
                services.stop()


@contextlib.contextmanager
def throw_away(
    profile: str,
    given: Mapping[str, str],
    *,
    durable: bool = False,
) -> Iterator[Services]:
    """Keep servers up inside the block for one process alone; nothing of them is left.

    Without `durable` they save themselves the waiting for the disk.
    """
    services = _missing(profile, given, durable=durable, may_create_databases=True)
    with _users(profile, fcntl.LOCK_EX):
        services.remove()  # of a run that was killed
        try:
            services.start()
            yield services
        finally:
            services.remove()


@contextlib.contextmanager
def starting(profile: str) -> Iterator[None]:
    """Let one process of this copy at a time start servers."""
    with (project.RUN / f"{profile}.starting").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _missing(
    profile: str,
    given: Mapping[str, str],
    *,
    durable: bool = True,
    may_create_databases: bool = False,
) -> Services:
    """Return the servers that are not given by URL."""
    project.prepare()
    needs_postgres, needs_valkey = not given.get("DATABASE_URL"), not given.get("REDIS_URL")
    if not needs_postgres and not needs_valkey:
        return Services(None, None)
    project.require_space()
    directory = project.base() / profile
    rights = {"durable": durable, "may_create_databases": may_create_databases}
    return Services(
        Postgres(directory, "nociq", **rights) if needs_postgres else None,
        Valkey(directory) if needs_valkey else None,
    )


@contextlib.contextmanager
def _users(profile: str, operation: int) -> Iterator[int]:
    with (project.RUN / f"{profile}.users").open("a+") as file:
        fcntl.flock(file, operation)
        yield file.fileno()


def _is_last(users: int) -> bool:
    # Held until the file is closed: who comes meanwhile waits, and then starts the servers anew.
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
