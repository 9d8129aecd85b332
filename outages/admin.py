"""Outages in the back office: state is read-only; what changes it is a verb that asks why."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextareaWidget

from accounts import queries as accounts
from audit import queries as audit
from core import wire
from core.actors import Actor
from core.desk import Act, Acting, Section
from outages import services
from outages.choices import Severity, Status
from outages.models import Outage, OutageQuerySet
from outages.policy import moves
from outages.policy.intake import Reopening, Resolution
from payments import queries as payments
from sla import queries as sla
from webhooks import queries as webhooks

SEVERITY_COLOURS = {
    Severity.CRITICAL: "danger",
    Severity.HIGH: "warning",
    Severity.MEDIUM: "info",
    Severity.LOW: "success",
}


class ResolveForm(forms.Form):
    resolved_at = forms.SplitDateTimeField(
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget(),
        help_text="Empty: now. UTC.",
    )
    root_cause = forms.CharField(
        required=False, max_length=5000, widget=UnfoldAdminTextareaWidget()
    )
    resolution_notes = forms.CharField(
        max_length=5000,
        widget=UnfoldAdminTextareaWidget(),
        help_text="What brought service back; part of the record.",
    )


def _resolve(outage: Outage, given: dict[str, Any], *, actor: Actor, at: datetime) -> None:
    resolution = wire.read(Resolution, given)
    services.resolve_outage(outage.reference, resolution, actor=actor, at=at)


def _reopen(outage: Outage, given: dict[str, Any], *, actor: Actor, at: datetime) -> None:
    services.reopen_outage(outage.reference, wire.read(Reopening, given), actor=actor, at=at)


def _delete(outage: Outage, given: dict[str, Any], *, actor: Actor, at: datetime) -> None:
    services.delete_outage(outage.reference, given["reason"], actor=actor, at=at)


class LiveFilter(admin.SimpleListFilter):
    title = "deleted"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("only", "Only deleted ones")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Outage]) -> QuerySet[Outage]:
        return queryset.filter(deleted_at__isnull=self.value() != "only")


@admin.register(Outage)
class OutageAdmin(Acting, ModelAdmin):  # type: ignore[misc]
    list_display = (
        "reference",
        "shown_severity",
        "shown_status",
        "site_name",
        "detected_at",
        "lasted",
        "cause",
    )
    list_filter = ("status", "severity", "cause", "source", "settlement", LiveFilter)
    list_filter_submit = True
    search_fields = ("reference",)
    search_help_text = "Words of reference, site code or site name"
    date_hierarchy = None
    show_full_result_count = False
    list_per_page = 50
    acts = {
        "resolve": Act("Resolve", _resolve, ResolveForm, done="is resolved."),
        "reopen": Act("Reopen", _reopen, done="is open again."),
        "delete": Act("Delete", _delete, done="is deleted.", in_lists=False, is_grave=True),
    }
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "reference",
                    ("severity", "status", "cause"),
                    ("site_name", "site_code"),
                    "description",
                    ("detected_at", "resolved_at", "lasted"),
                    ("declared_mttr_minutes", "reopened_count", "version"),
                    ("affected_services", "affected_subscribers"),
                    "root_cause",
                    "resolution_notes",
                    ("assigned_to", "source", "settlement"),
                    "creator",
                    ("created_at", "updated_at"),
                )
            },
        ),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        names: list[str] = []
        for _, options in self.fieldsets:
            for field in options["fields"]:
                names += field if isinstance(field, tuple) else [field]
        return names

    def get_queryset(self, request: HttpRequest) -> QuerySet[Outage]:
        return Outage.objects.visible_to(accounts.actor_of(request.user))

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return ("status", "-detected_at", "-id")  # open before resolved

    def get_search_results(
        self, request: HttpRequest, queryset: OutageQuerySet, search_term: str
    ) -> tuple[OutageQuerySet, bool]:
        return queryset.search(search_term), False

    def actor_of(self, request: HttpRequest) -> Actor:
        return accounts.actor_of(request.user)

    def acts_on(self, request: HttpRequest, row: Outage) -> Sequence[str]:
        if row.deleted_at is not None:
            return ()
        return ("resolve" if row.status == Status.OPEN else "reopen", "delete")

    # --- what is shown ---------------------------------------------------------------------------

    @display(  # type: ignore[untyped-decorator]
        description="Severity", label=SEVERITY_COLOURS, ordering="severity_weight"
    )
    def shown_severity(self, outage: Outage) -> tuple[str, str]:
        return outage.severity, outage.get_severity_display()

    @display(  # type: ignore[untyped-decorator]
        description="Status",
        label={Status.OPEN: "danger", Status.RESOLVED: "success", "deleted": "default"},
        ordering="status",
    )
    def shown_status(self, outage: Outage) -> tuple[str, str]:
        if outage.deleted_at is not None:
            return "deleted", "Deleted"
        return outage.status, outage.get_status_display()

    @admin.display(description="Lasted")
    def lasted(self, outage: Outage) -> str:
        minutes = moves.duration_minutes(outage.detected_at, outage.resolved_at or timezone.now())
        return f"{spell_minutes(minutes or 0)}{'' if outage.resolved_at else ' so far'}"

    @admin.display(description="Created by")
    def creator(self, outage: Outage) -> str:
        return accounts.names([outage.created_by]).get(outage.created_by, outage.created_by)

    def sections(self, request: HttpRequest, row: Outage) -> list[Section]:
        """What stands below the outage's own facts: what followed from it, and its history."""
        outage = row
        result = sla.current_results([outage.id]).get(outage.id)
        entries = [audit.view(entry) for entry in audit.timeline(outage.reference)[:200]]
        names = accounts.names({entry.actor["id"] for entry in entries})
        return [
            Section(
                "SLA result", ("How it came about",), [(result.decision_trace,)] if result else []
            ),
            Section(
                "Payments",
                ("Type", "Amount", "Asset", "State", "Reason"),
                [
                    (
                        each.wire_type,
                        f"{each.amount.normalize():f}",
                        each.asset_code,
                        each.state,
                        each.reason,
                    )
                    for each in payments.payments_of_outage(outage.id)
                ],
            ),
            Section(
                "Resolutions",
                ("Resolved", "By", "Reopened", "Why"),
                [
                    (
                        spell_instant(life.resolved_at),
                        names.get(life.resolved_by, life.resolved_by),
                        spell_instant(life.reopened_at),
                        life.reason or "",
                    )
                    for life in outage.lives.order_by("n")
                ],
            ),
            Section(
                "Timeline",
                ("When (UTC)", "What", "Who", "Why, or what changed"),
                [
                    (
                        f"{entry.at[:10]} {entry.at[11:19]}",
                        entry.action,
                        names.get(entry.actor["id"], entry.actor["id"]),
                        entry.reason or _changed(entry),
                    )
                    for entry in entries
                ],
            ),
            Section(
                "Webhook deliveries",
                ("Event", "To", "Status", "Attempts"),
                [
                    (row.message.type, row.subscription.name, row.status, row.attempt_count)
                    for row in webhooks.deliveries_about("outage_id", outage.reference)[:50]
                ],
            ),
        ]


def spell_instant(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}" if instant else ""


def spell_minutes(minutes: int) -> str:
    """Spell a duration for people: 45 min, 3 h 20 min, 12 d 4 h."""
    hours, rest = divmod(minutes, 60)
    if hours < 1:
        return f"{rest} min"
    if hours < 48:
        return f"{hours} h {rest} min"
    return f"{hours // 24} d {hours % 24} h"


def _changed(entry: audit.EntryView) -> str:
    names = dict.fromkeys([*(entry.before or {}), *(entry.after or {})])
    return ", ".join(names)
