"""What a verdict makes of a delivery's row."""

from collections.abc import Sequence
from datetime import datetime

from webhooks.choices import DeliveryStatus, SubscriptionStatus
from webhooks.models import Delivery
from webhooks.policy.attempts import Settled, Verdict, settle


def apply(row: Delivery, found: Verdict, at: datetime, jitter: float) -> None:
    """Bring a row that was being sent into the state that follows; ``save`` writes it."""
    settled: Settled = settle(
        found,
        kind=row.kind,
        wanted=row.subscription.status != SubscriptionStatus.DELETED,
        tries=row.tries,
        max_attempts=row.subscription.max_attempts,
        at=at,
        jitter=jitter,
    )
    row.status, row.next_attempt_at = settled.status, settled.next_attempt_at
    row.claim_token = row.lease_expires_at = None
    if settled.status == DeliveryStatus.SUCCESS:
        row.delivered_at = at
    elif settled.status == DeliveryStatus.DEAD_LETTER:
        row.dead_lettered_at = at


def save(rows: Sequence[Delivery]) -> None:
    """Write what ``apply`` changed, in one statement."""
    Delivery.objects.bulk_update(
        rows,
        [
            "status",
            "next_attempt_at",
            "claim_token",
            "lease_expires_at",
            "last_outcome",
            "last_status_code",
            "last_error",
            "delivered_at",
            "dead_lettered_at",
        ],
    )
