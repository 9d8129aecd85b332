"""What long work announces."""

from dataclasses import dataclass
from typing import ClassVar

from core.events import Event


@dataclass(frozen=True, kw_only=True)
class JobSubmitted(Event):
    """Long work was asked for, and waits for a worker."""

    type: ClassVar[str] = "job.submitted"
    public: ClassVar[bool] = False
    subject: ClassVar[str] = "job_id"

    job_id: str
    job_type: str


@dataclass(frozen=True, kw_only=True)
class JobFinished(Event):
    """Long work is over: ``success``, ``failure`` or ``revoked``."""

    type: ClassVar[str] = "job.finished"
    subject: ClassVar[str] = "job_id"

    job_id: str
    job_type: str
    status: str
    error_count: int
