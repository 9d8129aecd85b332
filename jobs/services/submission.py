"""Asking for long work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

import orjson
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from psycopg import errors as pg

from audit import services as audit
from core import events
from core.actors import Actor
from core.errors import Busy, DomainError, TooLarge, TooMany
from core.ids import encode, uuid7
from jobs.choices import FailureKind, Status
from jobs.events import JobSubmitted
from jobs.models import Job, JobFilePart
from jobs.policy import moves
from jobs.services.endings import Problem, announce_end, store_errors
from jobs.services.imports.target import FileFacts


class TooManyJobs(TooMany):
    code = "too_many_jobs"
    title = "Too many jobs"
    summary = f"{moves.MOST_WAITING} of your jobs wait already. Try again when some have run."


@dataclass(frozen=True)
class JobFile:
    """A file that goes along with a job: what it is, and its bytes from the beginning."""

    facts: FileFacts
    stream: BinaryIO


def submit_job(
    job_type: str,
    payload: Mapping[str, Any],
    *,
    actor: Actor,
    at: datetime,
    subject: str = "",
    file: JobFile | None = None,
    dedup_key: str | None = None,
) -> tuple[Job, bool]:
    """Put long work into the queue, beside the caller's change; returns the job, and whether new.

    With a ``dedup_key`` the same work that waits, runs or has succeeded is that job. Who may ask
    is for the domain to decide. Emits JobSubmitted. Raises: TooManyJobs, TooLarge, Busy.
    """
    if len(orjson.dumps(payload)) > moves.LARGEST_PAYLOAD:
        raise TooLarge(limit_bytes=moves.LARGEST_PAYLOAD)
    with transaction.atomic():
        waiting = Job.objects.filter(created_by=actor.id, status=Status.PENDING)
        if waiting.count() >= moves.MOST_WAITING:
            raise TooManyJobs
        job = Job(
            id=uuid7(),
            job_type=job_type,
            subject=subject,
            payload=dict(payload),
            created_by=actor.id,
            created_at=at,
            dedup_key=dedup_key,
        )
        if file is not None:
            job.file_name, job.file_sha256 = file.facts.name, file.facts.sha256
            job.file_bytes = file.facts.bytes
        existing = _insert(job)
        if existing is not None:
            return existing, False
        if file is not None:
            _store(job.id, file.stream)
        audit.record(
            action="jobs.submit",
            subject=("job", job.wire_id),
            actor=actor,
            at=at,
            after={"job_type": job_type, "subject": subject, "file_sha256": job.file_sha256},
            links=[subject] if subject else [],
        )
        events.publish(
            JobSubmitted(occurred_at=at, job_id=encode("job", job.id), job_type=job_type)
        )
        return job, True


def keep_ended_job(
    job_type: str,
    payload: Mapping[str, Any],
    result: Mapping[str, Any],
    *,
    actor: Actor,
    at: datetime,
    job_id: UUID,
    subject: str = "",
    file: FileFacts | None = None,
    failed: DomainError | None = None,
    details: Mapping[str, Any] | None = None,
    problems: Sequence[Problem] = (),
    error_count: int = 0,
) -> Job:
    """Keep the job of work that was done inside a request, beside what it wrote.

    Emits JobFinished.
    """
    with transaction.atomic():
        job = Job(
            id=job_id,
            job_type=job_type,
            subject=subject,
            payload=dict(payload),
            created_by=actor.id,
            status=Status.FAILURE if failed else Status.SUCCESS,
            failure_kind=FailureKind.PERMANENT if failed else None,
            failure_code=failed.code if failed else None,
            error=failed.detail if failed else None,
            progress=0 if failed else 100,
            progress_details=dict(details or {}),
            result=dict(result),
            error_count=error_count,
            attempts=1,
            file_name=file.name if file else None,
            file_sha256=file.sha256 if file else None,
            file_bytes=file.bytes if file else None,
            created_at=at,
            started_at=at,
            finished_at=Now(),
            updated_at=Now(),
        )
        job.save(force_insert=True)
        store_errors(job.id, problems)
        announce_end(job, Status(job.status), error_count, at)
    job.refresh_from_db(fields=["finished_at", "updated_at", "next_attempt_at"])
    return job


# The condition of the unique index on ``dedup_key``.
_IS_THE_SAME = Q(status__in=[Status.PENDING, Status.STARTED]) | Q(
    status=Status.SUCCESS, error_count=0
)


def _insert(job: Job) -> Job | None:
    """Insert the job; where the same one is already there, that one. The unique index decides.

    Raises: Busy.
    """
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError as error:
        if not isinstance(error.__cause__, pg.UniqueViolation):
            raise
        found = Job.objects.filter(_IS_THE_SAME, dedup_key=job.dedup_key).first()
        if found is None:  # it has just ended with errors
            raise Busy from None
        return found
    return None


def _store(job_id: UUID, stream: BinaryIO) -> None:
    n = 0
    while part := stream.read(moves.PART_BYTES):
        JobFilePart.objects.create(job_id=job_id, n=n, bytes=part)
        n += 1
