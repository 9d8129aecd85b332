"""The outbox of ``core.events`` as operators and the rest of the house see it."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from core.ids import earliest_at
from core.models import EventRow, ReactionRow

KEPT_FOR = timedelta(days=90)  # as long as a subscriber may ask for what it missed


def retry_parked(reaction_id: UUID) -> bool:
    """Give a parked reaction twelve new attempts."""
    return bool(
        ReactionRow.objects.filter(id=reaction_id, status=ReactionRow.Status.PARKED).update(
            status=ReactionRow.Status.DUE, attempts=0, next_attempt_at=timezone.now()
        )
    )


def states_of(subject: str, event_type: str) -> dict[str, str]:
    """How far the reactions to the newest such event are: name to ``done pending parked``."""
    newest = EventRow.objects.filter(subject=subject, type=event_type).order_by("-id").first()
    if newest is None:
        return {}
    states = {ReactionRow.Status.DUE.value: "pending"}
    rows = newest.reactions.order_by("id").values_list("reaction", "status")
    return {reaction: states.get(status, status) for reaction, status in rows}


def count_due(at: datetime) -> int:
    """How many reactions are due at ``at``."""
    return ReactionRow.objects.filter(
        status=ReactionRow.Status.DUE, next_attempt_at__lte=at
    ).count()


def oldest_due_seconds() -> float:
    """Age of the oldest reaction past its time, in seconds; 0 when none is."""
    now = timezone.now()
    oldest = ReactionRow.objects.filter(
        status=ReactionRow.Status.DUE, next_attempt_at__lte=now
    ).aggregate(oldest=Min("next_attempt_at"))["oldest"]
    return (now - oldest).total_seconds() if oldest else 0.0


def purge(at: datetime) -> int:
    """Forget events older than 90 days whose reactions are all done; returns how many."""
    old = EventRow.objects.filter(id__lt=earliest_at(at - KEPT_FOR)).exclude(
        reactions__status__in=[ReactionRow.Status.DUE, ReactionRow.Status.PARKED]
    )
    forgotten = 0
    while ids := list(old.order_by("id").values_list("id", flat=True)[:5000]):
        with transaction.atomic():
            ReactionRow.objects.filter(event_id__in=ids).delete()
            forgotten += EventRow.objects.filter(id__in=ids).delete()[0]
    return forgotten
