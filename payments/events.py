"""What payments announce. Every event tells the whole position of its payment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from core.events import Event


@dataclass(frozen=True, kw_only=True)
class PaymentEvent(Event):
    """A payment as it stood at ``at``. ``amount_exact`` has seven places; unsigned."""

    # In the payload ``wire_type`` is called ``type``: on the class that name is the event's own.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(serialize_by_alias=True)

    subject: ClassVar[str] = "payment_id"

    payment_id: str
    outage_id: str
    sla_result_id: str
    site_id: str | None
    region_id: str | None
    operator_id: str | None
    direction: str
    wire_type: Annotated[str, Field(alias="type")]
    status: str
    state: str
    reason: str | None
    amount_exact: str
    asset_code: str
    transaction_hash: str | None
    ledger: int | None
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PaymentRequested(PaymentEvent):
    """Money is owed: a payment exists."""

    type: ClassVar[str] = "payment.requested"


@dataclass(frozen=True, kw_only=True)
class PaymentBlocked(PaymentEvent):
    """It waits for a fact or a person, or now for another one."""

    type: ClassVar[str] = "payment.blocked"


@dataclass(frozen=True, kw_only=True)
class PaymentCancelled(PaymentEvent):
    """It will not be paid; what was received before stays."""

    type: ClassVar[str] = "payment.cancelled"
