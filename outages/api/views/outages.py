"""The routes of one outage and of their list."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any

from django.db.models import DateTimeField, Value
from django.db.models.functions import Coalesce
from django.http.response import HttpResponseBase
from pydantic import AliasChoices, Field
from rest_framework.request import Request

from audit import queries as audit
from core import errors, rendering, wire
from core.actors import require
from core.ids import MalformedId
from core.openapi import list_of, operation
from core.pagination import Listing, ListQuery, Sort, read_instant
from core.preconditions import etag_of, expected_version
from core.views import Answer, ApiView
from network import queries as network
from outages import queries, services
from outages.api import examples, serializers
from outages.api.filters import OutageQuery, narrow
from outages.choices import Status
from outages.models import Outage
from outages.policy import moves
from outages.policy.intake import OutageChanges, OutageFacts, Reopening, Resolution
from outages.queries import OutageNotFound
from outages.services import telling
from outages.services.births import ReferenceTaken
from outages.services.moves import (
    ImmutableField,
    OutageAlreadyResolved,
    OutageNotResolved,
    ReasonRequired,
    UseReopen,
)

PATH = {"reference": "The outage's reference (any case) or UUID."}
_LAST = Value(datetime(9999, 12, 31, tzinfo=UTC), output_field=DateTimeField())

LISTING: Listing[Outage] = Listing(
    sorts={
        "detected_at": Sort("detected_at", read_instant),
        "resolved_at": Sort(Coalesce("resolved_at", _LAST), read_instant),
        "severity": Sort("severity_weight", int),
        "status": Sort("status"),
        "site_name": Sort("site_name"),
        "id": Sort("reference"),
        "updated_at": Sort("updated_at", read_instant),
    },
    default="detected_at:desc",
    form=serializers.outage_forms,
)


class OutageListView(ApiView):
    """All outages."""

    @operation(
        "List outages",
        response=list_of(serializers.OutageResponse),
        query=OutageQuery,
        refuses=(MalformedId,),
        example=examples.OUTAGE_LIST,
    )
    def get(self, request: Request) -> Any:
        query = wire.read_query(OutageQuery, dict(request.query_params.lists()))
        rows = narrow(query, self.actor)
        if query.deleted:
            return LISTING_WITH_DELETED.answer(rows, query)
        return LISTING.answer(rows, query)

    @operation(
        "Open an outage",
        response=serializers.OpenedResponse,
        status=201,
        role="operator",
        body=OutageFacts,
        writes=True,
        also={(200, "application/json"): (serializers.OpenedResponse, examples.KNOWN)},
        refuses=(ReferenceTaken,),
        body_example=examples.OPEN,
        example=examples.OUTAGE,
    )
    def post(self, request: Request) -> Answer:
        facts = wire.read(OutageFacts, request.data)
        outage, created = services.open_outage(facts, actor=self.actor, at=self.at)
        return Answer(
            subject=f"{outage.reference}{'' if created else ' duplicate'}",
            form=lambda: serializers.opened_form(outage, duplicate=not created),
            status=201 if created else 200,
            location=f"{request.path.rstrip('/')}/{outage.reference}" if created else "",
            version=outage.version,
        )

    def represent(self, subject: str) -> Any:
        reference, _, duplicate = subject.partition(" ")
        outage = queries.get_outage(reference, actor=self.actor)
        return serializers.opened_form(outage, duplicate=bool(duplicate))


def _with_deleted(outages: list[Outage]) -> list[Any]:
    return serializers.outage_forms(outages, deleted=True)


LISTING_WITH_DELETED: Listing[Outage] = Listing(LISTING.sorts, LISTING.default, _with_deleted)


class DetailQuery(wire.Input):
    include_deleted: wire.Flag = False


class DeletionQuery(wire.Input):
    reason: str | None = None


class _OutageResource(ApiView):
    """What has an outage in its path; a refused precondition brings the ETag that is."""

    def handle_exception(self, exc: Exception) -> HttpResponseBase:  # type: ignore[override]
        if isinstance(exc, errors.PreconditionFailed):
            with suppress(OutageNotFound):  # deleted meanwhile
                outage = queries.get_outage(self.kwargs["reference"], actor=self.actor)
                content = rendering.dumps(serializers.outage_form(outage))
                exc.members["_etag"] = etag_of(outage.version, content)
        return super().handle_exception(exc)


class OutageView(_OutageResource):
    """One outage."""

    @operation(
        "Show an outage",
        response=serializers.OutageResponse,
        query=DetailQuery,
        path=PATH,
        refuses=(OutageNotFound,),
        example=examples.OUTAGE,
    )
    def get(self, request: Request, reference: str) -> Answer:
        moves.require_may_read(self.actor)
        query = wire.read_query(DetailQuery, dict(request.query_params.lists()))
        if query.include_deleted:
            require(self.actor, "manager", moves.READ)
        outage = queries.get_outage(reference, actor=self.actor, deleted=query.include_deleted)
        form = serializers.outage_form(outage, deleted=query.include_deleted)
        return Answer(form, version=outage.version)

    @operation(
        "Edit an outage",
        response=serializers.OutageResponse,
        role="operator",
        body=OutageChanges,
        path=PATH,
        writes=True,
        conditional=True,
        refuses=(
            OutageNotFound,
            ImmutableField,
            UseReopen,
            OutageNotResolved,
            errors.NothingToChange,
            errors.PreconditionFailed,
        ),
        body_example={"severity": "critical", "affected_subscribers": 1200},
        example=examples.OUTAGE,
    )
    def patch(self, request: Request, reference: str) -> Answer:
        changes = wire.read(OutageChanges, request.data)
        outage = services.edit_outage(
            reference,
            changes,
            actor=self.actor,
            at=self.at,
            expected=expected_version(request.headers),
        )
        return Answer(subject=outage.reference, version=outage.version)

    @operation(
        "Edit an outage (the same as PATCH)",
        response=serializers.OutageResponse,
        role="operator",
        body=OutageChanges,
        path=PATH,
        writes=True,
        conditional=True,
        refuses=(
            OutageNotFound,
            ImmutableField,
            UseReopen,
            OutageNotResolved,
            errors.NothingToChange,
            errors.PreconditionFailed,
        ),
        body_example={"severity": "critical", "affected_subscribers": 1200},
        example=examples.OUTAGE,
    )
    def put(self, request: Request, reference: str) -> Answer:
        return self.patch(request, reference)

    @operation(
        "Delete an outage",
        response=None,
        status=204,
        role="manager",
        query=DeletionQuery,
        path=PATH,
        writes=True,
        conditional=True,
        refuses=(
            errors.MalformedJson,
            errors.UnsupportedMediaType,
            OutageNotFound,
            ReasonRequired,
            errors.PreconditionFailed,
        ),
    )
    def delete(self, request: Request, reference: str) -> Answer:
        given: Any = request.data if isinstance(request.data, dict) else {}
        reason = wire.read(_Deletion, {**request.query_params.dict(), **given}).reason
        services.delete_outage(
            reference,
            reason,
            actor=self.actor,
            at=self.at,
            expected=expected_version(request.headers),
        )
        return Answer(subject=reference, status=204)

    def represent(self, subject: str) -> Any:
        return serializers.outage_form(queries.get_outage(subject, actor=self.actor))


class _Deletion(wire.Input):
    reason: Annotated[str | None, wire.nullable_text(500)] = None


class _MovedView(_OutageResource):
    """A move that changes what is owed answers with what followed."""

    def represent(self, subject: str) -> Any:
        return serializers.moved_form(queries.get_outage(subject, actor=self.actor))

    @staticmethod
    def moved(outage: Outage) -> Answer:
        return Answer(
            subject=outage.reference,
            form=lambda: serializers.moved_form(outage),
            version=outage.version,
        )


class ResolveView(_MovedView):
    @operation(
        "Resolve an outage",
        response=serializers.ResolvedResponse,
        role="operator",
        body=Resolution,
        path=PATH,
        writes=True,
        conditional=True,
        refuses=(OutageNotFound, OutageAlreadyResolved, errors.PreconditionFailed),
        body_example={"mttr_minutes": 25, "root_cause": "Fibre cut by road works."},
        example=examples.RESOLVED,
    )
    def post(self, request: Request, reference: str) -> Answer:
        outage = services.resolve_outage(
            reference,
            wire.read(Resolution, request.data),
            actor=self.actor,
            at=self.at,
            expected=expected_version(request.headers),
        )
        return self.moved(outage)


class ReopenView(_MovedView):
    @operation(
        "Reopen an outage",
        response=serializers.ResolvedResponse,
        role="engineer",
        body=Reopening,
        path=PATH,
        writes=True,
        conditional=True,
        refuses=(OutageNotFound, OutageNotResolved, errors.PreconditionFailed),
        body_example={"reason": "The splice failed again.", "restored_between": False},
        example=examples.REOPENED,
    )
    def post(self, request: Request, reference: str) -> Answer:
        outage = services.reopen_outage(
            reference,
            wire.read(Reopening, request.data),
            actor=self.actor,
            at=self.at,
            expected=expected_version(request.headers),
        )
        return self.moved(outage)


class TransitionsView(ApiView):
    @operation(
        "What may be done to an outage, by this caller",
        response=serializers.TransitionsResponse,
        path=PATH,
        refuses=(OutageNotFound,),
        example=examples.TRANSITIONS,
    )
    def get(self, request: Request, reference: str) -> Any:
        moves.require_may_read(self.actor)
        outage = queries.get_outage(reference, actor=self.actor)
        site = None
        if outage.site_id:
            site = network.site_facts([outage.site_id])[outage.site_id]
        is_own = outage.created_by == self.actor.id
        acts = moves.acts(self.actor, telling.place_of(site), outage.status, is_own=is_own)
        return {
            "outage_id": outage.reference,
            "current_status": outage.status,
            "valid_next_states": sorted(
                {state.value for state in moves.TRANSITIONS[Status(outage.status)].values()}
            ),
            "actions": [
                {"action": act.action, "allowed": act.allowed, "reason": act.reason} for act in acts
            ],
        }


class TimelineQuery(ListQuery):
    event_type: Annotated[list[str], wire.many()] = Field(default_factory=list)
    date_from: str | None = Field(
        None, validation_alias=AliasChoices("date_from", "start_date", "from")
    )
    date_to: str | None = Field(None, validation_alias=AliasChoices("date_to", "end_date", "to"))


class TimelineView(ApiView):
    @operation(
        "What happened to an outage, oldest first",
        response=list_of(serializers.TimelineEventResponse),
        query=TimelineQuery,
        path=PATH,
        refuses=(OutageNotFound,),
        example=examples.TIMELINE,
    )
    def get(self, request: Request, reference: str) -> Any:
        moves.require_may_read(self.actor)
        query = wire.read_query(TimelineQuery, dict(request.query_params.lists()))
        outage = queries.get_outage(reference, actor=self.actor)
        low, high = wire.span(query.date_from, query.date_to, query.tz)
        entries = [
            audit.view(entry)
            for entry in audit.timeline(
                outage.reference,
                since=low[1].astimezone(UTC).strftime(audit.INSTANT) if low else None,
                until=high[1].astimezone(UTC).strftime(audit.INSTANT) if high else None,
            )
        ]
        told = [
            form
            for entry in entries
            if (form := serializers.timeline_form(outage.reference, entry))
            and (not query.event_type or form["event_type"] in query.event_type)
        ]
        size = query.page_size or 20
        start = (query.page - 1) * size
        return {
            "items": told[start : start + size],
            "total": len(told),
            "page": query.page,
            "page_size": size,
            "sort_by": "occurred_at",
            "sort_direction": "asc",
        }
