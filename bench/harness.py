"""What every benchmark shares: a database of its own, two servers, a crowd of clients, a verdict.

A figure is a ratio: the product against its yardstick, measured in turns in one run, so that a
busy or a slow machine bends both alike. Nothing is asserted; times belong to machines.
"""

import argparse
import itertools
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
from django.core.management import call_command
from django.db import ProgrammingError, connection

from config import process

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = {"DJANGO_SETTINGS_MODULE": "config.settings"}
BARE = {"DJANGO_SETTINGS_MODULE": "bench.bare.settings"}
OPEN = {"DJANGO_SETTINGS_MODULE": "bench.open.settings"}
CLIENTS = 8
STARTS_WITHIN_S = 60
ENDS_WITHIN_S = 20
ANSWERS_WITHIN_S = 30
MOST_LOG_BYTES = 20_000


@dataclass(frozen=True)
class Options:
    rounds: int
    seconds: float
    rows: int


def options(title: str | None, *, rows: int = 0) -> Options:
    """Read the command line: ``--rounds=6 --seconds=4``, and ``--rows=`` where there are some."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--rounds", type=int, default=6, help="how often each side has its turn")
    parser.add_argument("--seconds", type=float, default=4, help="how long a turn is")
    if rows:
        parser.add_argument("--rows", type=int, default=rows, help="how many rows there are")
    given = parser.parse_args()
    return Options(given.rounds, given.seconds, getattr(given, "rows", rows))


# --- The database --------------------------------------------------------------------------------
@contextmanager
def database() -> Iterator[None]:
    """Make a database beside the one of DATABASE_URL, migrated, and drop it afterwards.

    Inside the block it is what DATABASE_URL names, for this process and for those it starts.
    """
    given = os.environ["DATABASE_URL"]
    os.environ |= {
        **PRODUCT,
        # Limits on how much one person may do would be measured instead of the product.
        "RATE_LIMIT_USER_RPM": "1000000000",
        "RATE_LIMIT_HEAVY_RPM": "1000000000",
        "RATE_LIMIT_RPM": "1000000000",
        "RATE_LIMIT_ANON_RPM": "1000000000",
        "AUTH_RATE_LIMIT_REQUESTS": "1000000000",
        "ACCESS_TOKEN_EXPIRE_MINUTES": "60",
    }
    process.declare(process.COMMAND)
    django.setup()
    outer = str(connection.settings_dict["NAME"])
    name = f"{outer}_bench"
    _drop(name)  # of a run that was killed
    _execute(f'CREATE DATABASE "{name}"')
    try:
        _use(name)
        os.environ["DATABASE_URL"] = urlsplit(given)._replace(path=_path(given, name)).geturl()
        call_command("migrate", verbosity=0)
        yield
    finally:
        os.environ["DATABASE_URL"] = given
        _use(outer)
        _drop(name)
        connection.close()


def _drop(name: str) -> None:
    deadline = time.monotonic() + ENDS_WITHIN_S
    while True:
        try:
            _execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        except ProgrammingError:  # autovacuum is still at it, and its workers are not ours to end
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def _path(url: str, name: str) -> str:
    return f"{urlsplit(url).path.rpartition('/')[0]}/{name}"


def _use(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def sql(statement: str, parameters: Mapping[str, Any] | None = None) -> None:
    """Run statements that seed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def settle(*tables: str) -> None:
    """Leave PostgreSQL nothing to catch up on with what was seeded while it is measured."""
    for table in tables:
        sql(f"VACUUM ANALYZE {table}")
    sql("CHECKPOINT")


def engineer() -> str:
    """Make an engineer and sign them in; returns their access token."""
    from django.utils import timezone  # noqa: PLC0415 - Django is set up by now

    from accounts import services as accounts  # noqa: PLC0415
    from core.actors import system  # noqa: PLC0415

    password, at = secrets.token_urlsafe(24), timezone.now()
    person = accounts.create_user(
        email="engineer@bench.example",
        password=password,
        role="engineer",
        actor=system("accounts"),
        at=at,
    )
    signed_in = accounts.open_session(
        email=person.email or "", password=password, address=None, user_agent="bench", at=at
    )
    return signed_in.access_token


# --- The servers ---------------------------------------------------------------------------------
@contextmanager
def serving(application: str, environment: Mapping[str, str]) -> Iterator[int]:
    """Serve an application as the product is served, on a free port; ends it afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", application],
            cwd=ROOT,
            env=os.environ | {"WEB_CONCURRENCY": "2"} | dict(environment),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _await(port, server)
            yield port
        except BaseException:
            print(os.pread(log.fileno(), MOST_LOG_BYTES, 0).decode(errors="replace"))
            raise
        finally:
            _end(server)


def _await(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("The server did not start.")


def _end(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


# --- The crowd -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Call:
    """One request, and the status that means it was done."""

    method: str
    path: str
    body: bytes | None = None
    expects: int = 200


@dataclass(frozen=True)
class Turn:
    """What one side did in one turn; latencies in seconds, sorted."""

    operations: int
    seconds: float
    latencies: Sequence[float] = ()

    @property
    def rate(self) -> float:
        return self.operations / self.seconds

    def quantile(self, share: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


class WrongAnswer(RuntimeError):
    """What was measured is not what was meant to be."""


class Crowd:
    """Clients that keep their connections and ask again as soon as they are answered."""

    def __init__(
        self,
        port: int,
        call: Callable[[int], Call],
        *,
        token: str = "",
        most: int | None = None,
        clients: int = CLIENTS,
    ) -> None:
        """``call(n)`` makes the n-th request of all turns, of which there are ``most``."""
        self._port, self._call, self._most, self._clients = port, call, most, clients
        self._numbers = itertools.count()
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def turn(self, seconds: float) -> Turn:
        """Let all clients ask for this long."""
        latencies: list[float] = []
        faults: list[BaseException] = []
        started = time.perf_counter()
        deadline = started + seconds

        def client() -> None:
            try:
                latencies.extend(self._ask_until(deadline))
            except BaseException as fault:  # noqa: BLE001 - raised again by the caller
                faults.append(fault)

        clients = [threading.Thread(target=client) for _ in range(self._clients)]
        for each in clients:
            each.start()
        for each in clients:
            each.join()
        if faults:
            raise faults[0]
        return Turn(len(latencies), time.perf_counter() - started, sorted(latencies))

    def _ask_until(self, deadline: float) -> Iterator[float]:
        link = HTTPConnection("127.0.0.1", self._port, timeout=ANSWERS_WITHIN_S)
        try:
            while (before := time.perf_counter()) < deadline:
                number = next(self._numbers)
                if self._most is not None and number >= self._most:
                    return
                call = self._call(number)
                link.request(call.method, call.path, call.body, self._headers)
                answer = link.getresponse()
                said = answer.read()
                if answer.status != call.expects:
                    raise WrongAnswer(f"{call.method} {call.path}: {answer.status} {said[:500]!r}")
                yield time.perf_counter() - before
        finally:
            link.close()


# --- The verdict ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class Goal:
    """A ratio of two sides, per turn, and where it should lie."""

    says: str
    ratio: Callable[[Mapping[str, Turn]], float]
    least: float | None = None
    most: float | None = None

    def reached_by(self, found: float) -> bool:
        return (self.least is None or found >= self.least) and (
            self.most is None or found <= self.most
        )

    @property
    def bound(self) -> str:
        return f">= {self.least}" if self.least is not None else f"<= {self.most}"


def compare(
    title: str,
    sides: Mapping[str, Callable[[], Turn]],
    goals: Sequence[Goal],
    *,
    rounds: int,
) -> None:
    """Measure the sides in turns, after one round that does not count, and print what was found."""
    print(f"{title}: {rounds} rounds, {os.cpu_count()} processors", flush=True)
    found: list[dict[str, Turn]] = []
    for number in range(rounds + 1):
        # In the other order every second time: what one side leaves behind slows both alike.
        names = list(sides) if number % 2 else list(sides)[::-1]
        turns = {name: sides[name]() for name in names}
        if number:
            found.append(turns)
    width = max(map(len, [*sides, *(goal.says for goal in goals)]))
    for name in sides:
        rates = [turns[name].rate for turns in found]
        line = f"  {name:{width}}  {_spread(rates, '8.0f')} ops/s"
        if found[0][name].latencies:
            p50, p99 = (
                statistics.median(turns[name].quantile(share) * 1000 for turns in found)
                for share in (0.5, 0.99)
            )
            line += f"   p50 {p50:.1f} ms, p99 {p99:.1f} ms"
        print(line)
    for goal in goals:
        ratios = [goal.ratio(turns) for turns in found]
        verdict = "reached" if goal.reached_by(statistics.median(ratios)) else "missed"
        print(f"  {goal.says:{width}}  {_spread(ratios, '8.2f')}   goal {goal.bound}: {verdict}")


def _spread(values: Sequence[float], form: str) -> str:
    narrow = form.lstrip("8")
    return f"{statistics.median(values):{form}} ({min(values):{narrow}}..{max(values):{narrow}})"
