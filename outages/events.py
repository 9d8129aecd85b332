"""What outages announce. ``outage_id`` is the reference; other ids are prefixed wire ids."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from core.events import Event


@dataclass(frozen=True, kw_only=True)
class OutageEvent(Event):
    """What every event of an outage tells."""

    subject: ClassVar[str] = "outage_uuid"

    outage_id: str
    outage_uuid: str
    site_id: str | None
    region_id: str | None
    operator_id: str | None
    severity: str
    status: str
    version: int
    bulk: bool = False


@dataclass(frozen=True, kw_only=True)
class OutageCreated(OutageEvent):
    """A loss of service was recorded."""

    type: ClassVar[str] = "outage.created"


@dataclass(frozen=True, kw_only=True)
class OutageUpdated(OutageEvent):
    """Facts of an outage were corrected; ``changes`` maps each field to before and after."""

    type: ClassVar[str] = "outage.updated"

    changes: dict[str, list[Any]]


@dataclass(frozen=True, kw_only=True)
class OutageResolved(OutageEvent):
    """Service is back."""

    type: ClassVar[str] = "outage.resolved"

    resolved_at: datetime
    declared_mttr_minutes: int | None
    duration_minutes: int


@dataclass(frozen=True, kw_only=True)
class OutageReopened(OutageEvent):
    """The restoration did not hold."""

    type: ClassVar[str] = "outage.reopened"

    reason: str
    restored_between: bool


@dataclass(frozen=True, kw_only=True)
class OutageDeleted(OutageEvent):
    """The outage was struck from the record; its row, results and payments stay."""

    type: ClassVar[str] = "outage.deleted"

    reason: str
