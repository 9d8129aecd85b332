"""Subscriptions and the delivery log in the back office: to read, test, stop and send again."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline

from accounts import queries as accounts
from audit import queries as audit
from core.actors import Actor, may
from core.errors import DomainError
from core.ids import MalformedId, decode
from webhooks import queries, services, tasks
from webhooks.models import Attempt, Delivery, SigningKey, Subscription
from webhooks.policy.access import READ
from webhooks.policy.envelope import envelope
from webhooks.policy.moves import held_by

LAST = 50


class _ReadOnly:
    """Payloads cross regions, so looking takes what the API asks for."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if not request.user.is_authenticated:
            return False
        return may(accounts.actor_of(request.user), "engineer", READ).allowed

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class _Acting:
    """Runs a verb for each chosen row, as the operator, and says what became of it."""

    message_user: Callable[..., None]

    def _each(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        verb: Callable[..., Any],
        done: str,
    ) -> None:
        actor: Actor = accounts.actor_of(request.user)
        at = timezone.now()
        for row in rows.order_by("id"):
            try:
                verb(row.id, actor=actor, at=at)
            except DomainError as error:
                self.message_user(request, f"{row}: {error.detail}", messages.ERROR)
            else:
                self.message_user(request, f"{row}: {done}", messages.SUCCESS)
        tasks.send_soon()


class SigningKeyInline(_ReadOnly, TabularInline):  # type: ignore[misc]
    model = SigningKey
    fields = ("kind", "number", "created_at", "expires_at")
    readonly_fields = fields
    ordering = ("-number",)
    extra = 0


@admin.register(Subscription)
class SubscriptionAdmin(_Acting, _ReadOnly, ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "host", "status", "failing_since", "waiting", "dead_letters")
    list_filter = ("status",)
    search_fields = ("name", "host")
    search_help_text = "Name, host, or exact id (whk_...)"
    ordering = ("-created_at", "-id")
    show_full_result_count = False
    list_per_page = 50
    fields = (
        "wire_id",
        "name",
        "url",
        "events",
        "match",
        "header_names",
        "status",
        "status_reason",
        "status_changed_at",
        "failing_since",
        "hold_until",
        "waiting",
        "dead_letters",
        "signature_version",
        "max_attempts",
        "timeout_s",
        "concurrency",
        "created_by",
        "created_at",
        "updated_at",
        "last_deliveries",
        "trail",
    )
    readonly_fields = fields
    inlines = (SigningKeyInline,)
    actions = ("send_test", "pause", "enable")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        return queries.subscriptions()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Subscription], search_term: str
    ) -> tuple[QuerySet[Subscription], bool]:
        try:
            return queryset.filter(id=decode("whk", search_term.strip())), False
        except MalformedId:
            found: tuple[QuerySet[Subscription], bool] = super().get_search_results(
                request, queryset, search_term
            )
            return found

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        # Counted once for the page, not once a row.
        backlogs = queries.backlogs([row.id for row in changelist.result_list])
        for row in changelist.result_list:
            row.backlog = backlogs.get(row.id, queries.Backlog())
        return changelist

    @staticmethod
    def _backlog(row: Subscription) -> queries.Backlog:
        if not hasattr(row, "backlog"):
            row.backlog = queries.backlogs([row.id]).get(row.id, queries.Backlog())  # type: ignore[attr-defined]
        found: queries.Backlog = row.backlog  # type: ignore[attr-defined]
        return found

    @admin.display(description="Id")
    def wire_id(self, row: Subscription) -> str:
        return row.wire_id

    @admin.display(description="Events")
    def events(self, row: Subscription) -> str:
        return ", ".join(row.patterns)

    @admin.display(description="Extra headers")
    def header_names(self, row: Subscription) -> str:
        return ", ".join(queries.header_names(row)) or "none"

    @admin.display(description="Waiting")
    def waiting(self, row: Subscription) -> int:
        return self._backlog(row).waiting

    @admin.display(description="Dead letters")
    def dead_letters(self, row: Subscription) -> int:
        return self._backlog(row).dead_letters

    @admin.display(description=f"Last {LAST} deliveries")
    def last_deliveries(self, row: Subscription) -> SafeString | str:
        newest = queries.deliveries(row.id).order_by("-created_at", "-id")[:LAST]
        lines = format_html_join(
            "",
            '<div><a href="{}">{}</a> {} {} {}</div>',
            (
                (
                    reverse("admin:webhooks_delivery_change", args=[each.pk]),
                    each.created_at.strftime("%Y-%m-%d %H:%M:%S"),
                    each.message.type,
                    each.get_status_display(),
                    each.last_status_code or each.last_outcome,
                )
                for each in newest
            ),
        )
        return lines or "none yet"

    @admin.display(description="Audit trail")
    def trail(self, row: Subscription) -> SafeString | str:
        return _trail(row.wire_id)

    @admin.action(description="Send a test event")
    def send_test(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        self._each(request, queryset, services.send_test_event, "a test event is on its way.")

    @admin.action(description="Pause")
    def pause(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        self._each(request, queryset, services.pause_subscription, "is paused.")

    @admin.action(description="Enable")
    def enable(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        self._each(request, queryset, services.enable_subscription, "is active.")


class AttemptInline(_ReadOnly, TabularInline):  # type: ignore[misc]
    model = Attempt
    fields = (
        "number",
        "started_at",
        "outcome",
        "status_code",
        "latency_ms",
        "remote_ip",
        "response",
        "worker",
    )
    readonly_fields = fields
    ordering = ("number",)
    extra = 0


@admin.register(Delivery)
class DeliveryAdmin(_Acting, _ReadOnly, ModelAdmin):  # type: ignore[misc]
    list_display = (
        "created_at",
        "event",
        "subscription",
        "status",
        "held",
        "attempt_count",
        "last_outcome",
        "last_status_code",
        "next_attempt_at",
    )
    list_filter = ("status", "last_outcome", "kind", "created_at")
    list_select_related = ("message", "subscription")
    search_fields = ("id",)
    search_help_text = "Exact id of a delivery (dlv_...) or message (msg_...), or an outage"
    ordering = ("-created_at", "-id")
    show_full_result_count = False
    list_per_page = 50
    fields = (
        "wire_id",
        "subscription",
        "event",
        "message_id_text",
        "context",
        "status",
        "held",
        "kind",
        "tries",
        "attempt_count",
        "last_outcome",
        "last_status_code",
        "last_error",
        "next_attempt_at",
        "delivered_at",
        "dead_lettered_at",
        "created_at",
        "body",
        "trail",
    )
    readonly_fields = fields
    inlines = (AttemptInline,)
    actions = ("retry",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        for prefix, name in (("dlv", "id"), ("msg", "message_id")):
            if term.startswith(f"{prefix}_"):
                try:
                    return queryset.filter(**{name: decode(prefix, term)}), False
                except MalformedId:
                    return queryset.none(), False
        return queryset.filter(message__context__contains={"outage_id": term}), False

    @admin.display(description="Id")
    def wire_id(self, row: Delivery) -> str:
        return row.wire_id

    @admin.display(description="Event", ordering="message__type")
    def event(self, row: Delivery) -> str:
        return row.message.type

    @admin.display(description="Message")
    def message_id_text(self, row: Delivery) -> str:
        return row.message.wire_id

    @admin.display(description="About")
    def context(self, row: Delivery) -> str:
        return ", ".join(f"{key} {value}" for key, value in row.message.context.items())

    @admin.display(description="Held by")
    def held(self, row: Delivery) -> str:
        hold = row.subscription.hold_until
        throttled = hold is not None and hold > timezone.now()
        return held_by(row.status, row.subscription.status, throttled=throttled) or ""

    @admin.display(description="Body as sent")
    def body(self, row: Delivery) -> SafeString:
        message = row.message
        sent = envelope(
            row.subscription.signature_version, message.type, message.occurred_at, message.data
        )
        return format_html('<code style="overflow-wrap: anywhere">{}</code>', sent.decode())

    @admin.display(description="Audit trail")
    def trail(self, row: Delivery) -> SafeString | str:
        return _trail(row.wire_id)

    @admin.action(description="Retry now")
    def retry(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        self._each(request, queryset, services.retry_delivery, "is due now.")


def _trail(link: str) -> SafeString | str:
    entries = (audit.view(entry) for entry in audit.timeline(link).reverse()[:LAST])
    lines = format_html_join(
        "",
        "<div>{} {} {} {}</div>",
        ((each.at, each.action, each.actor["id"], each.reason) for each in entries),
    )
    return lines or "nothing yet"
