"""The net under the broker: jobs whose worker is gone, and jobs that nobody was told of."""

import logging
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from jobs.choices import FailureKind, Status
from jobs.models import Job
from jobs.policy import moves
from jobs.services.endings import announce_end

log = logging.getLogger(__name__)

AT_ONCE = 100


@dataclass(frozen=True)
class Due:
    """A job that a worker should be told of."""

    id: UUID
    job_type: str


def sweep() -> list[Due]:
    """Take jobs back whose lease ran out, and list those that are due and were not sent lately.

    Two sweepers at once do no harm. Emits JobFinished for jobs that are lost for good.
    """
    return [*_take_back(), *_unsent()]


def _take_back() -> list[Due]:
    with transaction.atomic():
        expired = Job.objects.select_for_update(skip_locked=True).filter(
            status=Status.STARTED, lease_expires_at__lte=Now()
        )
        again = [
            job for job in expired.order_by("lease_expires_at", "id")[:AT_ONCE] if _settle(job)
        ]
    return [Due(job.id, job.job_type) for job in again]


def _settle(job: Job) -> bool:
    """Decide about a job without a worker; returns whether it runs again."""
    log.warning("job_lease_expired", extra={"job": job.wire_id, "locked_by": job.locked_by})
    row = Job.objects.filter(id=job.id)
    freed = {"lease_id": None, "lease_expires_at": None, "updated_at": Now()}
    if job.cancel_requested_at is not None:
        row.update(status=Status.REVOKED, finished_at=Now(), **freed)
        announce_end(job, Status.REVOKED, job.error_count, timezone.now())
        return False
    if moves.may_try_again(job.attempts, job.max_attempts):
        row.update(status=Status.PENDING, next_attempt_at=Now(), **freed)
        return True
    row.update(
        status=Status.FAILURE,
        failure_kind=FailureKind.LOST,
        failure_code="worker_lost",
        error=f"Its worker died with it, {job.attempts} times.",
        finished_at=Now(),
        **freed,
    )
    announce_end(job, Status.FAILURE, job.error_count, timezone.now())
    return False


def _unsent() -> list[Due]:
    with transaction.atomic():
        rows = Job.objects.select_for_update(skip_locked=True).filter(
            status=Status.PENDING,
            next_attempt_at__lte=Now(),
            updated_at__lte=Now() - moves.UNSENT_AFTER,
        )
        due = [
            Due(job.id, job.job_type)
            for job in rows.only("id", "job_type").order_by("next_attempt_at", "id")[:AT_ONCE]
        ]
        Job.objects.filter(id__in=[each.id for each in due]).update(updated_at=Now())
    return due


def next_due() -> UUID | None:
    """The job that has been due longest, whoever was told of it."""
    due = Job.objects.filter(status=Status.PENDING, next_attempt_at__lte=Now())
    return due.order_by("next_attempt_at", "id").values_list("id", flat=True).first()
