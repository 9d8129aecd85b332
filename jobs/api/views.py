"""The routes that look at long work."""

from typing import Any

from rest_framework.request import Request

from core import wire
from core.ids import MalformedId
from core.openapi import list_of, operation
from core.pagination import Listing, Sort, read_instant
from core.views import ApiView
from jobs import queries
from jobs.api import examples, serializers
from jobs.api.filters import ErrorQuery, JobQuery, narrow
from jobs.models import Job, JobError

PATH = {"job_id": "The job's id (job_...)."}
NOT_THERE = (queries.JobNotFound, MalformedId)

JOBS: Listing[Job] = Listing(
    sorts={"created_at": Sort("created_at", read_instant)},
    default="created_at:desc",
    form=serializers.job_forms,
    page_size=50,
)
ERRORS: Listing[JobError] = Listing(
    sorts={"row": Sort("row", int)},
    default="row:asc",
    form=lambda errors: [serializers.error_form(error) for error in errors],
    page_size=50,
)


class JobListView(ApiView):
    """Long work, newest first; of others for global engineers only."""

    @operation(
        "List jobs",
        response=list_of(serializers.JobResponse),
        role="operator",
        query=JobQuery,
        example=examples.JOBS,
    )
    def get(self, request: Request) -> Any:
        query = wire.read_query(JobQuery, dict(request.query_params.lists()))
        return JOBS.answer(narrow(query, self.actor), query)


class JobView(ApiView):
    @operation(
        "Show a job",
        response=serializers.JobResponse,
        role="operator",
        path=PATH,
        refuses=NOT_THERE,
        example=examples.JOB,
    )
    def get(self, request: Request, job_id: str) -> Any:
        return serializers.job_form(queries.get_job(job_id, self.actor))


class JobProgressView(ApiView):
    @operation(
        "Show how far a job is",
        response=serializers.JobProgressResponse,
        role="operator",
        path=PATH,
        refuses=NOT_THERE,
        example=examples.PROGRESS,
    )
    def get(self, request: Request, job_id: str) -> Any:
        return serializers.progress_form(queries.get_job(job_id, self.actor))


class JobErrorsView(ApiView):
    """What is wrong with the rows of a job; the first thousand are kept."""

    @operation(
        "List the errors of a job",
        response=list_of(serializers.RowErrorResponse),
        role="operator",
        path=PATH,
        query=ErrorQuery,
        refuses=NOT_THERE,
        example=examples.ERRORS,
    )
    def get(self, request: Request, job_id: str) -> Any:
        query = wire.read_query(ErrorQuery, dict(request.query_params.lists()))
        job = queries.get_job(job_id, self.actor)
        return ERRORS.answer(JobError.objects.filter(job=job), query)


class ImportStatusView(ApiView):
    @operation(
        "Show how the loading of a file goes",
        response=serializers.ImportStatusResponse,
        role="operator",
        path=PATH,
        refuses=NOT_THERE,
        example=examples.IMPORT,
    )
    def get(self, request: Request, job_id: str) -> Any:
        return serializers.import_form(queries.get_import(job_id, self.actor))
