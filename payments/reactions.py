"""What payments hear: every figure of an outage, and that an outage is open or gone."""

from uuid import UUID

from core.actors import system
from core.events import reacts_to
from outages.events import OutageDeleted, OutageReopened
from payments.choices import Reason
from payments.services import owed
from sla.events import SlaRecomputed, SlaResolved, SlaViolation

PAYMENTS = system("payments")


@reacts_to(SlaViolation, SlaResolved, SlaRecomputed)
def request_owed_payment(
    event: SlaViolation | SlaResolved | SlaRecomputed, _event_id: UUID
) -> None:
    owed.request_payment(UUID(event.outage_uuid), actor=PAYMENTS, at=event.occurred_at)


@reacts_to(OutageReopened)
def withdraw_payments_of_reopened(event: OutageReopened, _event_id: UUID) -> None:
    owed.withdraw_payments(
        UUID(event.outage_uuid), Reason.OUTAGE_REOPENED, actor=PAYMENTS, at=event.occurred_at
    )


@reacts_to(OutageDeleted)
def withdraw_payments_of_deleted(event: OutageDeleted, _event_id: UUID) -> None:
    owed.withdraw_payments(
        UUID(event.outage_uuid), Reason.OUTAGE_DELETED, actor=PAYMENTS, at=event.occurred_at
    )
