"""Who may send which row now. A claim commits before a byte is sent, and is a lease."""

import logging
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q

from core import signing, vault
from webhooks import queries
from webhooks.choices import Outcome, SubscriptionStatus
from webhooks.models import Attempt, Delivery, SigningKey, Subscription
from webhooks.policy.attempts import LEASE, Verdict
from webhooks.policy.envelope import STANDARD, Parcel, envelope
from webhooks.services import settling

log = logging.getLogger(__name__)

MOST_LANES = 200
MOST_REAPED = 200

# Under the lanes' row locks, so that concurrency is exact over any number of processes.
_CLAIM = """
    WITH lane AS (
        SELECT * FROM unnest(%(lanes)s::uuid[], %(rooms)s::int[], %(tests)s::bool[])
            AS lane(id, room, only_tests)
    ), due AS (
        SELECT picked.id FROM lane CROSS JOIN LATERAL (
            SELECT d.id FROM webhooks_delivery AS d
            WHERE d.subscription_id = lane.id AND d.status IN ('pending', 'retrying')
              AND d.next_attempt_at <= %(due)s AND (d.kind = 'test' OR NOT lane.only_tests)
            ORDER BY d.next_attempt_at, d.id
            LIMIT greatest(0, least(%(share)s, lane.room - (
                SELECT count(*) FROM webhooks_delivery AS s
                WHERE s.subscription_id = lane.id AND s.status = 'sending'
            )))
            FOR UPDATE SKIP LOCKED
        ) AS picked LIMIT %(free)s
    )
    UPDATE webhooks_delivery AS d
    SET status = 'sending', claim_token = gen_random_uuid(), lease_expires_at = %(lease)s,
        next_attempt_at = NULL, tries = d.tries + 1, attempt_count = d.attempt_count + 1
    FROM due WHERE d.id = due.id
    RETURNING d.id
"""


def claim_deliveries(
    limit: int,
    *,
    at: datetime,
    min_age_s: float = 0,
    lease: timedelta = LEASE,
) -> list[Parcel]:
    """Take up to ``limit`` due deliveries for sending, none of which another process has.

    Fair between subscriptions, each within its concurrency. Whoever does not record a result
    within ``lease`` has lost the row: it is noted as interrupted and is due again.
    """
    _reap(at, lease)
    with transaction.atomic():
        due = at - timedelta(seconds=min_age_s)
        lanes = _lock_lanes(at, due)
        if not lanes:
            return []
        parameters: dict[str, Any] = {
            "lanes": [lane.id for lane in lanes],
            "rooms": [1 if lane.failing_since else lane.concurrency for lane in lanes],
            "tests": [_only_tests(lane, at) for lane in lanes],
            "share": max(1, limit // len(lanes)),
            "free": limit,
            "due": due,
            "lease": at + lease,
        }
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, parameters)
            ids = [row[0] for row in cursor.fetchall()]
        rows = list(
            Delivery.objects.filter(pk__in=ids)
            .select_related("message", "subscription")
            .order_by("id")
        )
        served = {row.subscription_id for row in rows}
        Subscription.objects.filter(pk__in=served).update(served_at=at)
    return _parcels(rows, at)


def _lock_lanes(at: datetime, due: datetime) -> list[Subscription]:
    """The subscriptions that have something due, longest unserved first, that nobody claims from.

    The lock lets new deliveries be made meanwhile.
    """
    return list(
        queries.due_lanes(at, due)
        .order_by(F("served_at").asc(nulls_first=True), "id")
        .select_for_update(skip_locked=True, no_key=True)[:MOST_LANES]
    )


def _only_tests(lane: Subscription, at: datetime) -> bool:
    held = lane.hold_until is not None and lane.hold_until > at
    return held or lane.status != SubscriptionStatus.ACTIVE


def _reap(at: datetime, lease: timedelta) -> None:
    """Take back rows whose sender is gone: the attempt is noted, its outcome unknown."""
    expired = queries.expired_leases(at)
    if not expired.exists():
        return
    with transaction.atomic():
        rows = list(
            expired.select_for_update(skip_locked=True, no_key=True, of=("self", "subscription"))
            .select_related("subscription")
            .order_by("lease_expires_at", "id")[:MOST_REAPED]
        )
        found = Verdict(Outcome.INTERRUPTED)
        attempts = []
        for row in rows:
            attempts.append(
                Attempt(
                    delivery=row,
                    number=row.attempt_count,
                    run=row.run,
                    started_at=cast(datetime, row.lease_expires_at) - lease,
                    finished_at=at,
                    outcome=Outcome.INTERRUPTED,
                    signature_version=row.subscription.signature_version,
                    worker="",
                )
            )
            settling.apply(row, found, at, random.random())  # noqa: S311 - spreads load, hides nothing
            row.last_outcome, row.last_status_code = Outcome.INTERRUPTED, None
            row.last_error = "The sender ended before it noted an answer."
        Attempt.objects.bulk_create(attempts)
        settling.save(rows)
    log.warning("webhook_deliveries_interrupted", extra={"count": len(rows)})


def _parcels(rows: Sequence[Delivery], at: datetime) -> list[Parcel]:
    keys = _live_keys({row.subscription_id for row in rows}, at)
    return [_parcel(row, keys.get(row.subscription_id, [])) for row in rows]


def _live_keys(ids: set[UUID], at: datetime) -> Mapping[UUID, list[SigningKey]]:
    live = SigningKey.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=at), subscription_id__in=ids
    ).order_by("-number")
    found: dict[UUID, list[SigningKey]] = {}
    for key in live:
        found.setdefault(key.subscription_id, []).append(key)
    return found


def _parcel(row: Delivery, sealed: Sequence[SigningKey]) -> Parcel:
    subscription, message = row.subscription, row.message
    version = subscription.signature_version
    keys: tuple[bytes, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    try:
        keys = tuple(_key_bytes(key, version) for key in sealed)
        headers = tuple(queries.headers_of(subscription).items())
    except (vault.CannotOpen, signing.SecretMalformed):
        log.error("webhook_unsendable", extra={"webhook": subscription.wire_id})
        keys = ()
    return Parcel(
        delivery_id=row.id,
        subscription_id=row.subscription_id,
        claim_token=cast(UUID, row.claim_token),
        number=row.attempt_count,
        message_id=message.wire_id,
        event_type=message.type,
        url=subscription.url,
        body=envelope(version, message.type, message.occurred_at, message.data),
        timeout_s=subscription.timeout_s,
        signature_version=version,
        keys=keys,
        headers=headers,
        lease_expires_at=cast(datetime, row.lease_expires_at),
    )


def _key_bytes(key: SigningKey, version: int) -> bytes:
    secret = vault.open(key.sealed, context=queries.key_context(key.id))
    return signing.standard_key(secret.decode()) if version == STANDARD else secret
