"""Moving an outage: edit, resolve, reopen, delete, raise its severity."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import queries as accounts
from audit import services as audit
from core import events, inserting
from core.actors import Actor, may
from core.errors import Conflict, Fault, Invalid, NothingToChange, ValidationFailed
from core.preconditions import check_version
from network import queries as network_queries
from network import services as network
from network.queries import SiteFacts
from outages import queries
from outages.choices import Status
from outages.events import OutageDeleted, OutageReopened, OutageUpdated
from outages.models import Outage, OutageLife
from outages.policy import intake, moves
from outages.policy.intake import OutageChanges, Reopening, Resolution
from outages.services import telling
from outages.services.births import resolved_event


class OutageAlreadyResolved(Conflict):
    """It was resolved with other facts."""

    code = "outage_already_resolved"
    title = "Outage already resolved"
    summary = "The outage was resolved with other facts. Edit them, or reopen it."


class OutageNotResolved(Conflict):
    code = "outage_not_resolved"
    title = "Outage not resolved"
    summary = "The outage is open; this needs a resolved one."


class UseReopen(Conflict):
    code = "use_reopen"
    title = "Use reopen"
    summary = "A resolved outage is opened again by reopen, which asks why."


class ImmutableField(Conflict):
    code = "immutable_field"
    title = "Immutable field"


class ReasonRequired(Invalid):
    code = "reason_required"
    title = "Reason required"
    summary = "To delete a resolved outage takes a reason of 3 to 500 characters."


def resolve_outage(
    reference: str,
    resolution: Resolution,
    *,
    actor: Actor,
    at: datetime,
    expected: int | None = None,
) -> Outage:
    """Record that service is back. The same facts again change nothing.

    Emits OutageResolved. Raises: OutageNotFound, NotPermitted, OutageAlreadyResolved,
    PreconditionFailed, ValidationFailed.
    """
    with transaction.atomic():
        outage, site = _locked(reference, actor, expected)
        role = moves.role_to_resolve(resolution.resolved_at, resolution.mttr_minutes, at)
        _require(actor, role, site, outage)
        given = (resolution.resolved_at, resolution.mttr_minutes)
        if outage.status == Status.RESOLVED:
            stored = (outage.resolved_at, outage.declared_mttr_minutes)
            if moves.is_same_resolution(stored, given):
                return outage
            raise OutageAlreadyResolved
        changes: dict[str, Any] = {
            name: getattr(resolution, name)
            for name in ("root_cause", "resolution_notes", "cause")
            if getattr(resolution, name) is not None
        }
        _resolve(outage, site, given, changes, actor, at)
        return outage


def _resolve(
    outage: Outage,
    site: SiteFacts | None,
    given: tuple[datetime | None, int | None],
    changes: Mapping[str, Any],
    actor: Actor,
    at: datetime,
) -> None:
    resolved_at, declared = moves.resolution(*given, at)
    _check_instants(changes.get("detected_at", outage.detected_at), resolved_at, at)
    life = OutageLife(
        outage_id=outage.id,
        n=outage.reopened_count + 1,
        resolved_at=resolved_at,
        resolved_by=actor.id,
        declared_mttr_minutes=declared,
    )
    end = {
        "status": Status.RESOLVED.value,
        "resolved_at": resolved_at,
        "declared_mttr_minutes": declared,
    }
    with inserting.together():
        before = _apply(outage, {**changes, **end}, at)
        inserting.insert_whole(life)
        _tell("resolve", resolved_event(outage, site, at), outage, actor, at, before)


def reopen_outage(
    reference: str,
    reopening: Reopening,
    *,
    actor: Actor,
    at: datetime,
    expected: int | None = None,
) -> Outage:
    """Record that the restoration did not hold; a declared time is forgotten.

    Emits OutageReopened. Raises: OutageNotFound, NotPermitted, OutageNotResolved,
    PreconditionFailed.
    """
    with transaction.atomic():
        outage, site = _locked(reference, actor, expected)
        _require(actor, "engineer", site, outage)
        if outage.status != Status.RESOLVED:
            raise OutageNotResolved
        life = outage.lives.order_by("-n").first()
        assert life is not None  # noqa: S101 - each resolution writes one
        life.reopened_at, life.reopened_by = at, actor.id
        life.reason, life.restored_between = reopening.reason, reopening.restored_between
        life.save(update_fields=["reopened_at", "reopened_by", "reason", "restored_between"])
        before = _apply(
            outage,
            {
                "status": Status.OPEN.value,
                "resolved_at": None,
                "declared_mttr_minutes": None,
                "reopened_count": outage.reopened_count + 1,
            },
            at,
        )
        reopened = telling.event(
            OutageReopened,
            outage,
            site,
            at,
            reason=reopening.reason,
            restored_between=reopening.restored_between,
        )
        _tell("reopen", reopened, outage, actor, at, before, reason=reopening.reason)
        return outage


def edit_outage(
    reference: str,
    changes: OutageChanges,
    *,
    actor: Actor,
    at: datetime,
    expected: int | None = None,
) -> Outage:
    """Correct facts of an outage. What is not different is no change, and no change is silent.

    Emits OutageUpdated, or OutageResolved where ``status: resolved`` ends an open one. Raises:
    OutageNotFound, NotPermitted, ImmutableField, UseReopen, NothingToChange,
    PreconditionFailed, ValidationFailed.
    """
    given = changes.given()
    if not given:
        raise NothingToChange
    with transaction.atomic():
        outage, site = _locked(reference, actor, expected)
        _refuse_immutable(outage, given)
        wanted = _different(outage, given)
        if outage.status == Status.RESOLVED and wanted.get("resolved_at", outage) is None:
            # A form that says "resolved" and leaves the end empty says nothing new.
            if given.get("status") != Status.RESOLVED:
                raise UseReopen
            del wanted["resolved_at"]
        role = moves.role_to_edit(frozenset(wanted), outage.status)
        _require(actor, role, site, outage)
        if wanted.get("status") == Status.OPEN:
            raise UseReopen
        ends = wanted.pop("status", None) == Status.RESOLVED
        if "site_code" in wanted or "site_name" in wanted:
            site = _new_site(outage, wanted, actor, at)
        if "assigned_to" in wanted:
            named = (wanted["assigned_to"] or "").lower()
            wanted["assignee_id"] = accounts.active_people({named}).get(named) if named else None
        if ends:
            end = (wanted.pop("resolved_at", None), wanted.pop("declared_mttr_minutes", None))
            _require(actor, moves.role_to_resolve(*end, at), site, outage)
            _resolve(outage, site, end, wanted, actor, at)
            return outage
        if not wanted:
            return outage
        if outage.status == Status.OPEN and wanted.keys() & {
            "resolved_at",
            "declared_mttr_minutes",
        }:
            raise OutageNotResolved
        _check_instants(
            wanted.get("detected_at", outage.detected_at),
            wanted.get("resolved_at", outage.resolved_at),
            at,
        )
        before = _apply(outage, wanted, at)
        _follow(outage, wanted)
        _tell("edit", _updated(outage, site, before, at), outage, actor, at, before)
        return outage


def raise_severity(reference: str, severity: str, *, actor: Actor, at: datetime) -> Outage:
    """Raise the severity; a severity that is no higher changes nothing.

    Emits OutageUpdated. Raises: OutageNotFound, NotPermitted.
    """
    with transaction.atomic():
        outage, site = _locked(reference, actor, None)
        _require(actor, moves.role_to_edit(frozenset({"severity"}), outage.status), site, outage)
        if moves.is_raise(outage.severity, severity):
            before = _apply(outage, {"severity": severity}, at)
            updated = _updated(outage, site, before, at)
            _tell("raise_severity", updated, outage, actor, at, before)
        return outage


def delete_outage(
    reference: str,
    reason: str | None,
    *,
    actor: Actor,
    at: datetime,
    expected: int | None = None,
) -> None:
    """Strike an outage from the record. The row, its results and its payments stay.

    Emits OutageDeleted. Raises: OutageNotFound, NotPermitted, ReasonRequired,
    PreconditionFailed.
    """
    with transaction.atomic():
        outage, site = _locked(reference, actor, expected)
        _require(actor, moves.role_to_delete(outage.status), site, outage)
        given = (reason or "").strip()
        if outage.status == Status.RESOLVED and not 3 <= len(given) <= 500:
            raise ReasonRequired(
                faults=[Fault("/reason", "reason_required", ReasonRequired.summary)]
            )
        kept = (given or "deleted")[:500]
        _apply(outage, {"deleted_at": at, "deleted_by": actor.id, "delete_reason": kept}, at)
        deleted = telling.event(OutageDeleted, outage, site, at, reason=kept)
        _tell("delete", deleted, outage, actor, at, {}, reason=kept)


def _locked(reference: str, actor: Actor, expected: int | None) -> tuple[Outage, SiteFacts | None]:
    outage = queries.get_outage(reference, actor=actor, lock=True)
    check_version(expected, outage.version)
    site = None
    if outage.site_id:
        site = network_queries.site_facts([outage.site_id])[outage.site_id]
    return outage, site


def _require(actor: Actor, role: str, site: SiteFacts | None, outage: Outage) -> None:
    is_own = outage.created_by == actor.id
    moves.require(moves.may_act(actor, role, telling.place_of(site), is_own=is_own), role)


_IMMUTABLE = {
    "id": "reference",
    "created_by": "created_by",
    "source": "source",
    "settlement": "settlement",
}


def _refuse_immutable(outage: Outage, given: Mapping[str, Any]) -> None:
    for name, field in _IMMUTABLE.items():
        if name in given and given[name] is not None:
            present = str(getattr(outage, field))
            if str(given[name]).upper() != present.upper():
                raise ImmutableField(f"{name} cannot be changed; it is {present}.", field=name)


def _different(outage: Outage, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields whose value would change, by column name."""
    wanted: dict[str, Any] = {}
    for name, value in given.items():
        if name in _IMMUTABLE:
            continue
        if name == "location":
            wanted["latitude"] = value.latitude if value else None
            wanted["longitude"] = value.longitude if value else None
        else:
            wanted["site_code" if name == "site_id" else name] = value
    return {name: value for name, value in wanted.items() if getattr(outage, name) != value}


def _new_site(
    outage: Outage, wanted: dict[str, Any], actor: Actor, at: datetime
) -> SiteFacts | None:
    code = wanted.get("site_code", outage.site_code)
    name = wanted.get("site_name", outage.site_name)
    site = None
    if code:
        site = network_queries.resolve_sites([code]).get(code.lower())
        site = site or network.register_site(code, name, actor=actor, at=at)
    if site is None and outage.site_id:
        # Out of every place, it would be out of sight of whoever holds a role in one only.
        moves.require(may(actor, "operator", moves.WRITE), "operator")
    else:
        _require(actor, "operator", site, outage)
    if (site.id if site else None) != outage.site_id:
        wanted["site_id"] = site.id if site else None
    return site


def _check_instants(detected_at: datetime, resolved_at: datetime | None, at: datetime) -> None:
    fault = intake.ahead_fault({"detected_at": detected_at, "resolved_at": resolved_at}, at)
    if fault is None and resolved_at is not None and resolved_at < detected_at:
        detail = "resolved_at: it lies before detected_at."
        fault = Fault("/resolved_at", "resolved_before_detected", detail)
    if fault is not None:
        raise ValidationFailed(faults=[fault])


def _apply(outage: Outage, changes: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Write the changes and one more version; returns what was there before."""
    before = {name: getattr(outage, name) for name in changes}
    for name, value in changes.items():
        setattr(outage, name, value)
    outage.version += 1
    outage.updated_at = at
    written = {**changes, "version": outage.version, "updated_at": at}
    inserting.update(Outage, outage.id, written)
    return before


def _follow(outage: Outage, wanted: Mapping[str, Any]) -> None:
    """The present life says what the outage says."""
    if outage.status == Status.RESOLVED and wanted.keys() & {
        "resolved_at",
        "declared_mttr_minutes",
    }:
        outage.lives.filter(n=outage.reopened_count + 1).update(
            resolved_at=outage.resolved_at, declared_mttr_minutes=outage.declared_mttr_minutes
        )


def _tell(
    verb: str,
    news: events.Event,
    outage: Outage,
    actor: Actor,
    at: datetime,
    before: Mapping[str, Any],
    reason: str = "",
) -> None:
    """Audit and announce what was done."""
    after = {name: getattr(outage, name) for name in before}
    entry = telling.entry(verb, outage, actor, at, before=before, after=after, reason=reason)
    with inserting.together():
        audit.record_many([entry])
        events.publish(news)


def _updated(
    outage: Outage, site: SiteFacts | None, before: Mapping[str, Any], at: datetime
) -> OutageUpdated:
    changes = {
        name: [telling.spelled(was), telling.spelled(getattr(outage, name))]
        for name, was in before.items()
        if name != "assignee_id"
    }
    return telling.event(OutageUpdated, outage, site, at, changes=changes)
