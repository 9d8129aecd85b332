"""The routes of subscriptions, of the delivery log and of the catalogue of events."""

from typing import Any

from rest_framework.request import Request

from core import wire
from core.errors import MalformedJson, NothingToChange, UnsupportedMediaType
from core.ids import MalformedId, decode
from core.openapi import bare_or_list_of, list_of, operation
from core.pagination import Listing, Sort, read_instant
from core.views import Answer, ApiView
from webhooks import queries, services, tasks
from webhooks.api import examples, serializers
from webhooks.api.filters import (
    BARE_ROWS,
    DeliveryQuery,
    SubscriptionQuery,
    is_bare,
    narrow_deliveries,
    narrow_subscriptions,
)
from webhooks.models import Delivery, Subscription
from webhooks.policy import access

PATH = {"webhook_id": "The webhook's id (whk_...)."}
WEBHOOK_NOT_THERE = (MalformedId, queries.WebhookNotFound)
DELIVERY_PATH = PATH | {"delivery_id": "The delivery's id (dlv_...)."}
REFUSED_TERMS = (
    services.UrlForbidden,
    services.EventUnknown,
    services.MatchMalformed,
    services.HeaderForbidden,
    services.HeaderMalformed,
    services.SecretMalformed,
    services.SecretNotStandard,
)

SUBSCRIPTIONS: Listing[Subscription] = Listing(
    sorts={
        "created_at": Sort("created_at", read_instant),
        "updated_at": Sort("updated_at", read_instant),
        "name": Sort("name"),
        "status": Sort("status"),
    },
    default="created_at:desc",
    form=serializers.subscription_forms,
)
DELIVERIES: Listing[Delivery] = Listing(
    sorts={"created_at": Sort("created_at", read_instant)},
    default="created_at:desc",
    form=serializers.delivery_forms,
)


class WebhookListView(ApiView):
    """All subscriptions."""

    shown_once = ("secret",)

    @operation(
        "List webhooks (a bare array of the newest 200 without page, page_size, cursor or limit)",
        response=bare_or_list_of(serializers.SubscriptionResponse),
        role="engineer",
        query=SubscriptionQuery,
        example=examples.page_of(examples.SUBSCRIPTION, "created_at"),
    )
    def get(self, request: Request) -> Any:
        access.require_may_read(self.actor)
        query = wire.read_query(SubscriptionQuery, dict(request.query_params.lists()))
        rows = narrow_subscriptions(query)
        if is_bare(request.query_params):
            newest = rows.order_by("-created_at", "-id")[:BARE_ROWS]
            return serializers.subscription_forms(list(newest))
        return SUBSCRIPTIONS.answer(rows, query)

    @operation(
        "Subscribe a URL to events",
        response=serializers.CreatedResponse,
        status=201,
        role="admin",
        body=serializers.CreationRequest,
        writes=True,
        refuses=(*REFUSED_TERMS, services.TooManyWebhooks),
        body_example=examples.SUBSCRIBE,
        example=examples.CREATED,
    )
    def post(self, request: Request) -> Answer:
        terms = wire.read(serializers.CreationRequest, request.data).terms()
        created = services.create_subscription(terms, actor=self.actor, at=self.at)
        wire_id = created.subscription.wire_id
        return Answer(
            subject=wire_id,
            status=201,
            location=f"{request.path.rstrip('/')}/{wire_id}",
            secrets={"secret": created.secret} if created.secret else {},
        )

    def represent(self, subject: str) -> Any:
        return serializers.subscription_form(queries.get_subscription(subject))


class _SubscriptionView(ApiView):
    """Answers with the subscription as it is now."""

    def represent(self, subject: str) -> Any:
        return serializers.subscription_form(queries.get_subscription(subject))


class WebhookView(_SubscriptionView):
    """One subscription."""

    @operation(
        "Show a webhook",
        response=serializers.SubscriptionResponse,
        role="engineer",
        path=PATH,
        refuses=WEBHOOK_NOT_THERE,
        example=examples.SUBSCRIPTION,
    )
    def get(self, request: Request, webhook_id: str) -> Any:
        access.require_may_read(self.actor)
        return serializers.subscription_form(queries.get_subscription(webhook_id))

    @operation(
        "Change a webhook; null leaves a member as it is",
        response=serializers.SubscriptionResponse,
        role="admin",
        body=serializers.SubscriptionRequest,
        path=PATH,
        writes=True,
        refuses=(
            *WEBHOOK_NOT_THERE,
            NothingToChange,
            *REFUSED_TERMS,
            services.TooManyKeys,
        ),
        body_example={"events": ["outage.resolved"], "is_active": True},
        example=examples.SUBSCRIPTION,
    )
    def patch(self, request: Request, webhook_id: str) -> Answer:
        terms = wire.read(serializers.SubscriptionRequest, request.data).terms()
        subscription = services.update_subscription(
            decode("whk", webhook_id), terms, actor=self.actor, at=self.at
        )
        return Answer(subject=subscription.wire_id)

    @operation(
        "Delete a webhook; its log stays",
        response=None,
        status=204,
        role="admin",
        query=serializers.ReasonRequest,
        path=PATH,
        writes=True,
        refuses=(MalformedJson, UnsupportedMediaType, *WEBHOOK_NOT_THERE),
    )
    def delete(self, request: Request, webhook_id: str) -> Answer:
        services.delete_subscription(
            decode("whk", webhook_id), reason=_reason(request), actor=self.actor, at=self.at
        )
        return Answer(subject=webhook_id, status=204)


class PauseView(_SubscriptionView):
    @operation(
        "Pause a webhook",
        response=serializers.SubscriptionResponse,
        role="admin",
        body=serializers.ReasonRequest,
        path=PATH,
        writes=True,
        refuses=WEBHOOK_NOT_THERE,
        body_example={"reason": "The receiver is being moved."},
        example=examples.SUBSCRIPTION | {"is_active": False, "active": False, "status": "paused"},
    )
    def post(self, request: Request, webhook_id: str) -> Answer:
        subscription = services.pause_subscription(
            decode("whk", webhook_id), reason=_reason(request), actor=self.actor, at=self.at
        )
        return Answer(subject=subscription.wire_id)


class EnableView(_SubscriptionView):
    @operation(
        "Enable a webhook that is paused or disabled",
        response=serializers.SubscriptionResponse,
        role="admin",
        body=serializers.ReasonRequest,
        path=PATH,
        writes=True,
        refuses=WEBHOOK_NOT_THERE,
        body_example={"reason": "The receiver is back."},
        example=examples.SUBSCRIPTION,
    )
    def post(self, request: Request, webhook_id: str) -> Answer:
        subscription = services.enable_subscription(
            decode("whk", webhook_id), reason=_reason(request), actor=self.actor, at=self.at
        )
        tasks.send_soon()
        return Answer(subject=subscription.wire_id)


class RotateSecretView(ApiView):
    shown_once = ("new_secret",)

    @operation(
        "Sign with a new secret",
        response=serializers.RotationResponse,
        role="admin",
        body=serializers.RotationRequest,
        path=PATH,
        writes=True,
        refuses=(
            *WEBHOOK_NOT_THERE,
            services.SecretMalformed,
            services.SecretNotStandard,
            services.TooManyKeys,
        ),
        body_example={"grace_hours": 24},
        example=examples.ROTATED,
    )
    def post(self, request: Request, webhook_id: str) -> Answer:
        given = wire.read(serializers.RotationRequest, request.data)
        rotated = services.rotate_secret(
            decode("whk", webhook_id),
            grace_hours=given.grace_hours,
            secret=given.secret,
            actor=self.actor,
            at=self.at,
        )
        return Answer(
            subject=f"{rotated.subscription.wire_id} {rotated.key.wire_id}",
            secrets={"new_secret": rotated.secret} if rotated.secret else {},
        )

    def represent(self, subject: str) -> Any:
        webhook_id, _, key_id = subject.partition(" ")
        subscription = queries.get_subscription(webhook_id)
        key, grace_expires_at = queries.rotation(subscription.id, decode("wsk", key_id))
        return serializers.rotation_form(subscription, key, grace_expires_at)


class TestView(ApiView):
    """Sends one test message."""

    @operation(
        "Send a test event to a webhook, paused and disabled included",
        response=serializers.DeliveryResponse,
        status=202,
        role="engineer",
        path=PATH,
        writes=True,
        refuses=WEBHOOK_NOT_THERE,
        example=examples.TEST_DELIVERY,
    )
    def post(self, request: Request, webhook_id: str) -> Answer:
        delivery = services.send_test_event(decode("whk", webhook_id), actor=self.actor, at=self.at)
        tasks.send_soon()
        owner = request.path.rstrip("/").removesuffix("/test")
        return Answer(
            subject=delivery.wire_id,
            status=202,
            location=f"{owner}/deliveries/{delivery.wire_id}",
        )

    def represent(self, subject: str) -> Any:
        return serializers.delivery_form(queries.get_delivery(subject), self.at)


class DeliveryLogView(ApiView):
    """The deliveries of all subscriptions."""

    @operation(
        "List deliveries of all webhooks, newest first",
        response=list_of(serializers.DeliveryResponse),
        role="engineer",
        query=DeliveryQuery,
        refuses=(MalformedId,),
        example=examples.page_of(examples.DELIVERY, "created_at"),
    )
    def get(self, request: Request) -> Any:
        access.require_may_read(self.actor)
        query = wire.read_query(DeliveryQuery, dict(request.query_params.lists()))
        return DELIVERIES.answer(narrow_deliveries(query), query)


class DeliveryListView(ApiView):
    """The deliveries of one subscription."""

    @operation(
        "List deliveries (a bare array of the newest 200 without page, page_size, cursor or limit)",
        response=bare_or_list_of(serializers.DeliveryResponse),
        role="engineer",
        query=DeliveryQuery,
        path=PATH,
        refuses=WEBHOOK_NOT_THERE,
        example=examples.page_of(examples.DELIVERY, "created_at"),
    )
    def get(self, request: Request, webhook_id: str) -> Any:
        access.require_may_read(self.actor)
        subscription = queries.get_subscription(webhook_id)
        query = wire.read_query(DeliveryQuery, dict(request.query_params.lists()))
        rows = narrow_deliveries(query, subscription.id)
        if is_bare(request.query_params):
            newest = rows.order_by("-created_at", "-id")[:BARE_ROWS]
            return serializers.coarse_delivery_forms(list(newest))
        return DELIVERIES.answer(rows, query)


class DeliveryView(ApiView):
    """One delivery."""

    @operation(
        "Show a delivery, what is sent, and every attempt",
        response=serializers.DeliveryDetailResponse,
        role="engineer",
        path=DELIVERY_PATH,
        refuses=(*WEBHOOK_NOT_THERE, queries.DeliveryNotFound),
        example=examples.DELIVERY_DETAIL,
    )
    def get(self, request: Request, webhook_id: str, delivery_id: str) -> Any:
        access.require_may_read(self.actor)
        return serializers.delivery_detail_form(queries.get_delivery(delivery_id, webhook_id))


class RetryView(ApiView):
    @operation(
        "Make a waiting or dead delivery due now",
        response=serializers.DeliveryResponse,
        role="engineer",
        body=serializers.ReasonRequest,
        path=DELIVERY_PATH,
        writes=True,
        refuses=(
            *WEBHOOK_NOT_THERE,
            queries.DeliveryNotFound,
            services.DeliveryAlreadySucceeded,
            services.DeliveryCancelled,
            services.WebhookNotActive,
        ),
        body_example={"reason": "The receiver's certificate was renewed."},
        example=examples.TEST_DELIVERY | {"event": "sla.violation", "kind": "event"},
    )
    def post(self, request: Request, webhook_id: str, delivery_id: str) -> Answer:
        access.require_may_send(self.actor)
        owned = queries.get_delivery(delivery_id, webhook_id)
        delivery = services.retry_delivery(
            owned.id, reason=_reason(request), actor=self.actor, at=self.at
        )
        tasks.send_soon()
        return Answer(subject=delivery.wire_id)

    def represent(self, subject: str) -> Any:
        return serializers.delivery_form(queries.get_delivery(subject), self.at)


class EventListView(ApiView):
    """The catalogue."""

    @operation(
        "List the types of events, each with its JSON Schema",
        response=list_of(serializers.EventTypeResponse),
        example=examples.page_of(examples.EVENT_TYPE, "type") | {"sort_direction": "asc"},
    )
    def get(self, request: Request) -> Any:
        entries = queries.catalogue()
        return {
            "items": entries,
            "total": len(entries),
            "page": 1,
            "page_size": len(entries),
            "sort_by": "type",
            "sort_direction": "asc",
        }


class EventView(ApiView):
    @operation(
        "Show a type of event",
        response=serializers.EventTypeResponse,
        path={"event_type": "The type, such as outage.resolved."},
        refuses=(queries.EventTypeNotFound,),
        example=examples.EVENT_TYPE,
    )
    def get(self, request: Request, event_type: str) -> Any:
        return queries.catalogue_entry(event_type)


def _reason(request: Request) -> str:
    given: Any = request.data if isinstance(request.data, dict) else {}
    read = wire.read(serializers.ReasonRequest, {**request.query_params.dict(), **given})
    return read.reason or ""
