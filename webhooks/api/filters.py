"""How the lists of subscriptions and deliveries are narrowed."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Q, QuerySet
from pydantic import AliasChoices, Field

from core import wire
from core.ids import MalformedId, decode
from core.pagination import ListQuery
from webhooks import queries
from webhooks.choices import DeliveryKind, DeliveryStatus, Outcome, SubscriptionStatus
from webhooks.models import Delivery, Subscription
from webhooks.policy.patterns import patterns_of

BARE_UNLESS = frozenset({"page", "page_size", "per_page", "cursor", "limit"})
BARE_ROWS = 200
# Further words of existing clients. Nothing is held by a breaker.
_STATUS_WORDS: Mapping[str, list[str]] = {
    "failed": [DeliveryStatus.RETRYING, DeliveryStatus.DEAD_LETTER],
    "breaker_open": [],
}


class SubscriptionQuery(ListQuery):
    """The filters of GET /webhooks."""

    name: Annotated[str, wire.text(1, 255)] | None = Field(None, description="Part of the name.")
    status: Annotated[list[str], wire.many(SubscriptionStatus.values[:-1])] = Field(
        default_factory=list
    )
    is_active: wire.Flag | None = Field(None, validation_alias=AliasChoices("is_active", "active"))
    host: Annotated[str, wire.text(1, 255)] | None = Field(None, description="Part of the host.")
    event: Annotated[str, wire.text(1, 128)] | None = Field(
        None, description="An event type; those that hear it."
    )


class DeliveryQuery(ListQuery):
    """The filters of the delivery log."""

    status: Annotated[list[str], wire.many([*DeliveryStatus.values, *_STATUS_WORDS])] = Field(
        default_factory=list
    )
    event: Annotated[list[str], wire.many(longest=128)] = Field(default_factory=list)
    outcome: Annotated[list[str], wire.many(Outcome.values)] = Field(
        default_factory=list, description="Of the last attempt."
    )
    kind: Annotated[str, wire.choice(DeliveryKind.values)] | None = None
    message_id: Annotated[str, wire.text(1, 64)] | None = None
    outage_id: Annotated[str, wire.text(1, 64)] | None = Field(
        None, description="Deliveries that speak of this outage."
    )
    search: Annotated[str, wire.text(1, 128)] | None = Field(
        None, description="Exactly: an id of a delivery, message or outage, or an event type."
    )
    created_after: wire.Instant | None = None
    created_before: wire.Instant | None = None
    delivered_after: wire.Instant | None = None
    delivered_before: wire.Instant | None = None


def is_bare(parameters: Mapping[str, Any]) -> bool:
    """Whether existing clients are asking, who read a bare array."""
    return BARE_UNLESS.isdisjoint(parameters)


def narrow_subscriptions(query: SubscriptionQuery) -> QuerySet[Subscription]:
    rows = queries.subscriptions()
    if query.name:
        rows = rows.filter(name__icontains=query.name)
    if query.status:
        rows = rows.filter(status__in=query.status)
    if query.is_active is not None:
        active = Q(status=SubscriptionStatus.ACTIVE)
        rows = rows.filter(active if query.is_active else ~active)
    if query.host:
        rows = rows.filter(host__icontains=query.host)
    if query.event:
        rows = rows.filter(patterns__overlap=patterns_of(query.event))
    return rows


def narrow_deliveries(
    query: DeliveryQuery, subscription_id: UUID | None = None
) -> QuerySet[Delivery]:
    rows = queries.deliveries(subscription_id)
    if query.status:
        wanted = [state for word in query.status for state in _STATUS_WORDS.get(word, [word])]
        rows = rows.filter(status__in=wanted)
    if query.event:
        rows = rows.filter(message__type__in=query.event)
    if query.outcome:
        rows = rows.filter(last_outcome__in=query.outcome)
    if query.kind:
        rows = rows.filter(kind=query.kind)
    if query.message_id:
        rows = rows.filter(message_id=decode("msg", query.message_id))
    if query.outage_id:
        rows = rows.filter(message__context__contains={"outage_id": query.outage_id})
    if query.search:
        rows = rows.filter(_found_by(query.search))
    bounds = {
        "created_at__gte": query.created_after,
        "created_at__lte": query.created_before,
        "delivered_at__gte": query.delivered_after,
        "delivered_at__lte": query.delivered_before,
    }
    return rows.filter(**{name: value for name, value in bounds.items() if value is not None})


def _found_by(text: str) -> Q:
    wanted = Q(message__type=text) | Q(message__context__contains={"outage_id": text})
    for prefix, field in (("dlv", "id"), ("msg", "message_id")):
        try:
            wanted |= Q(**{field: decode(prefix, text)})
        except MalformedId:
            continue
    return wanted
