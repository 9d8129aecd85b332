"""Claiming, running, ending: each row of the failure matrix."""

import random
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from psycopg import errors as pg

from accounts.choices import UserStatus
from accounts.models import User
from core.errors import Invalid
from core.models import EventRow
from jobs import services as jobs
from jobs.choices import FailureKind, Status
from jobs.models import Job, JobError
from jobs.services import leases
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)


class WrongInput(Invalid):
    code = "wrong_input"
    title = "Wrong input"
    summary = "The input is wrong."


@pytest.fixture(autouse=True)
def scratch() -> Iterator[None]:
    """A table that runners write to."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE scratch (word text)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE scratch")


def write(word: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO scratch VALUES (%s)", [word])


def written() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT word FROM scratch ORDER BY word")
        return [word for (word,) in cursor.fetchall()]


def submit(job_type: str = "write", **given: Any) -> Job:
    known = {"payload": {}, "actor": world.actor(), "at": world.AT}
    job, _ = jobs.submit_job(job_type, **known | given)
    return job


def fresh(job: Job) -> Job:
    return Job.objects.get(id=job.id)


def deadlock() -> OperationalError:
    error = OperationalError("deadlock detected")
    error.__cause__ = pg.DeadlockDetected()
    return error


def test_what_a_run_writes_and_its_end_are_one(runner: Any) -> None:
    @runner("write")
    def run(run: jobs.Run) -> None:
        with run.data():
            write("data")
            run.result = {"written": 1}

    job = submit()
    assert jobs.run_job(job.id) == Status.SUCCESS
    ended = fresh(job)
    assert (ended.progress, ended.result, ended.attempts) == (100, {"written": 1}, 1)
    assert ended.lease_id is None
    assert ended.started_at is not None
    assert ended.finished_at is not None
    assert written() == ["data"]
    told = EventRow.objects.get(type="job.finished")
    assert '"status":"success"' in told.payload


def test_a_run_acts_for_who_asked_with_the_rights_of_now(runner: Any) -> None:
    acted: list[Any] = []
    runner("write")(lambda run: acted.append(run.actor))
    jobs.run_job(submit().id)
    assert (acted[0].id, acted[0].global_role) == (world.actor().id, "engineer")
    User.objects.update(status=UserStatus.DISABLED)
    job = submit()
    assert jobs.run_job(job.id) == Status.FAILURE
    assert fresh(job).failure_code == "submitter_gone"
    assert len(acted) == 1


def test_a_job_that_is_not_due_is_left_alone(runner: Any) -> None:
    runner("write")(lambda run: write("data"))
    job = submit()
    Job.objects.filter(id=job.id).update(next_attempt_at=Now() + timedelta(minutes=1))
    assert jobs.run_job(job.id) is None
    assert written() == []


def test_eight_workers_run_it_once(runner: Any) -> None:
    @runner("write")
    def run(run: jobs.Run) -> None:
        with run.data():
            write("data")

    job = submit()
    ended = world.at_once(8, lambda _: jobs.run_job(job.id))
    assert sorted(map(str, ended)) == ["None"] * 7 + ["success"]
    assert written() == ["data"]


def test_an_input_that_is_wrong_fails_at_once_and_leaves_nothing(runner: Any) -> None:
    @runner("write")
    def run(run: jobs.Run) -> None:
        with run.data():
            write("data")
            run.item_error(3, "bad", "row 3 is bad", pointer="/x")
            raise WrongInput

    job = submit()
    assert jobs.run_job(job.id) == Status.FAILURE
    ended = fresh(job)
    assert (ended.failure_kind, ended.failure_code, ended.error) == (
        FailureKind.PERMANENT,
        "wrong_input",
        "The input is wrong.",
    )
    assert ended.error_count == 1
    assert JobError.objects.get(job=job).row == 3
    assert written() == []


def test_an_error_nobody_named_is_ours_and_says_where_to_look(runner: Any) -> None:
    @runner("write")
    def run(run: jobs.Run) -> None:
        raise ZeroDivisionError("secret of the code")

    job = submit()
    assert jobs.run_job(job.id) == Status.FAILURE
    ended = fresh(job)
    assert (ended.failure_kind, ended.failure_code) == ("permanent", "internal_error")
    assert "Correlation id: " in (ended.error or "")
    assert "secret" not in (ended.error or "")


def test_a_deadlock_is_tried_again_ten_seconds_later(
    runner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    @runner("write")
    def run(run: jobs.Run) -> None:
        tries.append(run.job.attempts)
        with run.data():
            write("data")
            if len(tries) == 1:
                raise deadlock()

    monkeypatch.setattr(random, "random", lambda: 0.5)
    job = submit()
    assert jobs.run_job(job.id) == Status.PENDING
    assert written() == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT next_attempt_at - updated_at FROM jobs_job")
        (wait,) = cursor.fetchone()
    assert wait == timedelta(seconds=10)
    assert jobs.run_job(job.id) is None
    Job.objects.filter(id=job.id).update(next_attempt_at=Now())
    assert jobs.run_job(job.id) == Status.SUCCESS
    assert (tries, written()) == ([1, 2], ["data"])


def test_the_third_deadlock_exhausts_it(runner: Any) -> None:
    @runner("write")
    def run(run: jobs.Run) -> None:
        raise deadlock()

    job = submit()
    for _ in range(3):
        Job.objects.filter(id=job.id).update(next_attempt_at=Now())
        jobs.run_job(job.id)
    ended = fresh(job)
    assert (ended.status, ended.failure_kind, ended.failure_code) == (
        Status.FAILURE,
        FailureKind.EXHAUSTED,
        "busy",
    )


def test_a_job_that_takes_too_long_fails_for_good(runner: Any) -> None:
    @runner("write")
    def run(run: jobs.Run) -> None:
        raise SoftTimeLimitExceeded

    job = submit()
    assert jobs.run_job(job.id) == Status.FAILURE
    assert fresh(job).failure_code == "time_limit"


def test_a_worker_that_slept_past_its_lease_writes_nothing(runner: Any) -> None:
    @runner("write")
    def run(run: jobs.Run) -> None:
        with run.data():
            write("late")
            # Meanwhile a sweeper has taken the job back.
            world.at_once(1, lambda _: _take_from(run.job))

    job = submit()
    assert jobs.run_job(job.id) is None
    assert written() == []
    assert fresh(job).status == Status.PENDING
    assert not EventRow.objects.filter(type="job.finished").exists()


def _take_from(job: Job) -> None:
    Job.objects.filter(id=job.id).update(lease_expires_at=Now() - timedelta(seconds=1))
    jobs.sweep()


def test_a_lost_lease_is_seen_at_the_next_checkpoint(
    runner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.0)
    reached: list[str] = []

    @runner("write")
    def run(run: jobs.Run) -> None:
        Job.objects.filter(id=run.job.id).update(lease_id="01890a5d-ac96-774b-bcce-b302099a8057")
        for _ in range(100):
            run.checkpoint(1, 100, "working")
            time.sleep(0.02)
        reached.append("end")

    assert jobs.run_job(submit().id) is None
    assert reached == []


def test_the_lease_is_renewed_and_progress_shown_while_it_runs(
    runner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.05)
    seen: list[tuple[int, Any, Any]] = []

    @runner("write")
    def run(run: jobs.Run) -> None:
        before = fresh(run.job).lease_expires_at
        run.checkpoint(42, 100, "working", rows_done=7)
        time.sleep(0.3)
        now = fresh(run.job)
        seen.append((now.progress, now.progress_details, now.lease_expires_at > before))

    assert jobs.run_job(submit().id) == Status.SUCCESS
    assert seen == [(42, {"phase": "working", "rows_done": 7}, True)]


def test_work_goes_on_when_progress_cannot_be_written(
    runner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "TICK_SECONDS", 0.02)

    def away(*_: Any) -> bool:
        raise OperationalError("away")

    monkeypatch.setattr(leases.Lease, "_renew", away)

    @runner("write")
    def run(run: jobs.Run) -> None:
        for done in range(5):
            run.checkpoint(done, 5, "working")
            time.sleep(0.03)

    assert jobs.run_job(submit().id) == Status.SUCCESS


def test_a_cancelled_job_ends_at_its_next_checkpoint(
    runner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "TICK_SECONDS", 0.02)

    @runner("write")
    def run(run: jobs.Run) -> None:
        with run.data():
            write("data")
            world.at_once(
                1,
                lambda _: Job.objects.filter(id=run.job.id).update(cancel_requested_at=Now()),
            )
            for done in range(100):
                run.checkpoint(done, 100, "working")
                time.sleep(0.02)

    job = submit()
    assert jobs.run_job(job.id) == Status.REVOKED
    assert written() == []
    assert fresh(job).finished_at is not None


def test_jobs_of_one_subject_run_one_after_the_other(runner: Any) -> None:
    inside, leave = threading.Event(), threading.Event()

    @runner("write", serial=True)
    def run(run: jobs.Run) -> None:
        with run.data():
            inside.set()
            assert leave.wait(10)
            write(run.job.wire_id)

    first, second, other = submit(), submit(), submit(subject="lot_x")

    def call(number: int) -> Any:
        if number == 0:
            return jobs.run_job(first.id)
        assert inside.wait(10)
        busy = jobs.run_job(second.id)
        leave.set()
        return busy, jobs.run_job(other.id)

    assert world.at_once(2, call) == [Status.SUCCESS, (Status.PENDING, Status.SUCCESS)]
    waiting = fresh(second)
    assert (waiting.attempts, waiting.status) == (0, Status.PENDING)
    assert waiting.next_attempt_at > waiting.updated_at + timedelta(seconds=4)


def test_an_unknown_type_fails_for_good() -> None:
    job = submit("nobody_runs_this")
    assert jobs.run_job(job.id) == Status.FAILURE
    assert fresh(job).failure_code == "unknown_job_type"


def test_a_result_too_large_keeps_no_data(runner: Any) -> None:
    @runner("write")
    def run(run: jobs.Run) -> None:
        with run.data():
            write("data")
            run.result = {"text": "x" * (4 * 1024 * 1024)}

    job = submit()
    assert jobs.run_job(job.id) == Status.FAILURE
    assert fresh(job).failure_code == "result_too_large"
    assert written() == []


def test_a_thousand_errors_are_kept_and_all_counted(runner: Any) -> None:
    @runner("write")
    def run(run: jobs.Run) -> None:
        for row in range(1500):
            run.item_error(row, "bad", "x" * 600)

    job = submit()
    jobs.run_job(job.id)
    assert fresh(job).error_count == 1500
    assert JobError.objects.filter(job=job).count() == 1000


def test_a_caller_that_rolls_back_has_submitted_nothing() -> None:
    def give_up() -> None:
        with transaction.atomic():
            submit()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        give_up()
    assert not Job.objects.exists()
