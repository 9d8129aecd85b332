"""The wire forms of subscriptions and deliveries: how they are read, written and described."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from django.utils import timezone
from pydantic import AliasChoices, Field, model_validator
from rest_framework import serializers

from core import wire
from webhooks import queries
from webhooks.choices import (
    DeliveryKind,
    DeliveryStatus,
    KeyKind,
    Outcome,
    SubscriptionStatus,
)
from webhooks.models import Attempt, Delivery, SigningKey, Subscription
from webhooks.policy import patterns
from webhooks.policy.envelope import LEGACY, SCHEMA_VERSION, STANDARD, envelope
from webhooks.policy.moves import held_by
from webhooks.services import MASK, Terms

# What existing clients read in the bare array; `state` beside it is exact.
COARSE_STATUS = {
    DeliveryStatus.SENDING.value: "pending",
    DeliveryStatus.RETRYING.value: "failed",
    DeliveryStatus.DEAD_LETTER.value: "failed",
}


def _secret(value: object) -> str:
    # Not trimmed: under signature version 1 every byte counts.
    if not isinstance(value, str):
        raise wire.fault("wrong_type", "This must be text.")
    if not 1 <= len(value) <= 255 or not wire.is_clean(value):
        raise wire.fault("secret_malformed", "A secret has 1 to 255 characters, no controls.")
    return value


def _headers(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(each, str) for each in value.values()):
        raise wire.fault("wrong_type", "This must be an object of header names to texts.")
    return {str(name): each for name, each in value.items()}


def _match(value: object) -> dict[str, list[str]]:
    if not isinstance(value, Mapping):
        raise wire.fault("wrong_type", "This must be an object of keys to lists of texts.")
    for values in value.values():
        if not isinstance(values, list) or not all(
            isinstance(each, str) and wire.is_clean(each) for each in values
        ):
            raise wire.fault("wrong_type", "Each key takes a list of texts.")
    return {str(key): list(values) for key, values in value.items()}


Secret = Annotated[str, wire.Reading(_secret, {"type": "string", "maxLength": 255})]
Headers = Annotated[
    dict[str, str],
    wire.Reading(_headers, {"type": "object", "additionalProperties": {"type": "string"}}),
]
Match = Annotated[
    dict[str, list[str]],
    wire.Reading(
        _match,
        {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    ),
]


class SubscriptionRequest(wire.Input):
    """What a subscription is asked to be. Absent and null: unchanged, on creation the default."""

    name: Annotated[str | None, wire.nullable_text(255)] = None
    url: Annotated[str, wire.text(1, 2048)] | None = None
    events: (
        Annotated[list[str], wire.texts(patterns.MOST_PATTERNS, patterns.LONGEST_PATTERN)] | None
    ) = None
    secret: Secret | None = None
    signature_version: Annotated[int, wire.whole(LEGACY, STANDARD)] | None = None
    max_attempts: Annotated[int, wire.whole(1, 20)] | None = None
    max_retries: Annotated[int, wire.whole(0, 19)] | None = None
    timeout_s: Annotated[int, wire.whole(1, 30)] | None = None
    concurrency: Annotated[int, wire.whole(1, 50)] | None = None
    headers: Headers | None = None
    match: Match | None = None
    is_active: wire.Flag | None = Field(None, validation_alias=AliasChoices("is_active", "active"))

    def terms(self) -> Terms:
        attempts = self.max_attempts
        if attempts is None and self.max_retries is not None:
            attempts = self.max_retries + 1
        return Terms(
            name=self.name,
            url=self.url,
            patterns=self.events,
            match=self.match,
            headers=self.headers,
            secret=self.secret,
            signature_version=self.signature_version,
            max_attempts=attempts,
            timeout_s=self.timeout_s,
            concurrency=self.concurrency,
            active=self.is_active,
        )


class CreationRequest(SubscriptionRequest):
    """A new subscription: at least where to, and what."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name in ("url", "events"):
            if not getattr(self, name):
                raise wire.fault("required", "it is required.", pointer=f"/{name}")
        return self


class ReasonRequest(wire.Input):
    reason: Annotated[str | None, wire.nullable_text(500)] = None


class RotationRequest(wire.Input):
    """``grace_hours``: how long former secrets still sign beside the new one; 0 ends them now."""

    kind: Annotated[str, wire.choice(KeyKind.values)] = KeyKind.HMAC.value
    grace_hours: Annotated[int, wire.whole(0, 168)] | None = None
    secret: Secret | None = None


class SubscriptionResponse(serializers.Serializer[Any]):
    """Where events are sent, and how that goes."""

    id = serializers.CharField()
    name = serializers.CharField()
    url = serializers.CharField()
    is_active = serializers.BooleanField()
    active = serializers.BooleanField(help_text="The same as is_active")
    status = serializers.ChoiceField(SubscriptionStatus.choices[:-1])
    status_reason = serializers.CharField(allow_null=True)
    events = serializers.ListField(child=serializers.CharField())
    match = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    headers = serializers.DictField(child=serializers.CharField(), help_text=f"Values are {MASK}")
    signature_version = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    max_retries = serializers.IntegerField(help_text="max_attempts - 1")
    timeout_s = serializers.IntegerField()
    concurrency = serializers.IntegerField()
    rate_per_s = serializers.IntegerField(allow_null=True, help_text="null: no limit")
    schema_version = serializers.CharField()
    secret_version = serializers.IntegerField()
    last_secret_rotation_at = serializers.DateTimeField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    disables_at = serializers.DateTimeField(
        allow_null=True, help_text="When it will be disabled if it goes on failing; null: never"
    )
    host_state = serializers.ChoiceField(["closed"])
    waiting = serializers.IntegerField()
    dead_letters = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CreatedResponse(SubscriptionResponse):
    secret = serializers.CharField(
        required=False, allow_null=True, help_text="Shown this once, if we made it"
    )


class RotationResponse(serializers.Serializer[Any]):
    webhook_id = serializers.CharField()
    key_id = serializers.CharField()
    kind = serializers.ChoiceField(KeyKind.choices)
    new_secret = serializers.CharField(allow_null=True, help_text="Shown this once, if we made it")
    public_key = serializers.CharField(allow_null=True)
    secret_version = serializers.IntegerField()
    grace_expires_at = serializers.DateTimeField(allow_null=True)
    message = serializers.CharField()


class DeliveryResponse(serializers.Serializer[Any]):
    """One message owed to one subscription."""

    id = serializers.CharField()
    webhook_id = serializers.CharField()
    message_id = serializers.CharField()
    event = serializers.CharField()
    kind = serializers.ChoiceField(DeliveryKind.choices)
    status = serializers.CharField(
        help_text="As state; in the bare array: success, pending, failed or cancelled"
    )
    state = serializers.ChoiceField(DeliveryStatus.choices)
    held_by = serializers.CharField(
        allow_null=True, help_text="Why it is not moving: receiver, paused or disabled"
    )
    attempt_count = serializers.IntegerField()
    run = serializers.IntegerField()
    response_status_code = serializers.IntegerField(allow_null=True)
    response_code = serializers.IntegerField(
        allow_null=True, help_text="The same as response_status_code"
    )
    last_outcome = serializers.ChoiceField(Outcome.choices, allow_null=True)
    error_message = serializers.CharField(allow_null=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    dead_lettered_at = serializers.DateTimeField(allow_null=True)
    signature_version = serializers.IntegerField()
    correlation_id = serializers.CharField()
    created_at = serializers.DateTimeField()


class AttemptResponse(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    run = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField()
    outcome = serializers.ChoiceField(Outcome.choices)
    status_code = serializers.IntegerField(allow_null=True)
    latency_ms = serializers.IntegerField(allow_null=True)
    remote_ip = serializers.CharField(allow_null=True)
    response = serializers.CharField(help_text="What the receiver said, redacted and cut")
    signature_version = serializers.IntegerField()


class DeliveryDetailResponse(DeliveryResponse):
    body = serializers.CharField(help_text="The exact text that is sent")
    attempts = AttemptResponse(many=True)


class EventTypeResponse(serializers.Serializer[Any]):
    """A type of message, with the JSON Schema of its data."""

    type = serializers.CharField()
    version = serializers.IntegerField()
    description = serializers.CharField()
    deprecated = serializers.BooleanField()
    sunset_on = serializers.DateField(allow_null=True)
    schema = serializers.DictField()
    example = serializers.JSONField(help_text="Or null")


def subscription_forms(rows: Sequence[Subscription]) -> list[dict[str, Any]]:
    """The wire forms of a whole page."""
    ids = [row.id for row in rows]
    backlogs, keys = queries.backlogs(ids), queries.newest_keys(ids)
    none, no_key = queries.Backlog(), queries.KeyFacts(0, None)
    return [
        _subscription_form(row, backlogs.get(row.id, none), keys.get(row.id, no_key))
        for row in rows
    ]


def subscription_form(row: Subscription) -> dict[str, Any]:
    """The wire form of one subscription."""
    return subscription_forms([row])[0]


def _subscription_form(
    row: Subscription, backlog: queries.Backlog, key: queries.KeyFacts
) -> dict[str, Any]:
    active = row.status == SubscriptionStatus.ACTIVE
    return {
        "id": row.wire_id,
        "name": row.name,
        "url": row.url,
        "is_active": active,
        "active": active,
        "status": row.status,
        "status_reason": row.status_reason or None,
        "events": row.patterns,
        "match": row.match,
        "headers": dict.fromkeys(queries.header_names(row), MASK),
        "signature_version": row.signature_version,
        "max_attempts": row.max_attempts,
        "max_retries": row.max_attempts - 1,
        "timeout_s": row.timeout_s,
        "concurrency": row.concurrency,
        "rate_per_s": None,
        "schema_version": SCHEMA_VERSION,
        "secret_version": key.number,
        "last_secret_rotation_at": key.rotated_at,
        "failing_since": row.failing_since,
        "disables_at": None,
        "host_state": "closed",
        "waiting": backlog.waiting,
        "dead_letters": backlog.dead_letters,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def rotation_form(
    row: Subscription, key: SigningKey, grace_expires_at: datetime | None
) -> dict[str, Any]:
    """The answer to a rotation; the secret itself is added by who shows it."""
    message = "Former secrets have ended; only the new one signs."
    if grace_expires_at is not None:
        message = f"Former secrets sign beside the new one until {wire.instant(grace_expires_at)}."
    return {
        "webhook_id": row.wire_id,
        "key_id": key.wire_id,
        "kind": key.kind,
        "new_secret": None,
        "public_key": None,
        "secret_version": key.number,
        "grace_expires_at": grace_expires_at,
        "message": message,
    }


def delivery_forms(rows: Sequence[Delivery]) -> list[dict[str, Any]]:
    """The wire forms of a whole page."""
    at = timezone.now()
    return [delivery_form(row, at) for row in rows]


def coarse_delivery_forms(rows: Sequence[Delivery]) -> list[dict[str, Any]]:
    """The forms in a bare array: four words of status for existing clients."""
    forms = delivery_forms(rows)
    return [form | {"status": COARSE_STATUS.get(form["state"], form["state"])} for form in forms]


def delivery_form(row: Delivery, at: datetime) -> dict[str, Any]:
    """The wire form of one delivery, as it stands at this instant."""
    subscription, message = row.subscription, row.message
    hold = subscription.hold_until
    return {
        "id": row.wire_id,
        "webhook_id": subscription.wire_id,
        "message_id": message.wire_id,
        "event": message.type,
        "kind": row.kind,
        "status": row.status,
        "state": row.status,
        "held_by": held_by(
            row.status, subscription.status, throttled=hold is not None and hold > at
        ),
        "attempt_count": row.attempt_count,
        "run": row.run,
        "response_status_code": row.last_status_code,
        "response_code": row.last_status_code,
        "last_outcome": row.last_outcome or None,
        "error_message": row.last_error or None,
        "next_attempt_at": row.next_attempt_at,
        "delivered_at": row.delivered_at,
        "dead_lettered_at": row.dead_lettered_at,
        "signature_version": subscription.signature_version,
        "correlation_id": message.correlation_id,
        "created_at": row.created_at,
    }


def delivery_detail_form(row: Delivery) -> dict[str, Any]:
    """The wire form of one delivery with the text that is sent and every attempt to send it."""
    message = row.message
    body = envelope(
        row.subscription.signature_version, message.type, message.occurred_at, message.data
    )
    return delivery_form(row, timezone.now()) | {
        "body": body.decode(),
        "attempts": [attempt_form(each) for each in row.attempts.order_by("number")],
    }


def attempt_form(row: Attempt) -> dict[str, Any]:
    """The wire form of one attempt."""
    return {
        "number": row.number,
        "run": row.run,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "outcome": row.outcome,
        "status_code": row.status_code,
        "latency_ms": row.latency_ms,
        "remote_ip": row.remote_ip,
        "response": row.response,
        "signature_version": row.signature_version,
    }
