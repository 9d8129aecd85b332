"""script/server as a person uses it: a copy of the project, real processes, real signals."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.script.conftest import STOP_SECONDS, Copy, free_port, readiness, status, wait_until

pytestmark = pytest.mark.timeout(300)

SYSTEM = "/usr/bin:/bin"

Running = tuple[Copy, int]


def test_a_started_server_is_ready_and_says_where(running: Running) -> None:
    copy, port = running
    wait_until(lambda: readiness(port) == 200, 10)  # each worker shares its answer for a second
    assert f"http://localhost:{port}/docs" in copy.said()


def test_streams_are_served_on_the_same_port(running: Running) -> None:
    copy, port = running
    assert f"http://localhost:{port}/api/v1/auth/events" in copy.said()
    wait_until(lambda: status(port, "/api/v1/auth/events") == 401, 10)  # 503: nobody took it over


def test_a_second_server_in_the_same_copy_is_refused_in_one_sentence(running: Running) -> None:
    copy, port = running
    second = copy.run("server", "--port", str(free_port()), "--empty")
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert (
        f"already running (process {copy.servers[0].pid}, http://localhost:{port})" in second.stderr
    )
    wait_until(lambda: readiness(port) == 200, 10)  # each worker shares its answer for a second


def test_a_command_beside_a_running_server_uses_its_database_and_leaves_it_up(
    running: Running,
) -> None:
    copy, port = running
    done = copy.run("manage", "showmigrations", "--plan")
    assert done.returncode == 0, done.stderr
    assert "[X]" in done.stdout
    wait_until(lambda: readiness(port) == 200, 10)  # each worker shares its answer for a second


@pytest.mark.parametrize("name", ["--quiet worker", "gunicorn", "uvicorn", "postgresql"])
def test_a_process_killed_comes_back(running: Running, name: str) -> None:
    copy, port = running
    victim = (
        int((servers_directory(copy) / "server/postgresql/postmaster.pid").read_text().split()[0])
        if name == "postgresql"
        else copy.pid_of(name)
    )
    before = copy.said().count("ended unexpectedly")
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: copy.said().count("ended unexpectedly") > before, 20)
    wait_until(lambda: readiness(port) == 200, 40)
    wait_until(lambda: status(port, "/api/v1/auth/events") == 401, 40)
    if name != "postgresql":
        wait_until(lambda: any(name in command for command in copy.processes().values()), 20)
    assert victim not in copy.processes()


def test_a_stopped_server_leaves_no_process_behind(copy: Copy) -> None:
    port = free_port()
    server = copy.start("--port", str(port), "--empty")
    wait_until(lambda: server.poll() is not None or "is ready after" in copy.said())
    assert len(copy.processes()) > 5, copy.said()
    started = time.monotonic()
    server.terminate()
    assert server.wait(STOP_SECONDS) == 0
    assert time.monotonic() - started < STOP_SECONDS
    assert copy.processes() == {}
    assert readiness(port) == 0


def test_a_port_in_use_is_one_sentence_and_starts_nothing(copy: Copy) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = copy.run("server", "--port", str(port), "--empty")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {port} ")
    assert done.stderr.count("\n") == 1
    assert copy.processes() == {}


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("DATABASE_URL", "postgres://noc:open-sesame@127.0.0.1:1/nociq"),
        ("REDIS_URL", "redis://:open-sesame@127.0.0.1:1/0"),
    ],
)
def test_a_server_given_by_url_that_does_not_answer_is_one_sentence_without_its_password(
    copy: Copy,
    name: str,
    address: str,
) -> None:
    done = copy.run("server", "--port", str(free_port()), "--empty", **{name: address})
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name}: ")
    assert done.stderr.count("\n") == 1
    assert "open-sesame" not in done.stdout + done.stderr
    assert copy.processes() == {}


@pytest.mark.slow
def test_after_kill_9_of_everything_the_next_start_finds_what_was_committed(copy: Copy) -> None:
    port = free_port()
    arguments = ("--port", str(port), "--empty")
    first = copy.start(*arguments)
    wait_until(lambda: first.poll() is not None or "is ready after" in copy.said())
    made = copy.run(
        *("manage", "shell", "-c"),
        "from django_celery_beat.models import ClockedSchedule as C; from django.utils import "
        "timezone; C.objects.create(clocked_time=timezone.now()); print(C.objects.count(), 'rows')",
    )
    assert "1 rows" in made.stdout, made.stderr
    first.kill()
    first.wait()
    for pid in copy.processes():
        os.kill(pid, signal.SIGKILL)
    second = copy.start(*arguments)
    wait_until(lambda: second.poll() is not None or "is ready after" in copy.said())
    found = copy.run(
        *("manage", "shell", "-c"),
        "from django_celery_beat.models import ClockedSchedule as C; "
        "print(C.objects.count(), 'rows')",
    )
    assert "1 rows" in found.stdout, found.stderr
    second.terminate()
    assert second.wait(STOP_SECONDS) == 0
    assert copy.processes() == {}


@pytest.mark.slow
def test_what_a_killed_supervisor_left_is_ended_by_the_next_start(copy: Copy) -> None:
    port = free_port()
    first = copy.start("--port", str(port), "--empty")
    wait_until(lambda: first.poll() is not None or "is ready after" in copy.said())
    first.kill()
    first.wait()
    left = copy.processes()
    assert any("gunicorn" in command for command in left.values())
    second = copy.start("--port", str(port), "--empty")
    wait_until(lambda: second.poll() is not None or "is ready after" in copy.said())
    assert "left over from a run that was killed" in copy.said()
    gone = {
        pid
        for pid, command in left.items()
        if "postgres" not in command and "valkey" not in command
    }
    assert gone.isdisjoint(copy.processes())
    second.send_signal(signal.SIGINT)
    assert second.wait(STOP_SECONDS) == 0
    assert copy.processes() == {}


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
@pytest.mark.skipif(not shutil.which("python3", path=SYSTEM), reason="no Python for everybody")
def test_an_ordinary_user_installs_starts_and_stops_it(copy: Copy) -> None:
    kept = {name: text for name, text in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    # pytest's directories are root's alone, and so may be the Python that runs the tests.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        own = Copy(Path(folder) / "noc", {**kept, "PATH": SYSTEM, "HOME": folder})
        copy.directory.rename(own.directory)
        (own.directory / ".venv").unlink()
        subprocess.run(["chown", "-R", "nobody", folder], check=True)
        port = free_port()
        become = ["setpriv", "--reuid=nobody", "--clear-groups"]
        try:
            server = own.start("--port", str(port), "--empty", prefix=become)
            wait_until(lambda: server.poll() is not None or readiness(port) == 200, 240)
            assert server.poll() is None, own.said()
            assert (own.directory / "var" / "local.env").stat().st_mode & 0o777 == 0o600
            server.terminate()
            assert server.wait(STOP_SECONDS) == 0
            assert own.processes() == {}
        finally:
            own.end()


def servers_directory(copy: Copy) -> Path:
    link = copy.directory / "var" / "servers"
    return link.resolve() if link.is_symlink() else copy.directory / "var"
