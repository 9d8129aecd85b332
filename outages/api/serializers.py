"""The wire form of an outage: how it is written, and how OpenAPI describes it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from rest_framework import serializers

from audit.queries import EntryView
from core import outbox
from core.ids import encode
from outages.choices import Cause, Settlement, Severity, Source, Status
from outages.events import OutageResolved
from outages.models import Outage
from outages.policy import moves
from payments import queries as payments
from payments.api.serializers import PaymentResponse, payment_form
from sla import queries as sla
from sla.api.serializers import SlaClockResponse, SLAResultResponse, SlaStatusResponse


class LocationResponse(serializers.Serializer[Any]):
    latitude = serializers.FloatField()
    longitude = serializers.FloatField()


class OutageResponse(serializers.Serializer[Any]):
    """A loss of service at a place."""

    id = serializers.CharField(help_text="The reference that people say on a bridge call")
    site_name = serializers.CharField()
    site_id = serializers.CharField(allow_null=True, help_text="The site's code")
    severity = serializers.ChoiceField(Severity.choices)
    status = serializers.ChoiceField(Status.choices)
    cause = serializers.ChoiceField(Cause.choices)
    detected_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    duration_minutes = serializers.IntegerField(
        allow_null=True, help_text="Started minutes from detection to restoration"
    )
    declared_mttr_minutes = serializers.IntegerField(allow_null=True)
    description = serializers.CharField()
    affected_services = serializers.ListField(child=serializers.CharField())
    affected_subscribers = serializers.IntegerField(allow_null=True)
    assigned_to = serializers.CharField(allow_null=True)
    assignee_id = serializers.CharField(allow_null=True)
    created_by = serializers.CharField()
    location = LocationResponse(allow_null=True)
    root_cause = serializers.CharField(allow_null=True)
    resolution_notes = serializers.CharField(allow_null=True)
    source = serializers.ChoiceField(Source.choices)  # type: ignore[assignment]  # its wire name
    settlement = serializers.ChoiceField(Settlement.choices)
    import_id = serializers.CharField(allow_null=True)
    version = serializers.IntegerField()
    reopened_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    sla_status = SlaStatusResponse(allow_null=True)
    sla_clock = SlaClockResponse(allow_null=True)
    payment = PaymentResponse(allow_null=True)


class OpenedResponse(OutageResponse):
    duplicate = serializers.BooleanField(required=False, help_text="Known before; nothing written")


class ResolvedResponse(serializers.Serializer[Any]):
    """A resolved outage with what followed from it, as far as it has arrived."""

    outage = OutageResponse()
    sla = SLAResultResponse(allow_null=True)
    payment = PaymentResponse(allow_null=True)
    sla_state = serializers.ChoiceField(["done", "pending", "parked", "none"])
    payment_state = serializers.ChoiceField(["done", "pending", "parked", "none"])


class ActResponse(serializers.Serializer[Any]):
    action = serializers.CharField()
    allowed = serializers.BooleanField()
    reason = serializers.CharField()


class TransitionsResponse(serializers.Serializer[Any]):
    outage_id = serializers.CharField()
    current_status = serializers.ChoiceField(Status.choices)
    valid_next_states = serializers.ListField(child=serializers.CharField())
    actions = ActResponse(many=True)


class TimelineEventResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    outage_id = serializers.CharField()
    event_type = serializers.CharField()
    schema_version = serializers.CharField()
    actor = serializers.CharField()
    detail = serializers.JSONField()
    correlation_id = serializers.CharField()
    occurred_at = serializers.DateTimeField()


EVENT_TYPES: Mapping[str, str] = {
    "outages.open": "created",
    "outages.edit": "updated",
    "outages.raise_severity": "updated",
    "outages.resolve": "resolved",
    "outages.reopen": "reopened",
    "outages.delete": "deleted",
    "sla.withdraw_result": "sla_withdrawn",
    "payments.request": "payment_requested",
    "payments.supersede": "payment_superseded",
    "payments.withdraw": "payment_withdrawn",
}


def outage_forms(outages: Sequence[Outage], *, deleted: bool = False) -> list[dict[str, Any]]:
    """The wire forms of a whole page; what is embedded is read for all of it at once."""
    return _forms(outages, sla.status_for(outages), deleted=deleted)


def _forms(
    outages: Sequence[Outage], states: Mapping[UUID, sla.SlaState], *, deleted: bool = False
) -> list[dict[str, Any]]:
    results = [state.result_id for state in states.values() if state.result_id]
    paid = payments.newest_of_results(results)
    return [_form(outage, states[outage.id], paid, deleted=deleted) for outage in outages]


def outage_form(outage: Outage, *, deleted: bool = False) -> dict[str, Any]:
    """The wire form of one outage."""
    return outage_forms([outage], deleted=deleted)[0]


def opened_form(outage: Outage, *, duplicate: bool) -> dict[str, Any]:
    """The answer to a birth."""
    return outage_form(outage) | ({"duplicate": True} if duplicate else {})


def _form(
    outage: Outage,
    state: sla.SlaState,
    paid: Mapping[UUID, Any],
    *,
    deleted: bool,
) -> dict[str, Any]:
    payment = paid.get(state.result_id) if state.result_id else None
    form = {
        "id": outage.reference,
        "site_name": outage.site_name,
        "site_id": outage.site_code,
        "severity": outage.severity,
        "status": outage.status,
        "cause": outage.cause,
        "detected_at": outage.detected_at,
        "resolved_at": outage.resolved_at,
        "duration_minutes": moves.duration_minutes(outage.detected_at, outage.resolved_at),
        "declared_mttr_minutes": outage.declared_mttr_minutes,
        "description": outage.description,
        "affected_services": outage.affected_services,
        "affected_subscribers": outage.affected_subscribers,
        "assigned_to": outage.assigned_to,
        "assignee_id": encode("usr", outage.assignee_id) if outage.assignee_id else None,
        "created_by": outage.created_by,
        "location": location_form(outage),
        "root_cause": outage.root_cause,
        "resolution_notes": outage.resolution_notes,
        "source": outage.source,
        "settlement": outage.settlement,
        "import_id": encode("job", outage.import_job) if outage.import_job else None,
        "version": outage.version,
        "reopened_count": outage.reopened_count,
        "created_at": outage.created_at,
        "updated_at": outage.updated_at,
        "sla_status": state.sla_status,
        "sla_clock": state.sla_clock,
        "payment": payment_form(payment, outage.reference) if payment else None,
    }
    if deleted:
        form |= {"deleted_at": outage.deleted_at, "delete_reason": outage.delete_reason}
    return form


def location_form(outage: Outage) -> dict[str, float] | None:
    """Where the outage is on the map; None: nobody said."""
    if outage.latitude is None or outage.longitude is None:
        return None
    return {"latitude": float(outage.latitude), "longitude": float(outage.longitude)}


def moved_form(outage: Outage) -> dict[str, Any]:
    """The answer of resolve and reopen: the outage with what followed, and how far that is."""
    result = sla.current_results([outage.id]).get(outage.id)
    states = {outage.id: sla.state_of(result)} if result else sla.status_for([outage])
    (form,) = _forms([outage], states)
    sla_state = payment_state = "none"
    if result is not None:
        sla_state = "done"
        payment_state = "done" if form["payment"] else _payment_state(outage, result)
    elif outage.status == Status.RESOLVED:
        heard = outbox.states_of(str(outage.id), OutageResolved.type)
        sla_state = heard.get("sla.assess_resolved_outage", "none")
        if sla_state != "none" and outage.settlement != Settlement.NONE:
            payment_state = "pending"
    return {
        "outage": form,
        "sla": sla.stored_form(result, outage.reference) if result else None,
        "payment": form["payment"],
        "sla_state": sla_state,
        "payment_state": payment_state,
    }


def _payment_state(outage: Outage, result: Any) -> str:
    """A result without a payment: none is owed, or the reaction has not got through."""
    if outage.settlement == Settlement.NONE or result.amount == 0:
        return "none"
    heard = outbox.states_of(outage.reference, "sla.violation") | outbox.states_of(
        outage.reference, "sla.resolved"
    )
    heard |= outbox.states_of(outage.reference, "sla.recomputed")
    state = heard.get("payments.request_owed_payment", "none")
    return "none" if state == "done" else state


def timeline_form(outage_id: str, entry: EntryView) -> dict[str, Any]:
    """One event of the timeline, from its audit entry."""
    before, after = entry.before or {}, entry.after or {}
    changes = {
        name: [before.get(name), after.get(name)] for name in dict.fromkeys([*before, *after])
    }
    return {
        "id": entry.id,
        "outage_id": outage_id,
        "event_type": event_type(entry),
        "schema_version": "1",
        "actor": entry.actor["id"],
        "detail": {"changes": changes, "reason": entry.reason, "subject": entry.subject["id"]},
        "correlation_id": entry.correlation_id,
        "occurred_at": entry.at,
    }


def event_type(entry: EntryView) -> str:
    """The timeline's word for an audited act."""
    if entry.action == "sla.assess_outage":
        return "sla_recomputed" if entry.before else "sla_computed"
    return EVENT_TYPES.get(entry.action, entry.action.replace(".", "_"))
