"""Outages in the back office: state is read-only; what changes it is a verb that asks why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts import queries as accounts
from audit import queries as audit
from core import wire
from core.errors import DomainError
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


@dataclass(frozen=True)
class Section:
    """A table of the outage's page."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[Any, ...]]


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


class ReasonForm(forms.Form):
    reason = forms.CharField(
        min_length=3,
        max_length=500,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Kept in the audit trail. No personal data.",
    )


FORMS: dict[str, type[forms.Form]] = {
    "resolve": ResolveForm,
    "reopen": ReasonForm,
    "delete": ReasonForm,
}


class LiveFilter(admin.SimpleListFilter):
    title = "deleted"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("only", "Only deleted ones")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Outage]) -> QuerySet[Outage]:
        return queryset.filter(deleted_at__isnull=self.value() != "only")


@admin.register(Outage)
class OutageAdmin(ModelAdmin):  # type: ignore[misc]
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
    actions = ("resolve_selected", "reopen_selected")
    change_form_before_template = "admin/outages/outage/acts.html"
    change_form_after_template = "admin/outages/outage/sections.html"
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

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

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

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(self.act_view)
        own: list[URLPattern] = [path("act/<str:verb>/", act, name="outages_outage_act")]
        return own + list(super().get_urls())

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

    def sections(self, outage: Outage) -> list[Section]:
        """What stands below the outage's own facts: what followed from it, and its history."""
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

    # --- what is done ----------------------------------------------------------------------------

    @admin.action(description="Resolve…")
    def resolve_selected(self, request: HttpRequest, queryset: QuerySet[Outage]) -> HttpResponse:
        return self._ask("resolve", queryset)

    @admin.action(description="Reopen…")
    def reopen_selected(self, request: HttpRequest, queryset: QuerySet[Outage]) -> HttpResponse:
        return self._ask("reopen", queryset)

    @staticmethod
    def _ask(verb: str, queryset: QuerySet[Outage]) -> HttpResponse:
        references = ",".join(queryset.values_list("reference", flat=True)[:100])
        return HttpResponseRedirect(
            f"{reverse('admin:outages_outage_act', args=[verb])}?outages={references}"
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        outage = self.get_object(request, object_id or "")
        acts: list[tuple[str, str]] = []
        if outage is not None and outage.deleted_at is None:
            verb = "resolve" if outage.status == Status.OPEN else "reopen"
            acts = [
                (name, f"{reverse('admin:outages_outage_act', args=[name])}?outages={outage}")
                for name in (verb, "delete")
            ]
        context = {**(extra_context or {}), "acts": acts, "show_save": False}
        context["sections"] = self.sections(outage) if outage else []
        context |= {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().changeform_view(request, object_id, form_url, context)

    def act_view(self, request: HttpRequest, verb: str) -> HttpResponse:
        """Ask what the verb needs to know, then call it for each outage named."""
        references = [each for each in request.GET.get("outages", "").split(",") if each][:100]
        back = reverse("admin:outages_outage_changelist")
        if verb not in FORMS or not references:
            return HttpResponseRedirect(back)
        form = FORMS[verb](request.POST or None)
        if request.method == "POST" and form.is_valid():
            for reference in references:
                self._act(request, verb, reference, form.cleaned_data)
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb.capitalize()} {', '.join(references)}",
            "references": references,
            "form": form,
            "verb": verb,
            "back": back,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/outages/outage/act.html", context)

    def _act(self, request: HttpRequest, verb: str, reference: str, given: dict[str, Any]) -> None:
        actor, at = accounts.actor_of(request.user), timezone.now()
        try:
            if verb == "resolve":
                resolution = wire.read(Resolution, given)
                services.resolve_outage(reference, resolution, actor=actor, at=at)
            elif verb == "reopen":
                reopening = wire.read(Reopening, given)
                services.reopen_outage(reference, reopening, actor=actor, at=at)
            else:
                services.delete_outage(reference, given["reason"], actor=actor, at=at)
        except DomainError as error:
            self.message_user(request, f"{reference}: {error.detail}", messages.ERROR)
        else:
            self.message_user(request, f"{reference}: {verb} done.", messages.SUCCESS)


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
