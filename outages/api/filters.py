"""How a list of outages is narrowed; each filter is declared once, OpenAPI reads it from here."""

from typing import Annotated, Any
from uuid import UUID

from django.db.models import Q
from pydantic import AliasChoices, Field

from core import wire
from core.actors import Actor, require
from core.ids import MalformedId, decode
from core.pagination import ListQuery
from network import queries as network
from outages.choices import Cause, Settlement, Severity, Source, Status
from outages.models import Outage, OutageQuerySet
from outages.policy.moves import READ, require_may_read


class OutageQuery(ListQuery):
    """The filters of GET /outages and of its export."""

    severity: Annotated[list[str], wire.many(Severity.values)] = Field(default_factory=list)
    status: Annotated[list[str], wire.many(Status.values)] = Field(default_factory=list)
    cause: Annotated[list[str], wire.many(Cause.values)] = Field(default_factory=list)
    source: Annotated[list[str], wire.many(Source.values)] = Field(default_factory=list)
    settlement: Annotated[list[str], wire.many(Settlement.values)] = Field(default_factory=list)
    site_id: Annotated[list[str], wire.many()] = Field(
        default_factory=list, description="Codes or ids of sites."
    )
    region: Annotated[list[str], wire.many()] = Field(
        default_factory=list, description="Codes or ids of regions, with all below them."
    )
    operator_id: Annotated[list[str], wire.many()] = Field(
        default_factory=list, description="Codes or ids of operators."
    )
    assigned_to: Annotated[str, wire.text(1, 255)] | None = Field(
        None, description="A person as written, or `me`."
    )
    created_by: Annotated[str, wire.text(1, 64)] | None = None
    service: Annotated[str, wire.text(1, 255)] | None = Field(
        None, description="An affected service, exactly."
    )
    search: Annotated[str, wire.text(1, 100)] | None = Field(
        None,
        validation_alias=AliasChoices("search", "q"),
        description="Up to five words, all in reference, site code or site name.",
    )
    date_from: str | None = Field(
        None,
        validation_alias=AliasChoices("date_from", "start_date", "from"),
        description="Detected from this instant, or from the start of this day in `tz`.",
    )
    date_to: str | None = Field(
        None,
        validation_alias=AliasChoices("date_to", "end_date", "to"),
        description="Detected until this instant, or until the end of this day in `tz`.",
    )
    resolved_from: str | None = None
    resolved_to: str | None = None
    updated_since: wire.Instant | None = None
    ids: Annotated[list[str], wire.many(longest=64)] = Field(
        default_factory=list, description="References, 100 at most."
    )
    import_id: str | None = Field(None, description="The import job that made them.")
    deleted: Annotated[str, wire.choice(("only", "include"))] | None = Field(
        None, description="Deleted outages; least role manager."
    )


def narrow(query: OutageQuery, actor: Actor) -> OutageQuerySet:
    """The outages that this actor may see and asks for."""
    require_list(query, actor)
    rows = Outage.objects.visible_to(actor)
    if query.deleted is None:
        rows = rows.live()
    elif query.deleted == "only":
        rows = rows.filter(deleted_at__isnull=False)
    for name in ("severity", "status", "cause", "source", "settlement"):
        if words := getattr(query, name):
            rows = rows.filter(**{f"{name}__in": words})
    rows = _at_places(rows, query)
    if query.assigned_to == "me":
        rows = rows.filter(assignee_id=_person(actor))
    elif query.assigned_to:
        rows = rows.filter(assigned_to__iexact=query.assigned_to)
    if query.created_by:
        rows = rows.filter(created_by=actor.id if query.created_by == "me" else query.created_by)
    if query.service:
        rows = rows.filter(affected_services__contains=[query.service])
    if query.ids:
        rows = rows.filter(_any_reference(query.ids))
    if query.import_id:
        rows = rows.filter(import_job=decode("job", query.import_id))
    if query.updated_since:
        rows = rows.filter(updated_at__gte=query.updated_since)
    rows = _between(rows, "detected_at", query.date_from, query.date_to, query.tz)
    rows = _between(rows, "resolved_at", query.resolved_from, query.resolved_to, query.tz)
    return rows.search(query.search) if query.search else rows


def require_list(query: OutageQuery, actor: Actor) -> None:
    """Anyone with a role may list; deleted ones are a manager's."""
    require_may_read(actor)
    if query.deleted:
        require(actor, "manager", READ)


def _at_places(rows: OutageQuerySet, query: OutageQuery) -> OutageQuerySet:
    if query.site_id:
        sites = network.resolve_sites(query.site_id)
        codes = Q()
        for key in query.site_id:
            codes |= Q(site__isnull=True, site_code__iexact=key)
        rows = rows.filter(Q(site_id__in=[site.id for site in sites.values()]) | codes)
    if query.region:
        below = Q(pk__in=[])
        for top in network.regions_named(query.region):
            below |= Q(site__region__path__startswith=top.path)
        rows = rows.filter(below)
    if query.operator_id:
        rows = rows.filter(site__operator__in=network.operators_named(query.operator_id))
    return rows


def _any_reference(ids: list[str]) -> Q:
    wanted = Q()
    for key in ids:
        wanted |= Q(reference__iexact=key)
    return wanted


def _person(actor: Actor) -> UUID | None:
    try:
        return decode("usr", actor.id)
    except MalformedId:
        return None


def _between(
    rows: OutageQuerySet, field: str, start: str | None, end: str | None, tz: str
) -> OutageQuerySet:
    bounds: dict[str, Any] = {
        f"{field}__{bound[0]}": bound[1] for bound in wire.span(start, end, tz) if bound
    }
    return rows.filter(**bounds)
