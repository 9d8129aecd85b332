"""Reads of long work that leave the app."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Min, QuerySet, Window
from django.db.models.functions import Now, RowNumber

from core.actors import Actor
from core.errors import NotFound
from core.ids import decode
from jobs.choices import DEAD, Status
from jobs.models import Job, JobError
from jobs.policy import access, moves


class JobNotFound(NotFound):
    code = "job_not_found"
    title = "Job not found"
    summary = "There is no such job, or it is not yours."


def jobs(actor: Actor) -> QuerySet[Job]:
    """The jobs the actor may see. Raises: NotPermitted."""
    access.require_may_look(actor)
    return Job.objects.visible_to(actor)


def get_job(key: str | UUID, actor: Actor) -> Job:
    """One job by its id. Raises: NotPermitted, MalformedId, JobNotFound."""
    job_id = key if isinstance(key, UUID) else decode("job", key)
    job = jobs(actor).filter(id=job_id).first()
    if job is None:
        raise JobNotFound
    return job


def get_import(key: str, actor: Actor) -> Job:
    """One job that loads a file. Raises: NotPermitted, MalformedId, JobNotFound."""
    job = get_job(key, actor)
    if job.target_type is None:
        raise JobNotFound
    return job


def imports(target: str, actor: Actor) -> QuerySet[Job]:
    """The loads of this target that the actor may see, dry runs left out."""
    loads = Job.objects.visible_to(actor).filter(job_type=moves.import_of(target))
    return loads.exclude(payload__dry_run=True)


def first_errors(ids: Collection[UUID], most: int) -> dict[UUID, list[JobError]]:
    """The first errors of each of these jobs, by row; one statement."""
    place = Window(RowNumber(), partition_by="job_id", order_by=["row", "id"])
    rows = JobError.objects.filter(job_id__in=ids).annotate(place=place).filter(place__lte=most)
    found: dict[UUID, list[JobError]] = {job_id: [] for job_id in ids}
    for error in rows.order_by("job_id", "row", "id"):
        found[error.job_id].append(error)
    return found


def dead_count() -> int:
    """How many jobs wait for somebody to try them again."""
    return Job.objects.filter(failure_kind__in=DEAD).count()


def oldest_due_seconds() -> float:
    """For how long the oldest due job has been waiting; 0 when none is."""
    row: Mapping[str, Any] = Job.objects.filter(
        status=Status.PENDING, next_attempt_at__lte=Now()
    ).aggregate(oldest=Min("next_attempt_at"), now=Now())
    oldest: datetime | None = row["oldest"]
    return (row["now"] - oldest).total_seconds() if oldest else 0.0
