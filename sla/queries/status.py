"""How a page of outages stands under its SLA: the figure of the resolved, the clock of the open."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.utils import timezone

from core import ids, statements
from core.wire import instant
from network import queries as network
from sla.models import Result
from sla.policy import clocks
from sla.policy.terms import in_force
from sla.queries import terms


@dataclass(frozen=True, kw_only=True, slots=True)
class SlaState:
    """The members ``sla_status`` and ``sla_clock`` of an outage's wire form."""

    result_id: UUID | None = None
    sla_status: dict[str, Any] | None = None
    sla_clock: dict[str, Any] | None = None


class Outage(Protocol):
    """What is read of an outage; its facts have it, and so has its row."""

    id: UUID
    severity: str
    site_id: UUID | None
    detected_at: datetime
    resolved_at: datetime | None

    @property
    def deleted(self) -> bool: ...


def status_for(outages: Collection[Outage], at: datetime | None = None) -> dict[UUID, SlaState]:
    """Answer how each of these outages stands now or at ``at``, in three queries at most."""
    found = {outage.id: SlaState() for outage in outages}
    running = [outage for outage in outages if outage.resolved_at is None and not outage.deleted]
    found |= _clocks(running, at or timezone.now())
    ended = [outage.id for outage in outages if outage.resolved_at is not None]
    return found | _figures(ended)


# Of a result and its policy, in the order of the wire.
_FIGURES = """
SELECT r.outage_id, r.id, r.status, r.rating, r.amount, r.payment_type, r.mttr_minutes,
       r.threshold_minutes, p.version, r.assessed_at
  FROM sla_result AS r
  JOIN sla_policy AS p ON p.id = r.policy_id
 WHERE r.state = 'current' AND r.outage_id = ANY(%s)
"""


def _figures(outage_ids: list[UUID]) -> dict[UUID, SlaState]:
    if not outage_ids:
        return {}
    rows = statements.fetch(_FIGURES, [statements.array(outage_ids)])
    return {outage_id: _figure(*row) for outage_id, *row in rows}


def state_of(result: Result) -> SlaState:
    """Answer how the outage of a current result stands, which was read with its policy."""
    return _figure(
        result.id,
        result.status,
        result.rating,
        result.amount,
        result.payment_type,
        result.mttr_minutes,
        result.threshold_minutes,
        result.policy.version,
        result.assessed_at,
    )


def _figure(
    result_id: UUID,
    status: str,
    rating: str,
    amount: int,
    payment_type: str,
    mttr_minutes: int,
    threshold_minutes: int,
    policy_version: int,
    assessed_at: datetime,
) -> SlaState:
    status_form = {
        "result_id": ids.encode("slr", result_id),
        "status": status,
        "rating": rating,
        "amount": amount,
        "payment_type": payment_type,
        "mttr_minutes": mttr_minutes,
        "threshold_minutes": threshold_minutes,
        "policy_version": f"{policy_version}.0",
        "time_remaining_minutes": 0,
        "assessed_at": instant(assessed_at),
    }
    return SlaState(result_id=result_id, sla_status=status_form)


def _clocks(outages: Collection[Outage], at: datetime) -> dict[UUID, SlaState]:
    """The clocks of those that are open, under the terms in force when they were detected."""
    if not outages:
        return {}
    operator_of = network.operators_of({each.site_id for each in outages if each.site_id})
    policies = terms.published(
        list(operator_of), [operator_id for operator_id in operator_of.values() if operator_id]
    )
    clocked = {}
    for outage in outages:
        policy = in_force(
            policies,
            severity=outage.severity,
            site_id=outage.site_id,
            operator_id=operator_of.get(outage.site_id) if outage.site_id else None,
            at=outage.detected_at,
        )
        if policy is not None:
            reading = clocks.read(policy.terms.threshold_minutes, outage.detected_at, at)
            clocked[outage.id] = SlaState(sla_clock=_clock(reading))
    return clocked


def _clock(reading: clocks.Reading) -> dict[str, Any]:
    return {
        "state": reading.state.value,
        "threshold_minutes": reading.threshold_minutes,
        "counted_seconds": reading.counted_seconds,
        "time_remaining_minutes": reading.time_remaining_minutes,
        "breaches_at": instant(reading.breaches_at),
    }
