"""Assessing: one current figure for each resolved outage, every earlier one kept."""

from collections.abc import Collection
from dataclasses import asdict, fields
from datetime import datetime
from uuid import UUID

from django.db import transaction

from audit import services as audit
from core import events, ids, inserting, statements
from core.actors import Actor, Place
from core.errors import Conflict
from network.queries import SiteFacts
from outages import queries as outages
from outages.queries import OutageFacts
from outages.services.moves import OutageNotResolved
from sla import queries
from sla.choices import Cause, MttrSource, Outcome, ResultState
from sla.events import SlaEvent, SlaRecomputed, SlaResolved, SLAResult, SlaViolation
from sla.models import Result
from sla.policy import access
from sla.policy import assess as rules

# Members of a result that tell one version from another whatever the figure is.
_NOT_THE_FIGURE = frozenset(
    {
        "id",
        "outage_id",
        "version",
        "state",
        "decision_trace",
        "compute_hash",
        "cause",
        "assessed_at",
        "superseded_at",
    }
)


class MttrNotDeclared(Conflict):
    code = "mttr_not_declared"
    title = "No declared minutes"
    summary = "Nobody declared minutes for this outage; there is only what its times give."


def assess_outage(
    outage_id: UUID,
    *,
    cause: Cause,
    actor: Actor,
    at: datetime,
    basis: MttrSource | None = None,
) -> Result:
    """Judge a resolved outage by its facts as they are; the current result if nothing changed.

    ``basis`` chooses which minutes count where some were declared, until the outage is reopened.
    Emits sla.violation or sla.resolved for a first result, sla.recomputed for a later one.
    Audits sla.assess_outage.
    Raises: NotPermitted, OutageNotFound, OutageNotResolved, MttrNotDeclared, NoTermsInForce.
    """
    with transaction.atomic():
        _lock(outage_id)
        facts, site = outages.facts(outage_id)
        access.require_may_assess(actor, _place(site), switches_basis=basis is not None)
        if not _is_resolved(facts):
            raise OutageNotResolved
        return _assess(facts, site, cause=cause, actor=actor, at=at, basis=basis)


def follow_outage(outage_id: UUID, *, cause: Cause, actor: Actor, at: datetime) -> Result | None:
    """Bring the results of an outage in line with what it is now: judged, or without a figure.

    Late and doubled news of an outage are harmless: only its present facts count.
    Emits and audits as ``assess_outage`` and ``withdraw_result``.
    Raises: NotPermitted, NoTermsInForce.
    """
    with events.unit():
        _lock(outage_id)
        facts, site = outages.facts(outage_id)
        access.require_may_assess(actor, _place(site), switches_basis=False)
        if _is_resolved(facts):
            return _assess(facts, site, cause=cause, actor=actor, at=at, basis=None)
        _withdraw(facts, actor=actor, at=at)
        return None


def follow_edit(
    outage_id: UUID, changed: Collection[str], *, actor: Actor, at: datetime
) -> Result | None:
    """Judge again if a corrected fact is one that the figure or its scope follows from.

    Emits, audits and raises as ``follow_outage``.
    """
    cause = rules.cause_of_edit(changed)
    return follow_outage(outage_id, cause=cause, actor=actor, at=at) if cause else None


def withdraw_result(outage_id: UUID, *, actor: Actor, at: datetime) -> Result | None:
    """Let the current result of an outage that is open or deleted count no longer.

    Returns it; None where there is none, or where the outage has been resolved again meanwhile.
    Audits sla.withdraw_result; announces nothing, the outage itself told why.
    Raises: NotPermitted, OutageNotFound.
    """
    with transaction.atomic():
        _lock(outage_id)
        facts, site = outages.facts(outage_id)
        access.require_may_assess(actor, _place(site), switches_basis=False)
        return None if _is_resolved(facts) else _withdraw(facts, actor=actor, at=at)


def _lock(outage_id: UUID) -> None:
    # Protects "all results of this outage, even none", so there may be no row to lock.
    statements.fetch(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"sla.outage:{outage_id}"]
    )


def _place(site: SiteFacts | None) -> Place | None:
    return site.place if site else None


def _is_resolved(facts: OutageFacts) -> bool:
    return facts.resolved_at is not None and not facts.deleted


def _assess(
    facts: OutageFacts,
    site: SiteFacts | None,
    *,
    cause: Cause,
    actor: Actor,
    at: datetime,
    basis: MttrSource | None,
) -> Result:
    assert facts.resolved_at is not None  # noqa: S101 - for the type checker
    last = _last_version(facts.id)
    current = last if last and last.state == ResultState.CURRENT else None
    if basis == MttrSource.DECLARED and facts.declared_mttr_minutes is None:
        raise MttrNotDeclared
    operator_id = _operator(site, last)
    binding = queries.binding(
        severity=facts.severity,
        site_id=facts.site_id,
        operator_id=operator_id,
        at=facts.detected_at,
    )
    applied = queries.applied(binding.policy)
    found = rules.assess(
        rules.Facts(
            outage_id=facts.reference,
            severity=facts.severity,
            detected_at=facts.detected_at,
            resolved_at=facts.resolved_at,
            declared_mttr_minutes=facts.declared_mttr_minutes,
        ),
        applied,
        basis=basis or _chosen_basis(current),
    )
    if current is not None:
        # A result carries its scope: another site makes another version of an equal figure.
        if (current.compute_hash, current.site_id) == (found.compute_hash, facts.site_id):
            return current
        at = max(at, current.current_from or at)
        _supersede(current, at)
    result = Result(
        outage_id=facts.id,
        version=(last.version or 0) + 1 if last else 1,
        state=ResultState.CURRENT,
        severity=facts.severity,
        status=found.verdict.status,
        mttr_minutes=found.mttr_minutes,
        mttr_source=found.mttr_source,
        derived_mttr_minutes=found.derived_mttr_minutes,
        mttr_conflict_minutes=found.mttr_conflict_minutes,
        counted_seconds=found.counted_seconds,
        excluded_seconds=found.excluded_seconds,
        threshold_minutes=applied.terms.threshold_minutes,
        amount=found.verdict.amount,
        payment_type=found.verdict.payment_type,
        rating=found.verdict.rating,
        reason_code=found.verdict.reason_code,
        policy=binding.policy,
        threshold_source=applied.source,
        config_version_hash=queries.config_version_hash(binding.defaults),
        decision_trace=found.decision_trace,
        inputs=found.inputs,
        compute_hash=found.compute_hash,
        cause=cause,
        caused_by=facts.resolved_by if cause == Cause.RESOLVED and facts.resolved_by else actor.id,
        occurred_at=facts.resolved_at,
        assessed_at=at,
        current_from=at,
        site_id=facts.site_id,
        region_id=site.region_id if site else None,
        operator_id=operator_id,
    )
    _keep(facts, result, last, actor=actor, at=at)
    return result


def _last_version(outage_id: UUID) -> Result | None:
    found = statements.rows(
        Result,
        "WHERE t.outage_id = %s AND t.version IS NOT NULL ORDER BY t.version DESC LIMIT 1",
        [outage_id],
    )
    return found[0] if found else None


def _operator(site: SiteFacts | None, last: Result | None) -> UUID | None:
    """The operator of the outage's site, as the first result found it.

    A site that changed hands takes no old debt along.
    """
    if site is None:
        return None
    if last is not None and last.site_id == site.id and last.operator_id is not None:
        return last.operator_id
    return site.operator_id


def _chosen_basis(current: Result | None) -> MttrSource | None:
    """What a manager chose for the current result; reopening forgets it with the result."""
    if current is None or current.derived_mttr_minutes is None:
        return None
    return MttrSource(current.mttr_source)


def _withdraw(facts: OutageFacts, *, actor: Actor, at: datetime) -> Result | None:
    result = Result.objects.current().filter(outage=facts.id).first()
    if result is None:
        return None
    at = max(at, result.current_from or at)
    _supersede(result, at)
    audit.record(
        action="sla.withdraw_result",
        subject=("sla_result", result.wire_id),
        actor=actor,
        at=at,
        before={"state": ResultState.CURRENT},
        after={"state": result.state},
        links=[facts.reference],
    )
    return result


def _supersede(result: Result, at: datetime) -> None:
    result.state, result.superseded_at = ResultState.SUPERSEDED, at
    result.save(update_fields=["state", "superseded_at"])


def _keep(
    facts: OutageFacts, result: Result, last: Result | None, *, actor: Actor, at: datetime
) -> None:
    """Store the result, and say so."""
    figure = queries.stored_form(result, facts.reference)
    previous = queries.stored_form(last, facts.reference) if last else None
    with inserting.together():
        inserting.insert_whole(result)
        audit.record(
            action="sla.assess_outage",
            subject=("sla_result", result.wire_id),
            actor=actor,
            at=at,
            before=_summary(previous) if previous else None,
            after=_summary(figure) | {"cause": result.cause},
            links=[facts.reference],
        )
        events.publish(_event(facts, result, figure, previous, at))


def _event(
    facts: OutageFacts,
    result: Result,
    figure: SLAResult,
    previous: SLAResult | None,
    at: datetime,
) -> SlaEvent:
    common = SlaEvent(
        occurred_at=at,
        outage_id=facts.reference,
        outage_uuid=str(facts.id),
        sla_result_id=result.wire_id,
        site_id=_spell("site", result.site_id),
        region_id=_spell("reg", result.region_id),
        operator_id=_spell("opr", result.operator_id),
        sla=figure,
    )
    members = {field.name: getattr(common, field.name) for field in fields(common)}
    if previous is not None:
        return SlaRecomputed(
            **members, previous=previous, changed=_changed(previous, figure), cause=result.cause
        )
    if result.status == Outcome.VIOLATED:
        return SlaViolation(**members)
    return SlaResolved(**members)


def _changed(previous: SLAResult, figure: SLAResult) -> list[str]:
    before = asdict(previous)
    return [
        name
        for name, value in asdict(figure).items()
        if name not in _NOT_THE_FIGURE and before[name] != value
    ]


def _summary(figure: SLAResult) -> dict[str, object]:
    return {
        "result_id": figure.id,
        "version": figure.version,
        "severity": figure.severity,
        "status": figure.status,
        "mttr_minutes": figure.mttr_minutes,
        "mttr_source": figure.mttr_source,
        "amount": figure.amount,
        "compute_hash": figure.compute_hash,
    }


def _spell(prefix: str, value: UUID | None) -> str | None:
    return ids.encode(prefix, value) if value else None
