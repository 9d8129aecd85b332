"""What an outage earned or cost: minutes, amount, verdict, trace and proof.

The only implementation of this arithmetic; bulk work streams rows through it. Integers throughout.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core import canonical
from sla.choices import Cause, MttrSource, Outcome, PaymentType, Rating, ReasonCode
from sla.choices import ThresholdSource as Source
from sla.policy.terms import Terms

ENGINE = "sla/1"
MTTR_LIMIT = 2**32 - 1  # the contract's u32

_I128 = 2**127
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)

# Percent of the threshold below which a restoration earns this percent of the reward.
_BANDS = (
    (50, 200, Rating.EXCEPTIONAL, ReasonCode.MET_EXCEPTIONAL),
    (75, 150, Rating.EXCELLENT, ReasonCode.MET_EXCELLENT),
)
_LAST_BAND = (100, Rating.GOOD, ReasonCode.MET_GOOD)

# The facts of an outage that its figure or its scope follow from, as ``outage.updated`` names them.
_MONEY_FACTS = frozenset({"detected_at", "resolved_at", "declared_mttr_minutes", "site_id"})


class ContractError(ArithmeticError):
    """The contract's own refusal: 14 for a penalty, 15 for a reward that it cannot pay out."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Error(Contract, #{number})")
        self.number = number


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a number of minutes means under given terms. Reward > 0, penalty < 0, whole USDC."""

    status: Outcome
    amount: int
    payment_type: PaymentType
    rating: Rating
    reason_code: ReasonCode


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What an assessment reads of a resolved outage."""

    outage_id: str
    severity: str
    detected_at: datetime
    resolved_at: datetime
    declared_mttr_minutes: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """The policy that an assessment applies, and how results name it."""

    terms: Terms
    content_hash: str
    version: int
    source: Source

    @property
    def policy_version(self) -> str:
        return f"{self.version}.0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """The whole outcome, with the bytes that prove it."""

    verdict: Verdict
    mttr_minutes: int
    mttr_source: MttrSource
    derived_mttr_minutes: int | None
    mttr_conflict_minutes: int
    counted_seconds: int
    excluded_seconds: int
    decision_trace: str
    inputs: str
    compute_hash: str


def assess(facts: Facts, applied: Applied, *, basis: MttrSource | None = None) -> Assessment:
    """Judge a resolved outage.

    A declared figure wins over the counted one unless ``basis`` says otherwise; the counted one is
    then kept beside it.
    """
    counted = seconds_between(facts.detected_at, facts.resolved_at)
    derived, declared = minutes_started(counted), facts.declared_mttr_minutes
    if declared is None or basis == MttrSource.DERIVED:
        minutes, source = derived, MttrSource.DERIVED
    else:
        minutes, source = declared, MttrSource.DECLARED
    verdict = judge(applied.terms, minutes)
    inputs = canonical.dumps(
        {
            "engine": ENGINE,
            "outage_id": facts.outage_id,
            "severity": facts.severity,
            "detected_at": _spell(facts.detected_at),
            "resolved_at": _spell(facts.resolved_at),
            "declared_mttr_minutes": declared,
            "mttr_source": source.value,
            "policy": applied.content_hash,
            "calendar": None,
            "exclusions": [],
            "dispute": None,
            "counted_seconds": counted,
            "mttr_minutes": minutes,
            "amount": verdict.amount,
        }
    )
    return Assessment(
        verdict=verdict,
        mttr_minutes=minutes,
        mttr_source=source,
        derived_mttr_minutes=None if declared is None else derived,
        mttr_conflict_minutes=0 if declared is None else mttr_conflict(declared, derived),
        counted_seconds=counted,
        excluded_seconds=0,
        decision_trace=decision_trace(verdict, applied, facts.severity, minutes, source),
        inputs=inputs,
        compute_hash=compute_hash(inputs),
    )


def seconds_between(earlier: datetime, later: datetime) -> int:
    """Count the whole seconds of ``[earlier, later)``, each end floored to its second."""
    return (later - _EPOCH) // _SECOND - (earlier - _EPOCH) // _SECOND


def minutes_started(seconds: int) -> int:
    """Count the started minutes: met through the threshold exactly, violated one second later."""
    return -(-seconds // 60)


def contract_amount(terms: Terms, mttr_minutes: int) -> Verdict:
    """Compute what the contract computes.

    Raises: ContractError 14 or 15 where an amount leaves i128 or is not a real one.
    """
    threshold = terms.threshold_minutes
    if mttr_minutes > threshold:
        amount = -(mttr_minutes - threshold) * terms.penalty_per_minute
        if not -_I128 <= amount < 0:
            raise ContractError(14)
        return Verdict(
            status=Outcome.VIOLATED,
            amount=amount,
            payment_type=PaymentType.PENALTY,
            rating=Rating.POOR,
            reason_code=ReasonCode.MTTR_EXCEEDED,
        )
    percent, rating, reason = _band(mttr_minutes, threshold)
    product = terms.reward_base * percent
    if not 0 < product < _I128 or product // 100 == 0:
        raise ContractError(15)
    return Verdict(
        status=Outcome.MET,
        amount=product // 100,
        payment_type=PaymentType.REWARD,
        rating=rating,
        reason_code=reason,
    )


def judge(terms: Terms, mttr_minutes: int) -> Verdict:
    """Judge minutes as the contract does, but where a factor is 0 (only we allow that) owe 0."""
    if mttr_minutes > terms.threshold_minutes and terms.penalty_per_minute == 0:
        return Verdict(
            status=Outcome.VIOLATED,
            amount=0,
            payment_type=PaymentType.PENALTY,
            rating=Rating.POOR,
            reason_code=ReasonCode.MTTR_EXCEEDED,
        )
    if mttr_minutes <= terms.threshold_minutes and terms.reward_base == 0:
        _percent, rating, reason = _band(mttr_minutes, terms.threshold_minutes)
        return Verdict(
            status=Outcome.MET,
            amount=0,
            payment_type=PaymentType.REWARD,
            rating=rating,
            reason_code=reason,
        )
    return contract_amount(terms, mttr_minutes)


def mttr_conflict(declared: int, derived: int) -> int:
    """Answer declared - derived where they differ by more than a minute and 5 %, else 0."""
    difference = declared - derived
    return difference if abs(difference) > max(1, derived // 20) else 0


def is_plain(threshold_source: str, reason_code: str, terms: Terms) -> bool:
    """Whether the amount follows from the default terms and the minutes alone, as on chain."""
    return (
        threshold_source == Source.CONFIG
        and reason_code != ReasonCode.FULLY_EXCLUDED
        and terms.penalty_per_minute > 0
        and terms.reward_base > 0
    )


def decision_trace(
    verdict: Verdict, applied: Applied, severity: str, minutes: int, source: MttrSource
) -> str:
    """Tell in one line how the amount came about."""
    terms = applied.terms
    counted = "counted" if source == MttrSource.DERIVED else source.value
    said = f"{minutes} min {counted}, threshold {terms.threshold_minutes}"
    if verdict.status == Outcome.VIOLATED:
        over = minutes - terms.threshold_minutes
        how = f"{over} min over x {terms.penalty_per_minute}"
    else:
        percent, rating, _reason = _band(minutes, terms.threshold_minutes)
        how = f"{rating.value}, {percent} % of {terms.reward_base}"
    under = f"{severity}, {applied.source.value} {applied.policy_version}"
    return f"{said}: {how} = {verdict.amount} ({under})"


def compute_hash(inputs: str) -> str:
    """Hash the stored inputs (SHA-256, hex). Source: RFC 8785 bytes, see ``core.canonical``."""
    return hashlib.sha256(inputs.encode()).hexdigest()


def cause_of_edit(changed: Iterable[str]) -> Cause | None:
    """Name why an edit of a resolved outage asks for a new assessment; None if it does not."""
    names = set(changed)
    if "severity" in names:
        return Cause.SEVERITY_CHANGED
    return Cause.FACTS_CHANGED if names & _MONEY_FACTS else None


def _band(minutes: int, threshold: int) -> tuple[int, Rating, ReasonCode]:
    used = minutes * 100 // threshold if threshold else 0
    for below, percent, rating, reason in _BANDS:
        if used < below:
            return percent, rating, reason
    return _LAST_BAND


def _spell(instant: datetime) -> str:
    naive = instant.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    return f"{naive.isoformat()}Z"
