"""What stays of a job when it is over: its errors by row, and the news."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core import events, inserting
from core.ids import uuid7
from jobs.choices import Status
from jobs.events import JobFinished
from jobs.models import Job, JobError


@dataclass(frozen=True)
class Problem:
    """What is wrong with one item of a job."""

    row: int
    code: str
    detail: str
    pointer: str = ""
    line: int | None = None


def store_errors(job_id: UUID, problems: Sequence[Problem]) -> None:
    """Keep the errors of a job, in the order of its rows; those of an earlier try go."""
    JobError.objects.filter(job_id=job_id).delete()
    inserting.insert(
        JobError,
        ("id", "job_id", "row", "line", "pointer", "code", "detail"),
        problems,
        lambda each: (
            uuid7(),
            job_id,
            each.row,
            each.line,
            each.pointer[:255],
            each.code[:64],
            each.detail[:500],
        ),
    )


def announce_end(job: Job, status: Status, error_count: int, at: datetime) -> None:
    """Tell that a job is over."""
    events.publish(
        JobFinished(
            occurred_at=at,
            job_id=job.wire_id,
            job_type=job.job_type,
            status=status.value,
            error_count=error_count,
        )
    )
