"""What is said, and to whom it is owed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from pydantic import TypeAdapter

from audit import services as audit
from core import canonical, correlation, statements
from core.actors import Actor
from core.ids import decode, uuid7
from webhooks import queries
from webhooks.choices import DeliveryKind, DeliveryStatus
from webhooks.events import WebhookDisabled, WebhookTest
from webhooks.models import Delivery, Message
from webhooks.policy import access
from webhooks.policy.envelope import LARGEST_DATA_BYTES
from webhooks.policy.patterns import patterns_of

# Who hears a message: a pattern of theirs names it, and for every key of their match the
# message's context holds one of the values.
_HEARS = """
    s.patterns && said.patterns AND s.id <> said.about AND NOT EXISTS (
        SELECT 1 FROM jsonb_each(s.match) AS wanted
        WHERE NOT coalesce(wanted.value @> (said.context -> wanted.key), false)
    )
"""
# A version 7 id, made where the rows are: the milliseconds, then the random bits of version 4.
# Source: RFC 9562, section 5.7.
_UUID7 = """
    encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
"""
# The row locks let a deletion go first: then the row is looked at again, and left out.
_QUEUE = f"""
    WITH said AS (
        SELECT * FROM json_to_recordset(%(said)s) AS each (id uuid, type varchar,
            occurred_at timestamptz, context jsonb, data text, patterns varchar[], about uuid)
    ),
    message AS (
        INSERT INTO webhooks_message
            (id, type, occurred_at, context, data, correlation_id, created_at)
        SELECT id, type, occurred_at, context, data, %(correlation)s, %(at)s
        FROM said WHERE EXISTS (
            SELECT 1 FROM webhooks_subscription AS s WHERE s.status <> 'deleted' AND {_HEARS}
        )
        ON CONFLICT (id) DO NOTHING
        RETURNING id
    )
    INSERT INTO webhooks_delivery (id, message_id, subscription_id, status, kind, run, tries,
        attempt_count, next_attempt_at, last_outcome, last_error, created_at)
    SELECT {_UUID7}, said.id, s.id, 'pending', 'event', 1, 0, 0, %(at)s, '', '', %(at)s
    FROM message JOIN said USING (id), webhooks_subscription AS s
    WHERE s.status = 'active' AND {_HEARS}
    FOR KEY SHARE OF s
    ON CONFLICT (message_id, subscription_id) DO NOTHING
    RETURNING id
"""  # noqa: S608 - constants of this module
_NOBODY = UUID(int=0)
_test = TypeAdapter(WebhookTest)


@dataclass(frozen=True)
class Saying:
    """What happened; ``context`` are the ids by which subscribers narrow what they hear."""

    message_id: UUID
    event_type: str
    occurred_at: datetime
    data: Mapping[str, Any]
    context: Mapping[str, str]


def queue_messages(sayings: Iterable[Saying], *, at: datetime) -> int:
    """Store each message once and owe it to every active subscription that asked for it.

    Returns how many deliveries were made; without a single listener nothing is stored.
    """
    said = [
        {
            "id": str(each.message_id),
            "type": each.event_type,
            "occurred_at": each.occurred_at.isoformat(),
            "context": each.context,
            "data": _document(each.data, each.context),
            "patterns": patterns_of(each.event_type),
            "about": str(_spoken_of(each.event_type, each.context)),
        }
        for each in sayings
    ]
    parameters = {"said": json.dumps(said), "correlation": correlation.current(), "at": at}
    return len(statements.fetch(_QUEUE, parameters))


def send_test_event(subscription_id: UUID, *, actor: Actor, at: datetime) -> Delivery:
    """Owe one ``webhook.test`` message to this subscription alone, paused and disabled included.

    One try; it counts for nothing. Audits webhooks.send_test_event.
    Raises: NotPermitted, WebhookNotFound.
    """
    access.require_may_send(actor)
    with transaction.atomic():
        subscription = queries.get_subscription(subscription_id)
        said = WebhookTest(
            subscription_id=subscription.wire_id,
            message="This is a test. Nothing happened.",
            requested_at=at,
        )
        message = Message.objects.create(
            id=uuid7(),
            type=WebhookTest.type,
            occurred_at=at,
            context={"subscription_id": subscription.wire_id},
            data=canonical.dumps(_test.dump_python(said, mode="json")),
            correlation_id=correlation.current(),
            created_at=at,
        )
        delivery = Delivery.objects.create(
            message=message,
            subscription=subscription,
            status=DeliveryStatus.PENDING,
            kind=DeliveryKind.TEST,
            next_attempt_at=at,
            created_at=at,
        )
        audit.record(
            action="webhooks.send_test_event",
            subject=("webhook", subscription.wire_id),
            actor=actor,
            at=at,
            after={"delivery_id": delivery.wire_id},
            links=[delivery.wire_id],
        )
    return delivery


def _document(data: Mapping[str, Any], context: Mapping[str, str]) -> str:
    text = canonical.dumps(data)
    size = len(text.encode())
    if size <= LARGEST_DATA_BYTES:
        return text
    return canonical.dumps({**context, "truncated": True, "bytes": size})


def _spoken_of(event_type: str, context: Mapping[str, str]) -> UUID:
    """The subscription that a message is about: it is never told of its own end."""
    if event_type == WebhookDisabled.type:
        return decode("whk", context["subscription_id"])
    return _NOBODY
