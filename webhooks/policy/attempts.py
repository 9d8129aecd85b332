"""What an answer means, and when the next attempt is due. Source: webhooks.md, section 6."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from webhooks.choices import DeliveryKind, DeliveryStatus, Outcome

# Gaps before attempts 1 to 10, in seconds; further attempts rest as long as the last.
# Source: Standard Webhooks 1.0, "Deliverability and reliability".
GAPS_S = (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
JITTER = 0.2
LONGEST_RETRY_AFTER_S = 86400
HOLD_S, LONGEST_HOLD_S = 60, 3600
INTERRUPTED_WITHIN_S = 5
LEASE = timedelta(
    seconds=60
)  # longer than the longest timeout, so that only a dead sender loses it


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back from one attempt: a status, or the name of why none did."""

    failure: Outcome | None = None
    status: int | None = None
    retry_after: str | None = None
    response: str = ""
    remote_ip: str | None = None
    latency_ms: int | None = None
    error: str = ""


@dataclass(frozen=True)
class Verdict:
    """What an answer means for its delivery and its lane."""

    outcome: Outcome
    hold_s: float | None = None  # how long the subscription rests
    retry_after_s: float | None = None

    @property
    def delivered(self) -> bool:
        return self.outcome == Outcome.DELIVERED

    @property
    def gone(self) -> bool:
        return self.outcome == Outcome.GONE


@dataclass(frozen=True)
class Settled:
    """The state of a delivery after an attempt."""

    status: DeliveryStatus
    next_attempt_at: datetime | None = None


def verdict(answer: Answer, at: datetime) -> Verdict:
    """Judge what came back; ``at`` is when it came, from which an HTTP date counts."""
    if answer.failure is not None:
        return Verdict(answer.failure)
    status = answer.status or 0
    retry_after = read_retry_after(answer.retry_after, at)
    if 200 <= status <= 299:
        return Verdict(Outcome.DELIVERED)
    if status == 410:
        return Verdict(Outcome.GONE)
    if status == 429 or (status == 503 and retry_after is not None):
        hold = min(HOLD_S if retry_after is None else retry_after, LONGEST_HOLD_S)
        return Verdict(Outcome.THROTTLED, hold, retry_after)
    if 300 <= status <= 399:
        return Verdict(Outcome.REDIRECT, None, retry_after)
    return Verdict(Outcome.REJECTED, None, retry_after)


def settle(
    found: Verdict,
    *,
    kind: str,
    tries: int,
    max_attempts: int,
    at: datetime,
    jitter: float,
    wanted: bool = True,
) -> Settled:
    """The state that follows from a verdict, after ``tries`` tries in this run.

    ``wanted``: its subscription is still there. ``jitter`` is drawn by the caller: from
    [-0.2, 0.2], for an interrupted one from [0, 1].
    """
    if found.delivered:
        return Settled(DeliveryStatus.SUCCESS)
    if kind == DeliveryKind.TEST or not wanted:
        return Settled(DeliveryStatus.CANCELLED)
    if found.gone or tries >= max_attempts:
        return Settled(DeliveryStatus.DEAD_LETTER)
    if found.outcome == Outcome.INTERRUPTED:
        due = at + timedelta(seconds=INTERRUPTED_WITHIN_S * abs(jitter))
    else:
        due = next_attempt_at(tries, at, jitter, found.retry_after_s)
    return Settled(DeliveryStatus.RETRYING, due)


def next_attempt_at(
    tries: int, finished_at: datetime, jitter: float, retry_after_s: float | None = None
) -> datetime:
    """When the attempt after ``tries`` tries is due; a Retry-After only ever makes it later."""
    gap = GAPS_S[min(tries, len(GAPS_S) - 1)] * (1 + jitter)
    if retry_after_s is not None:
        gap = min(max(gap, retry_after_s * (1 + abs(jitter))), LONGEST_RETRY_AFTER_S)
    return finished_at + timedelta(seconds=gap)


def read_retry_after(text: str | None, at: datetime) -> float | None:
    """Seconds from a Retry-After header; malformed, negative or past is the same as absent."""
    if text is None:
        return None
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,18}", text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    seconds = (date - at).total_seconds()
    return seconds if seconds > 0 else None
