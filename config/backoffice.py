"""What the frame of the back office shows: the badge on every page, and the first page."""

from typing import Any

from django.conf import settings
from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from accounts import queries as accounts
from core import outbox
from outages import queries as outages
from payments import queries as payments
from sla import queries as sla
from webhooks import queries as webhooks


def environment_badge(_request: HttpRequest) -> tuple[str, str] | None:
    """The name and colour of the badge in the header; production has none."""
    colours = {"local": "info", "test": "info", "staging": "warning"}
    colour = colours.get(settings.ENVIRONMENT)
    return (settings.ENVIRONMENT.upper(), colour) if colour else None


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The figures of the first page: what is lost, what it cost, who is owed, who was told."""
    actor = accounts.actor_of(request.user)
    lost = outages.open_by_severity(actor)
    figures = sla.results(actor, sla.ResultFilters()).aggregate(
        assessed=Count("id"),
        violated=Count("id", filter=Q(amount__lt=0) | Q(status="violated")),
        rewards=Sum("amount", filter=Q(amount__gt=0), default=0),
        penalties=Sum("amount", filter=Q(amount__lt=0), default=0),
    )
    owed = (
        payments.payments(actor, payments.PaymentFilters())
        .values("state")
        .annotate(n=Count("id"), total=Sum("amount"))
        .order_by("state")
    )
    context["title"] = "Overview"
    context["groups"] = [
        (
            "Outages",
            reverse("admin:outages_outage_changelist"),
            [
                ("Open", sum(lost.values())),
                *((f"Open, {severity}", count) for severity, count in lost.items()),
                ("Resolved", outages.count_resolved(actor)),
            ],
        ),
        (
            "SLA",
            reverse("admin:sla_result_changelist"),
            [
                ("Assessed", figures["assessed"]),
                ("Violated", figures["violated"]),
                ("Rewards, USDC", figures["rewards"]),
                ("Penalties, USDC", -figures["penalties"]),
            ],
        ),
        (
            "Payments",
            reverse("admin:payments_payment_changelist"),
            [(row["state"].replace("_", " ").capitalize(), row["n"]) for row in owed],
        ),
        (
            "Delivery",
            reverse("admin:webhooks_delivery_changelist"),
            [
                ("Reactions overdue, s", round(outbox.oldest_due_seconds())),
                ("Webhooks overdue, s", round(webhooks.oldest_due_seconds())),
                ("Dead letters", webhooks.dead_letter_count()),
            ],
        ),
    ]
    return context


# The order of the flow: what is lost, what it costs, who is told, and what stands under it.
_NAVIGATION = (
    (
        "Respond",
        (("Outages", "crisis_alert", "outages", "outage"),),
    ),
    (
        "Agree and settle",
        (
            ("SLA results", "gavel", "sla", "result"),
            ("SLA terms", "contract", "sla", "policy"),
            ("Payments", "payments", "payments", "payment"),
        ),
    ),
    (
        "Tell",
        (
            ("Webhooks", "webhook", "webhooks", "subscription"),
            ("Webhook deliveries", "send", "webhooks", "delivery"),
            ("Event deliveries", "sync_alt", "core", "reactionrow"),
        ),
    ),
    (
        "Network",
        (
            ("Sites", "cell_tower", "network", "site"),
            ("Regions", "public", "network", "region"),
            ("Operators", "handshake", "network", "operator"),
        ),
    ),
    (
        "Access",
        (
            ("People", "person", "accounts", "user"),
            ("Teams", "group", "accounts", "team"),
            ("Grants", "shield_person", "accounts", "grant"),
            ("Sessions", "devices", "accounts", "session"),
            ("API keys", "key", "accounts", "apikey"),
            ("Group mappings", "account_tree", "accounts", "groupmapping"),
        ),
    ),
    (
        "Evidence and upkeep",
        (
            ("Audit trail", "fact_check", "audit", "entry"),
            ("Jobs", "manufacturing", "jobs", "job"),
            ("Clock", "schedule", "django_celery_beat", "periodictask"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The side bar: the pages that this person may open, in the order of the flow."""
    home = {"title": "Overview", "icon": "home", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"items": [home]}]
    for title, pages in _NAVIGATION:
        items = [
            {"title": name, "icon": icon, "link": reverse(f"admin:{app}_{model}_changelist")}
            for name, icon, app, model in pages
            if request.user.has_perm(f"{app}.view_{model}")
        ]
        if items:
            groups.append({"title": title, "separator": True, "items": items})
    return groups


def account_links(_request: HttpRequest) -> list[dict[str, str]]:
    """What stands under a person's own name. Passwords are changed by the API's verb."""
    return [
        {"title": "Second factor", "link": reverse("admin:second_factor")},
        {"title": "API documents", "link": "/docs"},
    ]


def stylesheet(_request: HttpRequest) -> str:
    """The few rules that the theme does not bring."""
    return static("noc/backoffice.css")
