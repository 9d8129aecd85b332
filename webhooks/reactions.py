"""What webhooks hear: everything that may leave the house."""

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from core.events import Event, reacts_to_public
from webhooks import queries, services, tasks


@reacts_to_public(queries.somebody_listens)
def queue_for_subscribers(heard: Sequence[tuple[Event, UUID]]) -> None:
    made = services.queue_messages(
        [
            services.Saying(
                event_id, event.type, event.occurred_at, data=event.data(), context=event.context()
            )
            for event, event_id in heard
        ],
        at=timezone.now(),
    )
    if made:
        tasks.send_soon()
