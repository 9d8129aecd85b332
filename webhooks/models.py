"""Who receives, what was said, what is owed to whom, and every attempt to say it."""

from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from core.ids import encode, uuid7
from webhooks.choices import (
    WAITING,
    DeliveryKind,
    DeliveryStatus,
    KeyKind,
    Outcome,
    SubscriptionStatus,
)


def _set_exactly_when(states: list[Any], *fields: str) -> Q:
    """These columns are set in these states and in no other."""
    inside = Q(status__in=[str(state) for state in states])
    return (inside & Q(**{f"{name}__isnull": False for name in fields})) | (
        ~inside & Q(**{f"{name}__isnull": True for name in fields})
    )


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def live(self) -> Self:
        return self.exclude(status=SubscriptionStatus.DELETED)


class Subscription(models.Model):
    """Where to send, what, and how fast."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=255)
    url = models.CharField(max_length=2048)
    host = models.CharField(max_length=300)  # scheme://host:port, written with the URL
    patterns = ArrayField(models.CharField(max_length=128))
    match = models.JSONField(default=dict)
    headers = models.BinaryField(null=True)  # sealed JSON of name to value
    signature_version = models.PositiveSmallIntegerField()
    max_attempts = models.PositiveSmallIntegerField()
    timeout_s = models.PositiveSmallIntegerField()
    concurrency = models.PositiveSmallIntegerField()
    status = models.CharField(
        max_length=8, choices=SubscriptionStatus, default=SubscriptionStatus.ACTIVE
    )
    status_reason = models.CharField(max_length=500, blank=True, default="")
    status_changed_at = models.DateTimeField()
    # Running state, written by the sender only; the moves it causes are audited, it is not.
    failing_since = models.DateTimeField(null=True)
    hold_until = models.DateTimeField(null=True)
    served_at = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(signature_version__in=[1, 2]),
                name="webhooks_subscription_signature_version",
            ),
            models.CheckConstraint(
                condition=Q(
                    max_attempts__range=(1, 20),
                    timeout_s__range=(1, 30),
                    concurrency__range=(1, 50),
                ),
                name="webhooks_subscription_within_bounds",
            ),
            models.CheckConstraint(
                condition=~Q(status="deleted") | Q(headers__isnull=True),
                name="webhooks_subscription_deleted_has_no_headers",
            ),
        ]
        indexes = [
            # The list, newest first; also how many there are.
            models.Index(fields=["created_at", "id"], name="webhooks_subscription_created")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def wire_id(self) -> str:
        return encode("whk", self.id)


class SigningKey(models.Model):
    """One secret of a subscription; live until it expires, newest first in signatures."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="keys", db_index=False
    )
    kind = models.CharField(max_length=7, choices=KeyKind, default=KeyKind.HMAC)
    number = models.PositiveIntegerField()
    sealed = models.BinaryField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "kind", "number"], name="webhooks_signingkey_number"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"

    @property
    def wire_id(self) -> str:
        return encode("wsk", self.id)


class Message(models.Model):
    """One public event, stored once; its key is the event's own, so it cannot be made twice."""

    id = models.UUIDField(primary_key=True, editable=False)
    type = models.CharField(max_length=128)
    occurred_at = models.DateTimeField()
    context = models.JSONField(default=dict)
    data = models.TextField()  # canonical JSON
    correlation_id = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            # What was said about this outage, site or payment.
            GinIndex(
                fields=["context"], opclasses=["jsonb_path_ops"], name="webhooks_message_context"
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.wire_id}"

    @property
    def wire_id(self) -> str:
        return encode("msg", self.id)


class Delivery(models.Model):
    """One message owed to one subscription. The row is the queue."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Both are led by an index or a constraint below.
    message = models.ForeignKey(
        Message, on_delete=models.PROTECT, related_name="deliveries", db_index=False
    )
    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="deliveries", db_index=False
    )
    status = models.CharField(max_length=11, choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    kind = models.CharField(max_length=5, choices=DeliveryKind, default=DeliveryKind.EVENT)
    run = models.PositiveSmallIntegerField(default=1)
    tries = models.PositiveSmallIntegerField(default=0)  # in this run; drives the schedule
    attempt_count = models.PositiveIntegerField(default=0)  # over all runs
    next_attempt_at = models.DateTimeField(null=True)
    claim_token = models.UUIDField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    last_outcome = models.CharField(max_length=17, choices=Outcome, blank=True, default="")
    last_status_code = models.PositiveSmallIntegerField(null=True)
    last_error = models.CharField(max_length=500, blank=True, default="")
    delivered_at = models.DateTimeField(null=True)
    dead_lettered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["message", "subscription"], name="webhooks_delivery_once"
            ),
            models.CheckConstraint(
                condition=_set_exactly_when([DeliveryStatus.SUCCESS], "delivered_at"),
                name="webhooks_delivery_success_has_time",
            ),
            models.CheckConstraint(
                condition=_set_exactly_when([DeliveryStatus.DEAD_LETTER], "dead_lettered_at"),
                name="webhooks_delivery_dead_letter_has_time",
            ),
            models.CheckConstraint(
                condition=_set_exactly_when(
                    [DeliveryStatus.SENDING], "claim_token", "lease_expires_at"
                ),
                name="webhooks_delivery_sending_has_lease",
            ),
            models.CheckConstraint(
                condition=_set_exactly_when(list(WAITING), "next_attempt_at"),
                name="webhooks_delivery_waiting_has_next",
            ),
        ]
        indexes = [
            # The claim: what is due in this lane, oldest first.
            models.Index(
                fields=["subscription", "next_attempt_at", "id"],
                name="webhooks_delivery_waiting",
                condition=Q(status__in=["pending", "retrying"]),
            ),
            # Tests, which go out past a pause: found without reading what waits there.
            models.Index(
                fields=["subscription"],
                name="webhooks_delivery_tests",
                condition=Q(kind="test", status__in=["pending", "retrying"]),
            ),
            # How many slots of a lane are taken.
            models.Index(
                fields=["subscription"],
                name="webhooks_delivery_sending",
                condition=Q(status="sending"),
            ),
            # The reaper: leases that ran out.
            models.Index(
                fields=["lease_expires_at"],
                name="webhooks_delivery_leased",
                condition=Q(status="sending"),
            ),
            # The log of one subscription, and of all by state.
            models.Index(fields=["subscription", "created_at", "id"], name="webhooks_delivery_log"),
            models.Index(fields=["status", "created_at", "id"], name="webhooks_delivery_state"),
        ]

    def __str__(self) -> str:
        return self.wire_id

    @property
    def wire_id(self) -> str:
        return encode("dlv", self.id)


class Attempt(models.Model):
    """One POST and what came of it. Insert-only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    delivery = models.ForeignKey(
        Delivery, on_delete=models.PROTECT, related_name="attempts", db_index=False
    )
    number = models.PositiveIntegerField()
    run = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    outcome = models.CharField(max_length=17, choices=Outcome)
    status_code = models.PositiveSmallIntegerField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)
    remote_ip = models.GenericIPAddressField(null=True)
    response = models.TextField(blank=True, default="")  # at most 4096 characters, redacted
    signature_version = models.PositiveSmallIntegerField()
    worker = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="webhooks_attempt_once")
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}"
