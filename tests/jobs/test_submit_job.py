"""Asking for long work."""

import hashlib
import io
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Q
from kombu.exceptions import OperationalError as BrokerUnavailable

from audit.models import Entry
from core.errors import Busy, TooLarge
from core.models import EventRow
from jobs import services as jobs
from jobs import tasks
from jobs.choices import Status
from jobs.models import Job, JobFilePart
from jobs.services import submission
from tests import world

BYTES = b"x" * (2 * 1024 * 1024 + 17)


def submit(**given: Any) -> tuple[Job, bool]:
    known = {"payload": {"what": "it"}, "actor": world.actor(), "at": world.AT}
    return jobs.submit_job("count", **known | given)


def a_file(content: bytes = BYTES) -> jobs.JobFile:
    facts = jobs.FileFacts("lots.csv", hashlib.sha256(content).hexdigest(), len(content))
    return jobs.JobFile(facts, io.BytesIO(content))


@pytest.mark.django_db
def test_a_job_waits_with_its_file_its_entry_and_its_event() -> None:
    job, is_new = submit(subject="site_01h455vb4pex5vsknk084sn02q", file=a_file())
    assert is_new
    assert (job.status, job.attempts, job.file_bytes) == (Status.PENDING, 0, len(BYTES))
    parts = JobFilePart.objects.filter(job=job).order_by("n")
    assert [len(part.bytes) for part in parts] == [1024 * 1024, 1024 * 1024, 17]
    entry = Entry.objects.get(action="jobs.submit")
    assert entry.subject_id == job.wire_id
    assert "site_01h455vb4pex5vsknk084sn02q" in entry.links
    assert EventRow.objects.get(type="job.submitted").subject == job.wire_id


@pytest.mark.django_db
def test_the_same_work_is_the_same_job_until_it_has_failed() -> None:
    first, _ = submit(dedup_key="k")
    second, is_new = submit(dedup_key="k", file=a_file())
    assert (second.id, is_new) == (first.id, False)
    assert not JobFilePart.objects.exists()
    Job.objects.filter(id=first.id).update(
        status=Status.FAILURE, failure_kind="permanent", finished_at=world.AT
    )
    third, is_new = submit(dedup_key="k")
    assert is_new
    assert third.id != first.id


@pytest.mark.django_db
def test_success_with_errors_may_be_tried_again() -> None:
    first, _ = submit(dedup_key="k")
    done = {"status": Status.SUCCESS, "progress": 100, "finished_at": world.AT}
    Job.objects.filter(id=first.id).update(**done, error_count=1)
    third, is_new = submit(dedup_key="k")
    assert is_new
    again, is_new = submit(dedup_key="k")
    assert (again.id, is_new) == (third.id, False)


@pytest.mark.django_db
def test_what_ends_with_errors_between_two_looks_is_tried_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    submit(dedup_key="k")
    monkeypatch.setattr(submission, "_IS_THE_SAME", Q(pk__in=[]))
    with pytest.raises(Busy):
        submit(dedup_key="k")


@pytest.mark.django_db
def test_fifty_jobs_wait_and_no_more() -> None:
    for _ in range(50):
        submit()
    with pytest.raises(jobs.TooManyJobs):
        submit()
    assert Job.objects.count() == 50
    assert submit(actor=world.actor("manager"))[1]


@pytest.mark.django_db
def test_a_payload_is_no_file() -> None:
    with pytest.raises(TooLarge):
        submit(payload={"text": "x" * 300_000})
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_uploads_at_once_are_one_job() -> None:
    actor = world.actor()
    found = world.at_once(
        6, lambda _: submit(actor=actor, dedup_key="same", file=a_file(b"small"))[0].id
    )
    assert len(set(found)) == 1
    assert Job.objects.count() == 1
    assert JobFilePart.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_told_after_the_commit(monkeypatch: pytest.MonkeyPatch, runner: Any) -> None:
    runner("count", queue="bulk", hard_limit_s=120)(lambda run: None)
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.run_job, "apply_async", lambda **given: told.append(given))
    with transaction.atomic():
        job, _ = submit()
        assert told == []
    (message,) = told
    assert message["kwargs"] == {"job_id": str(job.id)}
    assert message["task_id"] == str(job.id)
    assert (message["queue"], message["time_limit"], message["soft_time_limit"]) == (
        "bulk",
        120,
        90,
    )


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_the_job_waits(monkeypatch: pytest.MonkeyPatch, runner: Any) -> None:
    runner("count")(lambda run: None)

    def away(**_: Any) -> None:
        raise BrokerUnavailable("connection refused")

    monkeypatch.setattr(tasks.run_job, "apply_async", away)
    job, _ = submit()
    assert Job.objects.get(id=job.id).status == Status.PENDING
    assert EventRow.objects.get(type="job.submitted").reactions.get().status == "done"
    assert jobs.run_job(job.id) == Status.SUCCESS
