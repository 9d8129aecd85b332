"""What webhooks hear: everything that may leave the house."""

from uuid import UUID

from django.utils import timezone

from core.events import Event, reacts_to_public
from webhooks import services, tasks


@reacts_to_public
def queue_for_subscribers(event: Event, event_id: UUID) -> None:
    made = services.queue_message(
        event_id,
        event_type=event.type,
        occurred_at=event.occurred_at,
        data=event.data(),
        context=event.context(),
        at=timezone.now(),
    )
    if made:
        tasks.send_soon()
