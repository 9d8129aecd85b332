"""What the kernel does by the clock."""

import time

from celery import shared_task
from django.utils import timezone

from core import events, idempotency, outbox

SWEEP_SECONDS = 9.0


@shared_task(name="core.deliver_events", acks_late=True)
def deliver_events() -> int:
    """Run the reactions that are due, for at most nine seconds."""
    ends, done = time.monotonic() + SWEEP_SECONDS, 0
    while time.monotonic() < ends:
        taken = events.sweep(limit=200)
        done += taken
        if not taken:
            break
    return done


@shared_task(name="core.purge", acks_late=True)
def purge() -> None:
    """Forget idempotency keys past their time, and what was delivered long ago."""
    now = timezone.now()
    idempotency.purge(now)
    outbox.purge(now)
