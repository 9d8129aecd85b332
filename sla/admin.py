"""Terms and results in the back office: to read. Terms change by publishing a version."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from accounts import queries as accounts
from audit import queries as audit
from core import ids
from core.ids import MalformedId
from sla.models import Policy, Result


class _ReadOnly(ModelAdmin):  # type: ignore[misc]
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Policy)
class PolicyAdmin(_ReadOnly):
    list_display = (
        "severity",
        "scope",
        "version",
        "state",
        "threshold_minutes",
        "penalty_per_minute",
        "reward_base",
        "effective_at",
    )
    list_filter = ("severity", "scope_kind", "state")
    list_select_related = ("operator", "site")
    ordering = ("scope_kind", "severity", "-version", "id")
    fields = (
        "wire_id",
        "severity",
        "scope",
        "version",
        "state",
        "inherit",
        "threshold_minutes",
        "penalty_per_minute",
        "reward_base",
        "maintenance_notice_hours",
        "effective_at",
        "content_hash",
        "reason",
        "proposed_by",
        "proposed_at",
        "decided_by",
        "decided_at",
    )
    readonly_fields = fields

    @admin.display(description="Policy")
    def wire_id(self, policy: Policy) -> str:
        return policy.wire_id

    @admin.display(description="Scope", ordering="scope_kind")
    def scope(self, policy: Policy) -> str:
        return policy.scope


@admin.register(Result)
class ResultAdmin(_ReadOnly):
    list_display = (
        "occurred_at",
        "outage",
        "severity",
        "status",
        "mttr_minutes",
        "threshold_minutes",
        "signed_amount",
        "rating",
        "state",
        "version",
    )
    list_filter = ("state", "status", "severity", "rating", "mttr_source")
    list_select_related = ("outage",)
    search_fields = ("outage__reference",)
    search_help_text = "Exact reference of an outage, or id of a result"
    ordering = ("-occurred_at", "-id")
    fields = (
        "wire_id",
        "outage",
        "version",
        "state",
        "decision_trace",
        "severity",
        "status",
        "rating",
        "reason_code",
        "signed_amount",
        "mttr_minutes",
        "mttr_source",
        "derived_mttr_minutes",
        "mttr_conflict_minutes",
        "counted_seconds",
        "excluded_seconds",
        "threshold_minutes",
        "policy",
        "threshold_source",
        "config_version_hash",
        "inputs",
        "compute_hash",
        "cause",
        "caused_by",
        "occurred_at",
        "assessed_at",
        "current_from",
        "superseded_at",
        "site",
        "region",
        "operator",
        "trail",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Result]:
        return Result.objects.visible_to(accounts.actor_of(request.user))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Result], search_term: str
    ) -> tuple[QuerySet[Result], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(id=ids.decode("slr", term)), False
        except MalformedId:
            return queryset.filter(outage__reference__iexact=term), False

    @admin.display(description="Result")
    def wire_id(self, result: Result) -> str:
        return result.wire_id

    @admin.display(description="Amount (USDC)", ordering="amount")
    def signed_amount(self, result: Result) -> str:
        if result.amount == 0:
            return "0"
        return f"{result.amount:+,d} ({'we owe' if result.amount > 0 else 'owes us'})"

    @admin.display(description="What happened (UTC)")
    def trail(self, result: Result) -> SafeString:
        entries = (audit.view(entry) for entry in audit.timeline(result.wire_id)[:100])
        return format_html_join(
            "",
            "<div>{} {}, by {} {}</div>",
            (
                (f"{each.at[:10]} {each.at[11:19]}", each.action, *each.actor.values())
                for each in entries
            ),
        )
