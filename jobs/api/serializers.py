"""The wire forms of jobs and imports: how they are written, and how OpenAPI describes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers

from core import wire
from jobs import queries
from jobs.choices import Consistency, FailureKind, Status
from jobs.models import Job, JobError

FIRST_ERRORS = 100


class RowErrorResponse(serializers.Serializer[Any]):
    """What is wrong with one row of a file."""

    row = serializers.IntegerField(help_text="From 0, blank lines not counted")
    line = serializers.IntegerField(allow_null=True, help_text="Physical line of a CSV file")
    pointer = serializers.CharField(allow_blank=True, help_text="/column")
    code = serializers.CharField()
    detail = serializers.CharField()


class JobResponse(serializers.Serializer[Any]):
    """Work that outlives a request."""

    id = serializers.CharField()
    celery_task_id = serializers.CharField()
    job_type = serializers.CharField()
    target_type = serializers.CharField(allow_null=True, help_text="What an import loads")
    subject = serializers.CharField(allow_blank=True)
    payload = serializers.JSONField()
    created_by = serializers.CharField()
    status = serializers.ChoiceField(Status.choices)
    progress = serializers.IntegerField(help_text="Per cent")
    progress_details = serializers.JSONField()
    partial_results = serializers.JSONField()
    per_item_errors = RowErrorResponse(many=True, help_text="The first 100")
    result = serializers.JSONField(allow_null=True)
    failure_kind = serializers.ChoiceField(FailureKind.choices, allow_null=True)
    failure_code = serializers.CharField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    error_count = serializers.IntegerField()
    attempts = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    retry_count = serializers.IntegerField()
    max_retries = serializers.IntegerField()
    last_retried_at = serializers.DateTimeField(allow_null=True)
    lease_id = serializers.CharField(allow_null=True)
    lease_expires_at = serializers.DateTimeField(allow_null=True)
    locked_by = serializers.CharField(allow_blank=True)
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    file_name = serializers.CharField(allow_null=True)
    file_sha256 = serializers.CharField(allow_null=True)
    file_bytes = serializers.IntegerField(allow_null=True)
    dedup_key = serializers.CharField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class JobProgressResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    status = serializers.ChoiceField(Status.choices)
    progress = serializers.IntegerField()
    progress_details = serializers.JSONField()
    partial_results = serializers.JSONField()
    per_item_errors = RowErrorResponse(many=True)


class ImportProgressResponse(serializers.Serializer[Any]):
    percent = serializers.IntegerField()
    rows_done = serializers.IntegerField()
    rows_ok = serializers.IntegerField()
    rows_failed = serializers.IntegerField()
    rows_duplicate = serializers.IntegerField()


class ImportFileResponse(serializers.Serializer[Any]):
    name = serializers.CharField(allow_null=True)
    bytes = serializers.IntegerField(allow_null=True)
    sha256 = serializers.CharField(allow_null=True)


class ImportStatusResponse(serializers.Serializer[Any]):
    """How the loading of a file goes."""

    id = serializers.CharField()
    target_type = serializers.CharField()
    subject = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(Status.choices)
    phase = serializers.CharField(help_text="waiting, loading or done")
    consistency = serializers.ChoiceField(Consistency.choices)
    dry_run = serializers.BooleanField()
    settlement = serializers.CharField(allow_null=True, help_text="Of outages only")
    progress = ImportProgressResponse()
    error_count = serializers.IntegerField()
    errors = RowErrorResponse(many=True, help_text="The first 100")  # type: ignore[assignment]
    stopped_early = serializers.BooleanField()
    failure_code = serializers.CharField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    file = ImportFileResponse()
    attempts = serializers.IntegerField()
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    updated_at = serializers.DateTimeField()
    result = serializers.JSONField(allow_null=True)
    duplicate = serializers.BooleanField(required=False, help_text="Known before; nothing queued")


def error_form(error: JobError) -> dict[str, Any]:
    return {
        "row": error.row,
        "line": error.line,
        "pointer": error.pointer,
        "code": error.code,
        "detail": error.detail,
    }


def _errors(jobs: Sequence[Job]) -> Mapping[Any, list[dict[str, Any]]]:
    wanted = [job.id for job in jobs if job.error_count]
    found = queries.first_errors(wanted, FIRST_ERRORS) if wanted else {}
    return {job_id: [error_form(error) for error in errors] for job_id, errors in found.items()}


def job_forms(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """The wire forms of a whole page of jobs."""
    errors = _errors(jobs)
    return [_job_form(job, errors.get(job.id, [])) for job in jobs]


def job_form(job: Job) -> dict[str, Any]:
    """The wire form of one job."""
    return job_forms([job])[0]


def _job_form(job: Job, errors: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": job.wire_id,
        "celery_task_id": str(job.id),
        "job_type": job.job_type,
        "target_type": job.target_type,
        "subject": job.subject,
        "payload": job.payload,
        "created_by": job.created_by,
        "status": job.status,
        "progress": job.progress,
        "progress_details": job.progress_details,
        "partial_results": job.partial_results,
        "per_item_errors": errors,
        "result": job.result,
        "failure_kind": job.failure_kind,
        "failure_code": job.failure_code,
        "error": job.error,
        "error_count": job.error_count,
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "next_attempt_at": wire.instant(
            job.next_attempt_at if job.status == Status.PENDING else None
        ),
        "retry_count": job.retry_count,
        "max_retries": job.max_retries,
        "last_retried_at": wire.instant(job.last_retried_at),
        "lease_id": str(job.lease_id) if job.lease_id else None,
        "lease_expires_at": wire.instant(job.lease_expires_at),
        "locked_by": job.locked_by,
        "cancel_requested_at": wire.instant(job.cancel_requested_at),
        "file_name": job.file_name,
        "file_sha256": job.file_sha256,
        "file_bytes": job.file_bytes,
        "dedup_key": job.dedup_key,
        "started_at": wire.instant(job.started_at),
        "finished_at": wire.instant(job.finished_at),
        "created_at": wire.instant(job.created_at),
        "updated_at": wire.instant(job.updated_at),
    }


def progress_form(job: Job) -> dict[str, Any]:
    """How far a job is, without the rest."""
    form = job_form(job)
    return {str(name): form[str(name)] for name in JobProgressResponse().fields}


def import_form(job: Job) -> dict[str, Any]:
    """The status of a load."""
    details, result, payload = job.progress_details, job.result or {}, job.payload
    waiting = "waiting" if job.status == Status.PENDING else "loading"
    return {
        "id": job.wire_id,
        "target_type": job.target_type,
        "subject": job.subject,
        "status": job.status,
        "phase": "done" if job.finished_at else waiting,
        "consistency": payload.get("consistency"),
        "dry_run": payload.get("dry_run", False),
        "settlement": payload.get("options", {}).get("settlement"),
        "progress": {
            "percent": job.progress,
            "rows_done": details.get("rows_done", 0),
            "rows_ok": details.get("rows_ok", 0),
            "rows_failed": details.get("rows_failed", 0),
            "rows_duplicate": details.get("rows_duplicate", 0),
        },
        "error_count": job.error_count,
        "errors": _errors([job]).get(job.id, []),
        "stopped_early": result.get("stopped_early", False),
        "failure_code": job.failure_code,
        "error": job.error,
        "file": {
            "name": job.file_name,
            "bytes": job.file_bytes,
            "sha256": job.file_sha256,
        },
        "attempts": job.attempts,
        "created_by": job.created_by,
        "created_at": wire.instant(job.created_at),
        "started_at": wire.instant(job.started_at),
        "finished_at": wire.instant(job.finished_at),
        "updated_at": wire.instant(job.updated_at),
        "result": job.result,
    }
