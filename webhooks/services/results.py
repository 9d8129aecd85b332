"""What came of each claim. A result counts only while its claim is still the row's."""

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from core.actors import system
from core.ids import encode
from webhooks.choices import DeliveryKind, DisabledReason, Outcome, SubscriptionStatus
from webhooks.models import Attempt, Delivery, Subscription
from webhooks.policy.attempts import JITTER, Answer, Verdict, verdict
from webhooks.policy.envelope import Parcel
from webhooks.services import settling
from webhooks.services.subscriptions import disable_subscription

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """What came of one claimed delivery."""

    parcel: Parcel
    started_at: datetime
    finished_at: datetime
    answer: Answer


def record_attempts(results: Sequence[Result], *, worker: str) -> int:
    """Keep what came back; returns how many results counted.

    A result whose claim has passed to somebody else is dropped. 410 disables the subscription.
    """
    by_id = {result.parcel.delivery_id: result for result in results}
    with transaction.atomic():
        # First the lanes, then their deliveries, as every verb here does.
        lanes = _lock_moved_lanes(results)
        rows = (
            Delivery.objects.select_for_update(of=("self",))
            .select_related("subscription")
            .filter(pk__in=list(by_id))
            .order_by("id")
        )
        held = [row for row in rows if row.claim_token == by_id[row.id].parcel.claim_token]
        verdicts = {
            row.id: verdict(by_id[row.id].answer, by_id[row.id].finished_at) for row in held
        }
        Attempt.objects.bulk_create(
            [_attempt(row, by_id[row.id], verdicts[row.id], worker) for row in held]
        )
        for row in held:
            _finish(row, by_id[row.id], verdicts[row.id])
        settling.save(held)
        _note_in_lanes(held, by_id, verdicts, lanes)
    if len(held) < len(results):
        log.warning("webhook_stale_results", extra={"count": len(results) - len(held)})
    for row in held:
        _log_attempt(row, by_id[row.id])
    return len(held)


def _lock_moved_lanes(results: Sequence[Result]) -> dict[UUID, Subscription]:
    """Lock the subscriptions whose running state these results change, in key order."""
    owners = {result.parcel.subscription_id for result in results}
    unhappy = {
        result.parcel.subscription_id
        for result in results
        if not verdict(result.answer, result.finished_at).delivered
    }
    moved = Q(pk__in=unhappy) | Q(pk__in=owners, failing_since__isnull=False)
    rows = Subscription.objects.filter(moved).order_by("id").select_for_update(no_key=True)
    return {row.id: row for row in rows}


def _attempt(row: Delivery, result: Result, found: Verdict, worker: str) -> Attempt:
    return Attempt(
        delivery=row,
        number=row.attempt_count,
        run=row.run,
        started_at=result.started_at,
        finished_at=result.finished_at,
        outcome=found.outcome,
        status_code=result.answer.status,
        latency_ms=result.answer.latency_ms,
        remote_ip=result.answer.remote_ip,
        response=result.answer.response,
        signature_version=result.parcel.signature_version,
        worker=worker,
    )


def _finish(row: Delivery, result: Result, found: Verdict) -> None:
    row.last_outcome, row.last_status_code = found.outcome, result.answer.status
    row.last_error = "" if found.delivered else result.answer.error[:500]
    jitter = random.uniform(-JITTER, JITTER)  # noqa: S311 - spreads load, hides nothing
    settling.apply(row, found, result.finished_at, jitter)


def _note_in_lanes(
    held: Sequence[Delivery],
    results: Mapping[UUID, Result],
    verdicts: Mapping[UUID, Verdict],
    lanes: Mapping[UUID, Subscription],
) -> None:
    """Let each lane know how its receiver does. Test deliveries count for nothing."""
    gone: dict[UUID, datetime] = {}
    for row in held:
        lane = lanes.get(row.subscription_id)
        if lane is None or row.kind == DeliveryKind.TEST:
            continue
        found, at = verdicts[row.id], results[row.id].finished_at
        if found.delivered:
            lane.failing_since = None
        elif lane.failing_since is None:
            lane.failing_since = at
        if found.hold_s is not None:
            until = at + timedelta(seconds=found.hold_s)
            lane.hold_until = max(lane.hold_until or until, until)
        if found.gone:
            gone[lane.id] = at
    Subscription.objects.bulk_update(lanes.values(), ["failing_since", "hold_until"])
    for subscription_id, at in sorted(gone.items()):
        if lanes[subscription_id].status == SubscriptionStatus.ACTIVE:
            disable_subscription(
                subscription_id, reason=DisabledReason.GONE, actor=system("webhooks"), at=at
            )


def _log_attempt(row: Delivery, result: Result) -> None:
    """Failures are news; successes stand in the delivery log, and would drown them."""
    delivered = row.last_outcome == Outcome.DELIVERED
    log.log(
        logging.DEBUG if delivered else logging.INFO,
        "webhook_attempt",
        extra={
            "delivery": row.wire_id,
            "webhook": encode("whk", row.subscription_id),
            "event_type": result.parcel.event_type,
            "outcome": row.last_outcome,
            "status": row.last_status_code,
            "latency_ms": result.answer.latency_ms,
            "attempt": row.attempt_count,
        },
    )
