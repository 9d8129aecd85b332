"""What keeps children alive, and what tells our processes from others."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from supervisor import processes, system

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
WITH_CHILD = [sys.executable, "-c", "import subprocess as s; s.run(['sleep', '61'])"]


@pytest.fixture
def child() -> Iterator[processes.Child]:
    made = processes.Child("sleeper", SLEEP, dict(os.environ), processes.Screen())
    made.start()
    yield made
    if made.process:
        system.end_groups([made.process.pid], grace_seconds=1)
        made.process.wait()


def test_a_child_that_dies_is_started_again_after_a_wait_that_grows(child: processes.Child) -> None:
    for expected in (0.5, 1.0, 2.0):
        assert child.process
        first = child.process
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        now = time.monotonic()
        assert child.watch(now) is False
        assert child.due - now == pytest.approx(expected)
        assert child.watch(child.due - 0.01) is False
        assert child.watch(child.due) is True


def test_the_wait_is_bounded(child: processes.Child) -> None:
    child.deaths = 50
    assert child.process
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.wait()
    now = time.monotonic()
    child.watch(now)
    assert child.due - now == pytest.approx(processes.LONGEST_WAIT_SECONDS)


def test_the_end_of_a_group_includes_the_children_of_its_members() -> None:
    leader = subprocess.Popen(WITH_CHILD, start_new_session=True)
    while len(system.members(leader.pid)) < 2:
        time.sleep(0.01)
    system.end_groups([leader.pid], grace_seconds=2)
    assert system.members(leader.pid) == []
    leader.wait()


def test_who_ignores_sigterm_is_ended_after_the_grace() -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); "
    leader = subprocess.Popen(
        [sys.executable, "-c", f"{deaf} time.sleep(60)"],
        start_new_session=True,
        stdout=subprocess.PIPE,
    )
    assert leader.stdout
    leader.stdout.readline()
    started = time.monotonic()
    system.end_groups([leader.pid], grace_seconds=0.3)
    assert 0.3 <= time.monotonic() - started < 3
    assert leader.wait() == -signal.SIGKILL
    leader.stdout.close()


def test_a_number_given_to_another_process_is_not_taken_for_ours(
    child: processes.Child,
    tmp_path: "os.PathLike[str]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = tmp_path / "processes.json"  # type: ignore[operator]
    monkeypatch.setattr(processes, "RECORD", record)
    assert child.process
    pid = child.process.pid
    record.write_text(json.dumps([{"name": "web", "pid": pid, "started": "long ago"}]))
    assert processes.end_orphans() == []
    assert child.process.poll() is None
    processes.record({"web": pid})
    assert processes.end_orphans() == ["web"]
    assert child.process.wait() == -signal.SIGTERM
    assert not record.exists()
