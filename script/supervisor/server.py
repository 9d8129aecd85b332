"""script/server: everything on this machine, from nothing to a page that answers."""

import argparse
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from types import FrameType

from supervisor import configuration, processes, project, services, system
from supervisor.failure import Failure

READY_SECONDS = 60.0
STOP_SECONDS = 8.0  # then kill: with the database's end it stays below 15
PREPARING_DEATHS = 3
QUEUES = "default,pages,bulk"


class Stopped(BaseException):
    """A signal asked us to end; raised in the main thread, passes everything on its way out."""


class Signals:
    """Turns SIGINT, SIGTERM and SIGHUP into one orderly end; only the first one counts."""

    def __init__(self) -> None:
        self.stopping = False
        self.interrupting = True
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if not self.stopping:
            self.stopping = True
            if self.interrupting:
                raise Stopped

    def check(self) -> None:
        """Be interrupted here if a signal came."""
        if self.stopping:
            raise Stopped

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Let signals wait for `check` inside the block: no process may start unnoticed."""
        self.interrupting = False
        self.check()
        yield


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    started = time.monotonic()
    signals = Signals()
    screen = processes.Screen()
    with contextlib.suppress(Stopped):
        given = configuration.given()
        project.prepare()
        with _only_one(options.port):
            for name in processes.end_orphans():
                screen.say(f"{name} was left over from a run that was killed: ended it.")
            _require_free_ports(options)
            configuration.require_reachable(given)
            with services.running("server", given) as embedded:
                environment = _environment(options.port, given, embedded)
                with signals.waiting():
                    _prepare(options, environment, signals)
                    children = _children(options, environment, screen)
                    with _alive(children, screen):
                        streams = f"{environment.get('API_V1_PREFIX', '/api/v1')}/auth/events"
                        _wait_until_ready(options.port, children, streams, signals)
                        _announce(options.port, streams, time.monotonic() - started, screen)
                        _watch(children, embedded, signals, screen)
    screen.say("Stopped.")
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/server",
        description="Start NOC IQ on this machine: database, broker, web server, worker, clock.",
    )
    parser.add_argument("--port", type=int, default=8000, help="where it listens (8000)")
    parser.add_argument("--empty", action="store_true", help="without the demo's data")
    options = parser.parse_args(arguments)
    if not 1 <= options.port <= 65_535:
        parser.error("--port: a number from 1 to 65535")
    return options


@contextlib.contextmanager
def _only_one(port: int) -> Iterator[None]:
    """Hold this copy of the project; a second server in it would share its data and secrets."""
    lock = project.hold("server")
    if lock is None:
        where = ""
        with contextlib.suppress(OSError, ValueError, KeyError):
            running = json.loads((project.RUN / "server.json").read_text())
            where = f" (process {running['pid']}, http://localhost:{running['port']})"
        raise Failure(
            f"This copy is already running{where}: stop it first, or start another clone.",
        )
    file = project.RUN / "server.json"
    file.write_text(json.dumps({"pid": os.getpid(), "port": port}))
    with lock:
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


def _require_free_ports(options: argparse.Namespace) -> None:
    _require_free(options.port, "--port")
    if not options.empty:
        _require_free(configuration.receiver_port(options.port), "the demo's webhook receiver")


def _require_free(port: int, what: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError as error:
            raise Failure(f"Port {port} ({what}) needs root: choose one above 1023.") from error
        except OSError as error:
            raise Failure(
                f"Port {port} ({what}) is in use: choose another, as in script/server --port 8010.",
            ) from error


def _environment(
    port: int,
    given: dict[str, str],
    embedded: services.Services,
) -> dict[str, str]:
    made = [configuration.facts(), embedded.environment()]
    if configuration.is_local(given):
        made.append(configuration.local(port, embedded_database=embedded.postgres is not None))
    sockets = project.sockets(project.base() / "server")
    made.append({"PYTHONUNBUFFERED": "1", "STREAM_SOCKET": str(sockets / "streams")})
    return configuration.merged(given, *made)


def _prepare(options: argparse.Namespace, environment: dict[str, str], signals: Signals) -> None:
    """Bring the database up to date, on the terminal: it may show a progress bar."""
    names = ["migrate", "bootstrap"] if options.empty else ["migrate", "bootstrap", "demo"]
    process = subprocess.Popen(
        [str(project.PYTHON), "-m", "supervisor.prepare", *names],
        cwd=project.ROOT,
        env={**environment, "PYTHONPATH": str(project.ROOT / "script")},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        processes.record({"preparation": process.pid})
        while process.poll() is None:
            signals.check()
            time.sleep(0.05)
    finally:
        system.end_groups([process.pid], grace_seconds=5)
        processes.forget()
    if process.returncode != 0:
        raise Failure(f"The database could not be prepared ({', '.join(names)}): see above.")


def _children(
    options: argparse.Namespace,
    environment: dict[str, str],
    screen: processes.Screen,
) -> list[processes.Child]:
    python = [str(project.PYTHON), "-m"]
    # As root Celery warns at each start; here nothing else can be done about it.
    quietly = ["-W", "ignore:You're running the worker with superuser privileges"]
    celery = [str(project.PYTHON), *quietly, "-m", "celery", "-A", "config", "--quiet"]
    log_level = environment.get("LOG_LEVEL", "INFO").lower()
    commands = {
        "web": [*python, "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{options.port}"],
        # The web process hands its clients over; what it listens on by itself nobody uses.
        "stream": [
            *(*python, "uvicorn", "config.asgi:application", "--no-proxy-headers"),
            *("--uds", f"{environment['STREAM_SOCKET']}.http"),
            *("--workers", "1", "--timeout-graceful-shutdown", str(int(STOP_SECONDS) - 2)),
        ],
        "worker": [*celery, "worker", "-Q", QUEUES, "-c", "2", "-l", log_level, "--without-mingle"],
        "beat": [
            *(*celery, "beat", "-l", log_level, "--pidfile", ""),
            *("-S", "django_celery_beat.schedulers:DatabaseScheduler"),
        ],
    }
    if not options.empty:
        receiver = str(configuration.receiver_port(options.port))
        commands["receiver"] = [
            *(str(project.PYTHON), "manage.py", "receive_webhooks", "--port", receiver),
        ]
    # The workers end in time to be counted out by us, not by the kernel.
    grace = {"SHUTDOWN_GRACE_SECONDS": str(int(STOP_SECONDS) - 1)}
    return [
        processes.Child(name, command, environment | grace, screen)
        for name, command in commands.items()
    ]


def _wait_until_ready(
    port: int, children: list[processes.Child], streams: str, signals: Signals
) -> None:
    """Wait until web answers, and streams do on the same port."""
    deadline = time.monotonic() + READY_SECONDS
    web, stream = children[:2]
    for child, path, wanted in (
        (web, "/health/readiness", http.client.OK),
        (stream, streams, http.client.UNAUTHORIZED),  # so it was taken over: web says 503
    ):
        said = "no answer"
        while True:
            signals.check()
            child.watch(time.monotonic())
            if child.deaths >= PREPARING_DEATHS:
                child.drain()
                raise Failure(
                    f"The {child.name} server does not start: see above, or "
                    f"{project.LOGS}/{child.name}.log."
                )
            status, said = _ask(port, path)
            if status == wanted:
                break
            if time.monotonic() > deadline:
                raise Failure(f"{path} is not ready after {READY_SECONDS:g} s: {said}")
            time.sleep(0.1)


def _ask(port: int, path: str) -> tuple[int, str]:
    """Return the status and the words of an answer; 0 when there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        return answer.status, answer.read(2000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, f"no answer ({error})"
    finally:
        connection.close()


def _announce(port: int, streams: str, seconds: float, screen: processes.Screen) -> None:
    here = f"http://localhost:{port}"
    screen.say(
        f"NOC IQ {configuration.version()} is ready after {seconds:.1f} s.\n"
        f"  documents  {here}/docs\n"
        f"  admin      {here}/admin/\n"
        f"  health     {here}/health/readiness\n"
        f"  streams    {here}{streams}\n"
        "Ctrl-C stops everything.",
    )


def _watch(
    children: list[processes.Child],
    embedded: services.Services,
    signals: Signals,
    screen: processes.Screen,
) -> None:
    """Keep everything alive until a signal comes."""
    while True:
        signals.check()
        for server in embedded.dead():
            screen.say(f"{server.name} ended unexpectedly; starting it again.")
            with services.starting("server"):
                try:
                    server.start()
                except Failure as failure:
                    screen.say(str(failure))
        if any([child.watch(time.monotonic()) for child in children]):  # noqa: C419  # watch all
            processes.record(_running(children))
        time.sleep(0.25)


def _running(children: list[processes.Child]) -> dict[str, int]:
    return {child.name: child.process.pid for child in children if child.process}


@contextlib.contextmanager
def _alive(children: list[processes.Child], screen: processes.Screen) -> Iterator[None]:
    """Start the children, and end them and their children after the block."""
    try:
        for child in children:
            child.start()
        processes.record(_running(children))
        yield
    finally:
        screen.say("Stopping ...")
        system.end_groups(_running(children).values(), grace_seconds=STOP_SECONDS)
        for child in children:
            if child.process:
                child.process.wait()
            child.drain()
        processes.forget()
