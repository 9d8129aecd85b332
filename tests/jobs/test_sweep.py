"""The net: dead workers, jobs nobody was told of."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now

from core.models import EventRow
from jobs import services as jobs
from jobs import tasks
from jobs.choices import FailureKind, Status
from jobs.models import Job
from tests import world

pytestmark = pytest.mark.django_db


def job(**given: Any) -> Job:
    made, _ = jobs.submit_job("write", {}, actor=world.actor(), at=world.AT)
    Job.objects.filter(id=made.id).update(**given)
    return made


def held(ago: int, **given: Any) -> Job:
    """A job in the hands of a worker whose lease ran out so many seconds ago."""
    return job(
        status=Status.STARTED,
        lease_id=uuid4(),
        lease_expires_at=Now() - timedelta(seconds=ago),
        started_at=Now(),
        **given,
    )


def test_a_job_whose_worker_died_runs_again_at_once() -> None:
    dead, alive = held(1, attempts=1), held(-30, attempts=1)
    assert [due.id for due in jobs.sweep()] == [dead.id]
    assert Job.objects.get(id=dead.id).status == Status.PENDING
    assert Job.objects.get(id=alive.id).status == Status.STARTED


def test_a_job_whose_workers_died_three_times_is_lost() -> None:
    dead = held(1, attempts=3)
    assert jobs.sweep() == []
    ended = Job.objects.get(id=dead.id)
    assert (ended.status, ended.failure_kind) == (Status.FAILURE, FailureKind.LOST)
    assert '"status":"failure"' in EventRow.objects.get(type="job.finished").payload


def test_a_job_cancelled_under_a_dead_worker_is_revoked() -> None:
    dead = held(1, attempts=1, cancel_requested_at=Now())
    assert jobs.sweep() == []
    assert Job.objects.get(id=dead.id).status == Status.REVOKED


def test_a_due_job_nobody_was_told_of_is_sent_once_in_ten_seconds() -> None:
    lost = job(updated_at=Now() - timedelta(seconds=11))
    job()
    job(
        next_attempt_at=Now() + timedelta(seconds=5),
        updated_at=Now() - timedelta(seconds=60),
    )
    assert [due.id for due in jobs.sweep()] == [lost.id]
    assert jobs.sweep() == []


@pytest.mark.django_db(transaction=True)
def test_two_sweepers_at_once_share_the_work() -> None:
    made = {job(updated_at=Now() - timedelta(seconds=11)).id for _ in range(40)}
    found = world.at_once(2, lambda _: [due.id for due in jobs.sweep()])
    assert sorted(found[0] + found[1]) == sorted(made)


def test_the_task_tells_workers(monkeypatch: pytest.MonkeyPatch, runner: Any) -> None:
    runner("write")(lambda run: None)
    told: list[Any] = []
    monkeypatch.setattr(tasks.run_job, "apply_async", lambda **given: told.append(given["task_id"]))
    lost = job(updated_at=Now() - timedelta(seconds=11))
    assert tasks.sweep() == 1
    assert told == [str(lost.id)]


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_a_command_works_it_off(runner: Any, capsys: Any) -> None:
    runner("write")(lambda run: None)
    first, second = job(), job()
    call_command("run_jobs", "--once")
    assert capsys.readouterr().out.split() == [
        str(first.id),
        "success",
        str(second.id),
        "success",
    ]


def test_finished_jobs_do_not_slow_the_sweep() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plans = []
        for where in (
            "status = 'started' AND lease_expires_at <= now() ORDER BY lease_expires_at, id",
            "status = 'pending' AND next_attempt_at <= now() ORDER BY next_attempt_at, id",
        ):
            cursor.execute(f"EXPLAIN SELECT id FROM jobs_job WHERE {where} LIMIT 100")
            plans.append(" ".join(line for (line,) in cursor.fetchall()))
    assert "jobs_job_leased" in plans[0]
    assert "jobs_job_due" in plans[1]
