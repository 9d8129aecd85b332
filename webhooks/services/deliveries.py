"""Sending again by hand."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from audit import services as audit
from core.actors import Actor
from core.errors import Conflict
from webhooks import queries
from webhooks.choices import DeliveryStatus, SubscriptionStatus
from webhooks.models import Delivery, Subscription
from webhooks.policy import access


class DeliveryAlreadySucceeded(Conflict):
    code = "delivery_already_succeeded"
    title = "Already delivered"
    summary = "The receiver has accepted this delivery."


class DeliveryCancelled(Conflict):
    code = "delivery_cancelled"
    title = "Delivery cancelled"
    summary = "A cancelled delivery is not sent again. Send a new test event."


class WebhookNotActive(Conflict):
    code = "webhook_not_active"
    title = "Webhook not active"
    summary = "The webhook is paused or disabled. Enable it first."


def retry_delivery(delivery_id: UUID, *, reason: str = "", actor: Actor, at: datetime) -> Delivery:
    """Make a waiting or dead delivery due now; one more try, then its schedule goes on.

    One that is being sent stays as it is. Audits webhooks.retry_delivery.
    Raises: NotPermitted, DeliveryNotFound, WebhookNotActive, DeliveryAlreadySucceeded,
    DeliveryCancelled.
    """
    access.require_may_send(actor)
    with transaction.atomic():
        owner = queries.get_delivery(delivery_id).subscription_id
        subscription = Subscription.objects.select_for_update(no_key=True).get(pk=owner)
        delivery = (
            Delivery.objects.select_for_update(of=("self",))
            .select_related("message", "subscription")
            .get(pk=delivery_id)
        )
        if subscription.status == SubscriptionStatus.DELETED:
            raise queries.DeliveryNotFound
        if delivery.status == DeliveryStatus.SUCCESS:
            raise DeliveryAlreadySucceeded
        if delivery.status == DeliveryStatus.CANCELLED:
            raise DeliveryCancelled
        if subscription.status != SubscriptionStatus.ACTIVE:
            raise WebhookNotActive
        before = {"status": delivery.status, "next_attempt_at": delivery.next_attempt_at}
        if delivery.status == DeliveryStatus.SENDING:
            return delivery
        if delivery.status == DeliveryStatus.DEAD_LETTER:
            delivery.status, delivery.dead_lettered_at = DeliveryStatus.PENDING, None
        delivery.next_attempt_at = at
        delivery.save(update_fields=["status", "dead_lettered_at", "next_attempt_at"])
        audit.record(
            action="webhooks.retry_delivery",
            subject=("webhook_delivery", delivery.wire_id),
            actor=actor,
            at=at,
            before=before,
            after={"status": delivery.status, "next_attempt_at": at},
            reason=reason,
            links=[subscription.wire_id, *delivery.message.context.values()],
        )
    return delivery
