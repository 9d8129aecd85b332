"""The row is the queue: what was asked for, who holds it, how it ended."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from core.actors import Actor
from core.ids import encode, uuid7
from jobs.choices import FINISHED, FailureKind, Status
from jobs.policy import access, moves


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, actor: Actor) -> Self:
        """Every job for global engineers and above, one's own for others."""
        return self if access.sees_all(actor) else self.filter(created_by=actor.id)


class Job(models.Model):
    """Work that outlives a request."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    job_type = models.CharField(max_length=64)
    subject = models.CharField(max_length=64, blank=True, default="")
    payload = models.JSONField(default=dict)
    created_by = models.CharField(max_length=64)
    status = models.CharField(max_length=7, choices=Status, default=Status.PENDING)
    progress = models.PositiveSmallIntegerField(default=0)
    progress_details = models.JSONField(default=dict)
    partial_results = models.JSONField(default=list)
    result = models.JSONField(null=True)
    failure_kind = models.CharField(  # noqa: DJ001 - null: it did not fail
        max_length=9, choices=FailureKind, null=True
    )
    failure_code = models.CharField(max_length=64, null=True)  # noqa: DJ001
    error = models.TextField(null=True)  # noqa: DJ001
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=moves.MOST_ATTEMPTS)
    next_attempt_at = models.DateTimeField(db_default=Now())
    retry_count = models.PositiveSmallIntegerField(default=0)
    max_retries = models.PositiveSmallIntegerField(default=moves.MOST_RETRIES)
    last_retried_at = models.DateTimeField(null=True)
    lease_id = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    locked_by = models.CharField(max_length=100, blank=True, default="")
    cancel_requested_at = models.DateTimeField(null=True)
    file_name = models.CharField(max_length=255, null=True)  # noqa: DJ001 - null: no file
    file_sha256 = models.CharField(max_length=64, null=True)  # noqa: DJ001
    file_bytes = models.BigIntegerField(null=True)
    dedup_key = models.CharField(max_length=64, null=True)  # noqa: DJ001
    error_count = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status="started", lease_id__isnull=False, lease_expires_at__isnull=False
                )
                | Q(~Q(status="started"), lease_id__isnull=True, lease_expires_at__isnull=True),
                name="jobs_job_started_has_lease",
            ),
            models.CheckConstraint(
                condition=Q(status__in=sorted(FINISHED), finished_at__isnull=False)
                | Q(~Q(status__in=sorted(FINISHED)), finished_at__isnull=True),
                name="jobs_job_finished_has_time",
            ),
            models.CheckConstraint(
                condition=Q(status="failure", failure_kind__isnull=False)
                | Q(~Q(status="failure"), failure_kind__isnull=True),
                name="jobs_job_failure_has_kind",
            ),
            models.CheckConstraint(
                condition=Q(progress__range=(0, 100)) & (Q(progress=100) | ~Q(status="success")),
                name="jobs_job_success_is_whole",
            ),
            # Two uploads of the same bytes meet here, and both get the one job.
            models.UniqueConstraint(
                fields=["dedup_key"],
                name="jobs_job_dedup_key",
                condition=Q(status__in=["pending", "started"]) | Q(status="success", error_count=0),
            ),
        ]
        indexes = [
            # What is due, oldest first.
            models.Index(
                fields=["next_attempt_at", "id"],
                name="jobs_job_due",
                condition=Q(status="pending"),
            ),
            # Leases that have run out.
            models.Index(
                fields=["lease_expires_at", "id"],
                name="jobs_job_leased",
                condition=Q(status="started"),
            ),
            # How many jobs of a submitter wait.
            models.Index(
                fields=["created_by"], name="jobs_job_waiting", condition=Q(status="pending")
            ),
            # Dead letters.
            models.Index(
                fields=["id"],
                name="jobs_job_dead",
                condition=Q(failure_kind__in=["exhausted", "lost"]),
            ),
            models.Index(fields=["created_at", "id"], name="jobs_job_created"),  # everybody's list
            models.Index(fields=["created_by", "created_at", "id"], name="jobs_job_own"),
            models.Index(fields=["job_type", "created_at", "id"], name="jobs_job_type"),
        ]

    def __str__(self) -> str:
        return f"{self.job_type} {self.wire_id}"

    @property
    def wire_id(self) -> str:
        return encode("job", self.id)

    @property
    def target_type(self) -> str | None:
        """What an import loads."""
        return moves.target_of(self.job_type)


class JobError(models.Model):
    """What is wrong with one row; the first thousand of a job, ``Job.error_count`` is exact."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="errors", db_index=False)
    row = models.PositiveIntegerField()
    line = models.PositiveIntegerField(null=True)
    pointer = models.CharField(max_length=255, blank=True, default="")
    code = models.CharField(max_length=64)
    detail = models.CharField(max_length=500)

    class Meta:
        indexes = [
            # The errors of a job, in the order of its rows.
            models.Index(fields=["job", "row", "id"], name="jobs_error_of_job")
        ]

    def __str__(self) -> str:
        return f"row {self.row}: {self.code}"


class JobFilePart(models.Model):
    """A mebibyte of an uploaded file: in the database, so that every worker can reach it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="parts", db_index=False)
    n = models.PositiveIntegerField()
    bytes = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "n"], name="jobs_part_once")]

    def __str__(self) -> str:
        return f"part {self.n} of {self.job_id}"
