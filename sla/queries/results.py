"""Results: the figure that counts, its history, and lists of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from core import statements
from core.actors import Actor
from core.errors import NotFound
from core.wire import Bound
from sla.choices import MttrSource, Outcome, ResultState
from sla.events import SLAResult
from sla.models import Policy, Result
from sla.policy import assess
from sla.policy.terms import Terms
from sla.queries import terms


class ResultNotFound(NotFound):
    code = "sla_result_not_found"
    title = "No such SLA result"
    summary = "There is no such SLA result, or not for you."


@dataclass(frozen=True, kw_only=True, slots=True)
class LatestResult:
    """The current result of an outage, as payments ask for it. ``amount`` is signed whole USDC."""

    id: UUID
    outage_id: UUID
    reference: str
    severity: str
    mttr_minutes: int
    amount: int
    rating: str
    status: str
    site_id: UUID | None
    region_id: UUID | None
    operator_id: UUID | None
    caused_by: str
    plain: bool
    terms: Mapping[str, Terms]  # the default terms by severity, in force at detected_at


@dataclass(frozen=True, kw_only=True)
class ResultFilters:
    """What narrows a list of results; None does not, an empty list matches nothing."""

    outage_ids: Sequence[UUID] | None = None
    site_ids: Sequence[UUID] | None = None
    operator_ids: Sequence[UUID] | None = None
    statuses: Sequence[str] | None = None
    ratings: Sequence[str] | None = None
    severities: Sequence[str] | None = None
    occurred_from: Bound | None = None
    occurred_to: Bound | None = None
    include_superseded: bool = False


# What of a result payments ask for as it is stored.
_FIGURE = (
    "id", "severity", "mttr_minutes", "amount", "rating", "status", "site_id", "region_id",
    "operator_id", "caused_by",
)  # fmt: skip
_LATEST = f"""
SELECT o.reference, o.detected_at, r.threshold_source, r.reason_code, r.policy_id,
       ARRAY({terms.DEFAULTS}),
       {", ".join(f"r.{name}" for name in _FIGURE)}
  FROM sla_result AS r
  JOIN outages_outage AS o ON o.id = r.outage_id
 WHERE r.outage_id = %s AND r.state = 'current'
"""  # noqa: S608 - constants of this module


def get_latest_result(outage_id: UUID) -> LatestResult | None:
    """Answer the current result of an outage; None while it is open, reopened or deleted."""
    found = statements.fetch(_LATEST, [outage_id])
    if not found:
        return None
    reference, detected_at, threshold_source, reason_code, policy_id, published, *figure = found[0]
    policy = terms.policies([policy_id])[policy_id]
    defaults = terms.defaults_of(published, detected_at)
    return LatestResult(
        outage_id=outage_id,
        reference=reference,
        plain=assess.is_plain(threshold_source, reason_code, policy.terms),
        terms={severity: policy.terms for severity, policy in defaults.items()},
        **dict(zip(_FIGURE, figure, strict=True)),
    )


def get_result(result_id: UUID, actor: Actor) -> Result:
    """Answer one result that the actor may see. Raises: ResultNotFound."""
    result = _visible(actor).filter(id=result_id).first()
    if result is None:
        raise ResultNotFound
    return result


def result_history(outage_id: UUID) -> list[Result]:
    """Answer every version of an outage's figure, oldest first."""
    rows = Result.objects.select_related("outage", "policy")
    return list(rows.filter(outage=outage_id, version__isnull=False).order_by("version", "id"))


def results(actor: Actor, filters: ResultFilters) -> QuerySet[Result]:
    """Narrow the results that the actor may see; unordered, for a listing."""
    narrowed = Q(state=ResultState.CURRENT)
    if filters.include_superseded:
        narrowed = Q(state__in=(ResultState.CURRENT, ResultState.SUPERSEDED))
    for name, values in (
        ("outage", filters.outage_ids),
        ("site", filters.site_ids),
        ("operator", filters.operator_ids),
        ("status", filters.statuses),
        ("rating", filters.ratings),
        ("severity", filters.severities),
    ):
        if values is not None:
            narrowed &= Q(**{f"{name}__in": values})
    for bound in (filters.occurred_from, filters.occurred_to):
        if bound is not None:
            narrowed &= Q(**{f"occurred_at__{bound[0]}": bound[1]})
    return _visible(actor).filter(narrowed)


def violations(actor: Actor, filters: ResultFilters) -> QuerySet[Result]:
    """Narrow the stored current violated results; unordered, for a listing."""
    return results(actor, filters).filter(status=Outcome.VIOLATED)


def current_results(outage_ids: Collection[UUID]) -> dict[UUID, Result]:
    """Answer the current results of these outages, by outage. One query."""
    rows = statements.rows(
        Result,
        "WHERE t.state = 'current' AND t.outage_id = ANY(%s)",
        [statements.array(outage_ids)],
    )
    policies = terms.policies({result.policy_id for result in rows})
    for result in rows:
        result.policy = policies[result.policy_id]
    return {result.outage_id: result for result in rows}


def stored_form(result: Result, reference: str | None = None) -> SLAResult:
    """Spell a stored result, read with its policy and, unless ``reference`` is given, outage."""
    return SLAResult(
        id=result.wire_id,
        outage_id=reference or result.outage.reference,
        version=result.version,
        state=result.state,
        severity=result.severity,
        status=result.status,
        mttr_minutes=result.mttr_minutes,
        mttr_source=result.mttr_source,
        derived_mttr_minutes=result.derived_mttr_minutes,
        mttr_conflict_minutes=result.mttr_conflict_minutes,
        counted_seconds=result.counted_seconds,
        excluded_seconds=result.excluded_seconds,
        threshold_minutes=result.threshold_minutes,
        amount=result.amount,
        payment_type=result.payment_type,
        rating=result.rating,
        policy_version=result.policy.wire_version,
        policy_id=result.policy.wire_id,
        threshold_source=result.threshold_source,
        config_version_hash=str(result.config_version_hash),
        reason_code=result.reason_code,
        decision_trace=result.decision_trace,
        compute_hash=result.compute_hash,
        cause=result.cause,
        assessed_at=result.assessed_at,
        superseded_at=result.superseded_at,
    )


def hypothetical_form(
    outage_id: str, mttr_minutes: int, policy: Policy, defaults: Mapping[str, Policy], at: datetime
) -> SLAResult:
    """Spell what these minutes would earn or cost under a policy. Nothing is stored."""
    applied = terms.applied(policy)
    verdict = assess.judge(applied.terms, mttr_minutes)
    return SLAResult(
        id=None,
        outage_id=outage_id,
        version=None,
        state=None,
        severity=policy.severity,
        status=verdict.status,
        mttr_minutes=mttr_minutes,
        mttr_source=MttrSource.DECLARED,
        derived_mttr_minutes=None,
        mttr_conflict_minutes=0,
        counted_seconds=mttr_minutes * 60,
        excluded_seconds=0,
        threshold_minutes=applied.terms.threshold_minutes,
        amount=verdict.amount,
        payment_type=verdict.payment_type,
        rating=verdict.rating,
        policy_version=policy.wire_version,
        policy_id=policy.wire_id,
        threshold_source=applied.source,
        config_version_hash=str(terms.config_version_hash(defaults)),
        reason_code=verdict.reason_code,
        decision_trace=assess.decision_trace(
            verdict, applied, policy.severity, mttr_minutes, MttrSource.DECLARED
        ),
        compute_hash=None,
        cause=None,
        assessed_at=at,
        superseded_at=None,
    )


def _visible(actor: Actor) -> QuerySet[Result]:
    return Result.objects.visible_to(actor).select_related("outage", "policy")
