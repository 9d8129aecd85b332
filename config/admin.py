"""The outbox in the back office: what was announced, who has not heard it yet, and "try again".
And the clock: what runs when, to read; it is set in config/celery.py.

They stand here because the kernel does not know who acts, nor the log.
"""

from datetime import datetime

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django_celery_beat import models as beat
from unfold.admin import ModelAdmin

from accounts import queries as accounts
from audit import services as audit
from core import events, outbox
from core.desk import ReadOnly
from core.filters import by_word
from core.ids import encode
from core.models import ReactionRow


def _names_of_reactions() -> list[tuple[str, str]]:
    classes = events.catalogue().values()
    return [(name, name) for name in sorted({n for c in classes for n in events.reactions_of(c)})]


@admin.register(ReactionRow)
class ReactionAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]
    list_display = (
        "occurred",
        "event_type",
        "reaction",
        "status",
        "attempts",
        "next_attempt_at",
        "error",
    )
    list_filter = ("status", by_word("reaction", _names_of_reactions))
    search_fields = ("event__subject",)
    search_help_text = "Exact id of the subject"
    list_select_related = ("event",)
    ordering = ("-id",)
    show_full_result_count = False
    actions = ("try_again",)
    fields = (
        "event_type",
        "subject",
        "reaction",
        "status",
        "attempts",
        "next_attempt_at",
        "done_at",
        "last_error",
        "correlation_id",
        "payload",
    )
    readonly_fields = fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ReactionRow], search_term: str
    ) -> tuple[QuerySet[ReactionRow], bool]:
        term = search_term.strip()
        return (queryset.filter(event__subject=term) if term else queryset), False

    @admin.action(description="Try parked ones again")
    def try_again(self, request: HttpRequest, queryset: QuerySet[ReactionRow]) -> None:
        actor, at = accounts.actor_of(request.user), timezone.now()
        parked = queryset.filter(status=ReactionRow.Status.PARKED).select_related("event")
        with transaction.atomic():
            again = [row for row in parked if outbox.retry_parked(row.id)]
            audit.record_many(
                audit.Record(
                    action="core.retry_reaction",
                    subject=("reaction", encode("rct", row.id)),
                    actor=actor,
                    at=at,
                    before={"status": row.status, "attempts": row.attempts},
                    after={"status": ReactionRow.Status.DUE.value, "attempts": 0},
                    links=[row.event.subject] if row.event.subject else [],
                )
                for row in again
            )
        self.message_user(request, f"{len(again)} will be tried again.", messages.SUCCESS)

    @admin.display(description="Event", ordering="event__id")
    def event_type(self, row: ReactionRow) -> str:
        return row.event.type

    @admin.display(description="Occurred")
    def occurred(self, row: ReactionRow) -> datetime:
        return row.event.occurred_at

    @admin.display(description="Subject")
    def subject(self, row: ReactionRow) -> str:
        return row.event.subject

    @admin.display(description="Correlation id")
    def correlation_id(self, row: ReactionRow) -> str:
        return row.event.correlation_id

    @admin.display(description="Payload")
    def payload(self, row: ReactionRow) -> str:
        return row.event.payload

    @admin.display(description="Last error")
    def error(self, row: ReactionRow) -> str:
        return row.last_error[:80]


@admin.register(beat.PeriodicTask)
class ClockAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "runs", "enabled", "last_run_at", "total_run_count")
    list_select_related = ("interval", "crontab")
    search_fields = ("name", "task")
    ordering = ("name", "id")
    show_full_result_count = False
    fields = ("name", "task", "runs", "enabled", "last_run_at", "total_run_count")

    @admin.display(description="Runs")
    def runs(self, task: beat.PeriodicTask) -> str:
        return str(task.schedule)
