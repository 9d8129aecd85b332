"""The clock of an open outage: how far it ran, and when it breaks."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sla.choices import ClockState
from sla.policy.assess import minutes_started, seconds_between


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What the clock says at one instant."""

    state: ClockState
    threshold_minutes: int
    counted_seconds: int
    time_remaining_minutes: int
    breaches_at: datetime


def read(threshold_minutes: int, detected_at: datetime, at: datetime) -> Reading:
    """Read a clock that runs day and night. Violated iff resolving at ``at`` would be."""
    counted = max(0, seconds_between(detected_at, at))
    violated = minutes_started(counted) > threshold_minutes
    return Reading(
        state=ClockState.VIOLATED if violated else ClockState.IN_PROGRESS,
        threshold_minutes=threshold_minutes,
        counted_seconds=counted,
        time_remaining_minutes=max(0, threshold_minutes * 60 - counted) // 60,
        breaches_at=deadline(threshold_minutes, detected_at),
    )


def deadline(threshold_minutes: int, detected_at: datetime) -> datetime:
    """Answer the first instant at which the whole threshold is used up."""
    return detected_at.replace(microsecond=0) + timedelta(minutes=threshold_minutes)
