"""What the SLA announces: a first figure, and every later one."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from core.events import Event


@dataclass(frozen=True, kw_only=True)
class SLAResult:
    """A result as the wire spells it. ``amount`` is signed whole USDC; ``id`` null: not stored."""

    id: str | None
    outage_id: str
    version: int | None
    state: str | None
    severity: str
    status: str
    mttr_minutes: int
    mttr_source: str
    derived_mttr_minutes: int | None
    mttr_conflict_minutes: int
    counted_seconds: int
    excluded_seconds: int
    threshold_minutes: int
    amount: int
    payment_type: str
    rating: str
    policy_version: str
    policy_id: str
    threshold_source: str
    config_version_hash: str
    reason_code: str
    decision_trace: str
    compute_hash: str | None
    cause: str | None
    assessed_at: datetime
    superseded_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class SlaEvent(Event):
    """What every figure of an outage carries."""

    subject: ClassVar[str] = "outage_id"

    outage_id: str
    outage_uuid: str
    sla_result_id: str
    site_id: str | None
    region_id: str | None
    operator_id: str | None
    sla: SLAResult


@dataclass(frozen=True, kw_only=True)
class SlaViolation(SlaEvent):
    """The first figure of an outage, and it was restored too late."""

    type: ClassVar[str] = "sla.violation"


@dataclass(frozen=True, kw_only=True)
class SlaResolved(SlaEvent):
    """The first figure of an outage, and it was restored in time."""

    type: ClassVar[str] = "sla.resolved"


@dataclass(frozen=True, kw_only=True)
class SlaRecomputed(SlaEvent):
    """Any later figure. ``changed`` names the members of ``sla`` that differ from ``previous``."""

    type: ClassVar[str] = "sla.recomputed"

    previous: SLAResult
    changed: list[str]
    cause: str
