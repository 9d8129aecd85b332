"""Long work in the back office: what ran, what runs, what died, and why."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from accounts import queries as accounts
from core.filters import Choices, by_word, plain
from core.ids import MalformedId, decode
from jobs import services
from jobs.models import Job, JobError

LAST = 20
MOST_ERRORS = 50


def _job_types() -> Choices:
    return plain(*services.job_types())()


class ErrorInline(TabularInline):  # type: ignore[misc]
    """The first errors by row."""

    model = JobError
    fields = ("row", "line", "pointer", "code", "detail")
    readonly_fields = fields
    can_delete = False
    extra = 0
    max_num = 0
    verbose_name_plural = f"the first {MOST_ERRORS} errors"

    def get_queryset(self, request: HttpRequest) -> QuerySet[JobError]:
        # A slice cannot be filtered by the job any more, so the rows are chosen by their number.
        match = request.resolver_match
        job_id = str(match.kwargs["object_id"]) if match else ""
        rows = JobError.objects.filter(job_id=job_id).order_by("row", "id")
        return JobError.objects.filter(id__in=rows.values("id")[:MOST_ERRORS]).order_by("row", "id")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # whoever sees the job


@admin.register(Job)
class JobAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = (
        "wire_id",
        "target",
        "status",
        "failure_kind",
        "progress",
        "locked_by",
        "created_by",
        "updated_at",
    )
    list_filter = (
        "status",
        "failure_kind",
        by_word("job_type", _job_types),
    )
    search_fields = ("file_name",)
    search_help_text = "Id of a job, or the name of a file"
    ordering = ("-created_at", "-id")
    list_per_page = LAST
    show_full_result_count = False
    inlines = (ErrorInline,)
    fields = (
        "wire_id",
        "job_type",
        "subject",
        "status",
        "progress",
        "progress_details",
        "failure_kind",
        "failure_code",
        "error",
        "error_count",
        "result",
        "payload",
        "file_name",
        "file_bytes",
        "file_sha256",
        "attempts",
        "next_attempt_at",
        "retry_count",
        "locked_by",
        "lease_expires_at",
        "cancel_requested_at",
        "created_by",
        "created_at",
        "started_at",
        "finished_at",
        "updated_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return Job.objects.visible_to(accounts.actor_of(request.user))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Job], search_term: str
    ) -> tuple[QuerySet[Job], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(id=decode("job", term)), False
        except MalformedId:
            return queryset.filter(file_name__icontains=term), False

    @admin.display(description="Job")
    def wire_id(self, job: Job) -> str:
        return job.wire_id

    @admin.display(description="Target", ordering="job_type")
    def target(self, job: Job) -> str:
        return job.target_type or job.job_type
