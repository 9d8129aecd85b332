"""What the SLA hears of outages. The instant of the news is the instant of the judgement."""

from uuid import UUID

from core.actors import system
from core.events import reacts_to
from outages.events import OutageDeleted, OutageReopened, OutageResolved, OutageUpdated
from sla.choices import Cause
from sla.services import assessments

SLA = system("sla")


@reacts_to(OutageResolved)
def assess_resolved_outage(event: OutageResolved, _event_id: UUID) -> None:
    assessments.follow_outage(
        UUID(event.outage_uuid), cause=Cause.RESOLVED, actor=SLA, at=event.occurred_at
    )


@reacts_to(OutageUpdated)
def reassess_edited_outage(event: OutageUpdated, _event_id: UUID) -> None:
    assessments.follow_edit(UUID(event.outage_uuid), event.changes, actor=SLA, at=event.occurred_at)


@reacts_to(OutageReopened, OutageDeleted)
def withdraw_result(event: OutageReopened | OutageDeleted, _event_id: UUID) -> None:
    assessments.withdraw_result(UUID(event.outage_uuid), actor=SLA, at=event.occurred_at)
