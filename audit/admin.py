"""The log in the back office: to read and to search, by exact ids; nothing can be changed."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from audit import queries
from audit.models import Entry
from core.filters import by_word, plain
from core.ids import MalformedId, decode, encode


@admin.register(Entry)
class EntryAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("at", "action", "who", "what", "source", "short_reason")
    list_filter = (
        by_word("source", plain("api", "admin", "task", "reaction", "command")),
        by_word("actor_kind", plain("person", "api_key", "system")),
    )
    search_fields = ("subject_id",)
    search_help_text = "Exact wire id of a thing, a person or an entry, or a correlation id"
    ordering = ("-at", "-id")
    show_full_result_count = False
    list_per_page = 50
    fields = (
        "wire_id",
        "at",
        "recorded_at",
        "action",
        "who",
        "what",
        "reason_text",
        "source",
        "correlation_id",
        "before",
        "after",
        "links",
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Entry], search_term: str
    ) -> tuple[QuerySet[Entry], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(id=decode("aud", term)), False
        except MalformedId:
            named = Q(links__contains=[term]) | Q(correlation_id=term) | Q(actor_id=term)
            return queryset.filter(named), False

    @admin.display(description="Entry")
    def wire_id(self, entry: Entry) -> str:
        return encode("aud", entry.id)

    @admin.display(description="Actor", ordering="actor_id")
    def who(self, entry: Entry) -> str:
        return f"{entry.actor_kind} {entry.actor_id}"

    @admin.display(description="Subject", ordering="subject_id")
    def what(self, entry: Entry) -> str:
        return f"{entry.subject_kind} {entry.subject_id}"

    @admin.display(description="Reason")
    def short_reason(self, entry: Entry) -> str:
        return queries.view(entry).reason[:80]

    @admin.display(description="Reason")
    def reason_text(self, entry: Entry) -> str:
        return queries.view(entry).reason or "-"

    @admin.display(description="Before")
    def before(self, entry: Entry) -> str:
        return _lines(queries.view(entry).before)

    @admin.display(description="After")
    def after(self, entry: Entry) -> str:
        return _lines(queries.view(entry).after)


def _lines(values: Any) -> str:
    if not isinstance(values, dict) or not values:
        return "-"
    return "\n".join(f"{name}: {value}" for name, value in values.items())
