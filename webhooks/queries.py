"""Reads that leave the app: subscriptions, the delivery log, and how far behind we are."""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet
from django.utils import timezone
from pydantic import TypeAdapter

from core import events, vault
from core.errors import NotFound
from core.ids import decode
from webhooks.choices import (
    WAITING,
    DeliveryKind,
    DeliveryStatus,
    KeyKind,
    SubscriptionStatus,
)
from webhooks.events import WebhookTest
from webhooks.models import Delivery, SigningKey, Subscription
from webhooks.policy.patterns import patterns_of

log = logging.getLogger(__name__)

EXAMPLES = Path("tests/contracts/events")


# As in webhooks.services.messages, before it is known what the message says.
_SOMEBODY = """EXISTS (SELECT 1 FROM webhooks_subscription AS s
                        WHERE s.status <> 'deleted' AND s.patterns && %s::varchar[])"""


class WebhookNotFound(NotFound):
    code = "webhook_not_found"
    title = "No such webhook"


class DeliveryNotFound(NotFound):
    code = "delivery_not_found"
    title = "No such delivery"


class EventTypeNotFound(NotFound):
    code = "event_not_found"
    title = "No such event type"


@dataclass(frozen=True)
class Backlog:
    """What a subscription has waiting, and what it has lost."""

    waiting: int = 0
    dead_letters: int = 0


@dataclass(frozen=True)
class KeyFacts:
    """The newest secret: its number, and when it replaced another one."""

    number: int
    rotated_at: datetime | None


def subscriptions() -> QuerySet[Subscription]:
    """Every subscription that is not deleted."""
    return Subscription.objects.live()


def get_subscription(subscription_id: str | UUID) -> Subscription:
    """One subscription by its wire id. Raises: MalformedId, WebhookNotFound."""
    pk = _pk("whk", subscription_id)
    found = subscriptions().filter(pk=pk).first()
    if found is None:
        raise WebhookNotFound
    return found


def deliveries(subscription_id: UUID | None = None) -> QuerySet[Delivery]:
    """The delivery log, of one subscription or of all; deleted subscriptions keep theirs."""
    rows = Delivery.objects.select_related("subscription", "message").defer("message__data")
    return rows if subscription_id is None else rows.filter(subscription_id=subscription_id)


def get_delivery(delivery_id: str | UUID, subscription_id: str | UUID | None = None) -> Delivery:
    """One delivery, of this subscription if one is named, with its message and attempts.

    Raises: MalformedId, WebhookNotFound, DeliveryNotFound.
    """
    rows = Delivery.objects.select_related("subscription", "message")
    if subscription_id is not None:
        rows = rows.filter(subscription=get_subscription(subscription_id))
    found = rows.filter(pk=_pk("dlv", delivery_id)).first()
    if found is None:
        raise DeliveryNotFound
    return found


def deliveries_about(key: str, value: str) -> QuerySet[Delivery]:
    """Deliveries whose message names this id, such as ``outage_id``; oldest first."""
    return deliveries().filter(message__context__contains={key: value}).order_by("created_at", "id")


def backlogs(ids: Iterable[UUID]) -> dict[UUID, Backlog]:
    """What waits and what is lost, for each of these subscriptions that has any."""
    counted = (
        Delivery.objects.filter(
            subscription_id__in=list(ids), status__in=[*WAITING, DeliveryStatus.DEAD_LETTER]
        )
        .values("subscription_id")
        .annotate(
            waiting=Count("id", filter=Q(status__in=WAITING)),
            dead_letters=Count("id", filter=Q(status=DeliveryStatus.DEAD_LETTER)),
        )
        .order_by("subscription_id")
    )
    return {row["subscription_id"]: Backlog(row["waiting"], row["dead_letters"]) for row in counted}


def newest_keys(ids: Iterable[UUID]) -> dict[UUID, KeyFacts]:
    """The newest secret of each of these subscriptions."""
    rows = (
        SigningKey.objects.filter(subscription_id__in=list(ids), kind=KeyKind.HMAC)
        .values("subscription_id")
        .annotate(newest=Max("number"), created=Max("created_at"))
        .order_by("subscription_id")
    )
    return {
        row["subscription_id"]: KeyFacts(
            row["newest"], row["created"] if row["newest"] > 1 else None
        )
        for row in rows
    }


def rotation(subscription_id: UUID, key_id: UUID) -> tuple[SigningKey, datetime | None]:
    """A secret, and when the one before it ends; None: at once. Raises: WebhookNotFound."""
    keys = SigningKey.objects.filter(subscription_id=subscription_id)
    key = keys.filter(pk=key_id).first()
    if key is None:
        raise WebhookNotFound
    former = keys.filter(kind=key.kind, number__lt=key.number).order_by("-number").first()
    ends = former.expires_at if former else None
    return key, ends if ends and ends > key.created_at else None


def headers_of(subscription: Subscription) -> dict[str, str]:
    """The extra headers in clear. Raises: vault.CannotOpen."""
    if subscription.headers is None:
        return {}
    context = headers_context(subscription.id)
    found: dict[str, str] = json.loads(vault.open(subscription.headers, context=context))
    return found


def header_names(subscription: Subscription) -> list[str]:
    """The names of the extra headers; their values leave only towards the receiver."""
    try:
        return sorted(headers_of(subscription))
    except vault.CannotOpen:
        log.error("webhook_headers_do_not_open", extra={"webhook": subscription.wire_id})
        return []


def headers_context(subscription_id: UUID) -> str:
    """What the sealed headers of a subscription are bound to."""
    return f"webhooks_subscription:{subscription_id}"


def key_context(key_id: UUID) -> str:
    """What a sealed secret is bound to."""
    return f"webhooks_signingkey:{key_id}"


def dead_letter_count() -> int:
    """Deliveries that used up all their tries."""
    return Delivery.objects.filter(status=DeliveryStatus.DEAD_LETTER).count()


def oldest_due_seconds(at: datetime | None = None) -> float:
    """Age in seconds of the oldest delivery past its time; paused and disabled ones left out."""
    at = at or timezone.now()
    oldest = Delivery.objects.filter(
        status__in=WAITING,
        next_attempt_at__lte=at,
        subscription__status=SubscriptionStatus.ACTIVE,
    ).aggregate(oldest=Min("next_attempt_at"))["oldest"]
    return (at - oldest).total_seconds() if oldest else 0.0


def due_lanes(at: datetime, due: datetime) -> QuerySet[Subscription]:
    """Subscriptions with a delivery due at ``due`` that may be sent ``at``; tests always may."""
    owed = Delivery.objects.filter(
        subscription=OuterRef("pk"), status__in=WAITING, next_attempt_at__lte=due
    )
    rested = Q(hold_until__isnull=True) | Q(hold_until__lte=at)
    receiving = Q(Exists(owed), rested, status=SubscriptionStatus.ACTIVE)
    return subscriptions().filter(receiving | Q(Exists(owed.filter(kind=DeliveryKind.TEST))))


def expired_leases(at: datetime) -> QuerySet[Delivery]:
    """Deliveries whose sender has not noted an answer in time."""
    return Delivery.objects.filter(status=DeliveryStatus.SENDING, lease_expires_at__lte=at)


def is_anything_due(at: datetime, min_age_s: float = 0) -> bool:
    """Whether a sender would find something to do that has been due for ``min_age_s`` seconds."""
    due = at - timedelta(seconds=min_age_s)
    return due_lanes(at, due).exists() or expired_leases(due).exists()


def public_types() -> list[str]:
    """The event types that subscriptions may ask for."""
    return [name for name, cls in events.catalogue().items() if cls.public]


def catalogue() -> list[dict[str, Any]]:
    """Every message type that leaves the house, with its JSON Schema."""
    types: dict[str, type] = {name: cls for name, cls in events.catalogue().items() if cls.public}
    types[WebhookTest.type] = WebhookTest
    return [_entry(name, cls) for name, cls in sorted(types.items())]


def catalogue_entry(event_type: str) -> dict[str, Any]:
    """The entry of one type. Raises: EventTypeNotFound."""
    found = next((entry for entry in catalogue() if entry["type"] == event_type), None)
    if found is None:
        raise EventTypeNotFound
    return found


@cache
def _schema(cls: type) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = TypeAdapter(cls).json_schema(mode="serialization")
    return schema


def _entry(name: str, cls: type) -> dict[str, Any]:
    return {
        "type": name,
        "version": 1,
        "description": " ".join((cls.__doc__ or "").split()),
        "deprecated": False,
        "sunset_on": None,
        "schema": {"$schema": "https://json-schema.org/draft/2020-12/schema", **_schema(cls)},
        "example": _example(name),
    }


def _example(name: str) -> Any:
    """The golden file that the contract tests hold this type to, where it is at hand."""
    path = settings.BASE_DIR / EXAMPLES / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _pk(prefix: str, given: str | UUID) -> UUID:
    return given if isinstance(given, UUID) else decode(prefix, given)


def somebody_listens(event_type: str) -> tuple[str, list[Any]]:
    """Whether any subscription, paused ones included, asks for such events: SQL, parameters."""
    return _SOMEBODY, [patterns_of(event_type)]
