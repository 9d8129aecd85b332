"""Payments in the back office: where each rests, and why."""

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
from core.filters import by_word
from core.ids import MalformedId
from payments.choices import Direction, Reason
from payments.models import Payment

_REASONS = dict(Reason.choices)


@admin.register(Payment)
class PaymentAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("created_at", "outage", "operator", "who_owes", "exact", "state", "why", "kind")
    list_filter = ("state", by_word("reason", lambda: Reason.choices), "direction", "kind")
    list_select_related = ("outage", "operator")
    search_fields = ("outage__reference",)
    search_help_text = "Exact reference of an outage, id or memo of a payment"
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-id",)
    fields = (
        "wire_id",
        "outage",
        "sla_result",
        "operator",
        "who_owes",
        "exact",
        "asset_code",
        "asset_issuer",
        "network",
        "kind",
        "state",
        "why",
        "attestation",
        "memo",
        "due_on",
        "destination",
        "requested_by",
        "causers",
        "created_at",
        "settled_at",
        "trail",
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        return Payment.objects.visible_to(accounts.actor_of(request.user))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Payment], search_term: str
    ) -> tuple[QuerySet[Payment], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        for text in (term, f"pay_{term}"):
            try:
                return queryset.filter(id=ids.decode("pay", text)), False
            except MalformedId:
                continue
        return queryset.filter(outage__reference__iexact=term), False

    @admin.display(description="Payment")
    def wire_id(self, payment: Payment) -> str:
        return payment.wire_id

    @admin.display(description="Direction", ordering="direction")
    def who_owes(self, payment: Payment) -> str:
        return "we pay" if payment.direction == Direction.PAYOUT else "owes us"

    @admin.display(description="Amount", ordering="amount")
    def exact(self, payment: Payment) -> str:
        return f"{payment.amount:,.2f} {payment.asset_code}"

    @admin.display(description="Why it rests there", ordering="reason")
    def why(self, payment: Payment) -> str:
        return _REASONS.get(payment.reason, payment.reason)

    @admin.display(description="What happened (UTC)")
    def trail(self, payment: Payment) -> SafeString:
        entries = (audit.view(entry) for entry in audit.timeline(payment.wire_id)[:100])
        return format_html_join(
            "",
            "<div>{} {}: {}, by {} {}</div>",
            (
                (
                    f"{each.at[:10]} {each.at[11:19]}",
                    each.action,
                    " ".join(str(word) for word in (each.after or {}).values() if word),
                    *each.actor.values(),
                )
                for each in entries
            ),
        )
