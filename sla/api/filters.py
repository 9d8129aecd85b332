"""What the SLA's routes read from path, query and body."""

import re
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from pydantic import AliasChoices, Field

from core import wire
from core.actors import Actor
from core.errors import Fault, ValidationFailed
from core.pagination import ListQuery
from network import queries as network
from outages import queries as outages
from outages.choices import Severity
from outages.queries import OutageNotFound
from sla.choices import MttrSource, Outcome, Rating, ScopeKind
from sla.policy.assess import MTTR_LIMIT
from sla.queries import ResultFilters

MttrMinutes = Annotated[int, wire.whole(0, MTTR_LIMIT, "mttr_out_of_range")]
Basis = Annotated[str, wire.choice((MttrSource.DERIVED.value, MttrSource.DECLARED.value))]
SeverityWord = Annotated[str, wire.choice(Severity.values)]
OutageKey = Annotated[str, wire.text(1, 64)]

_SCOPE = re.compile(r"(operator|site):([A-Za-z0-9][A-Za-z0-9._-]{0,63})")


def _scope(value: object) -> str:
    if value == ScopeKind.DEFAULT or (isinstance(value, str) and _SCOPE.fullmatch(value)):
        return str(value)
    raise wire.fault("unknown_scope", "Must be default, operator:<code> or site:<code>.")


def _version(value: object) -> int:
    """Read ``2``, ``2.0`` or ``v2`` as version 2."""
    found = re.fullmatch(r"v?(\d{1,9})(\.0)?", str(value).strip())
    if found is None or int(found[1]) < 1:
        raise wire.fault("unknown_version", "Must be a version like 1.0.")
    return int(found[1])


Scope = Annotated[str, wire.Reading(_scope, {"type": "string", "examples": ["operator:acme"]})]
Version = Annotated[int, wire.Reading(_version, {"type": "string", "examples": ["1.0"]})]


class SeverityPath(wire.Input):
    severity: SeverityWord


class ConfigQuery(wire.Input):
    """Which terms, and how much of them."""

    include_hashes: wire.Flag = Field(
        False, validation_alias=AliasChoices("include_hashes", "include_hash")
    )
    scope: Scope = Field(
        ScopeKind.DEFAULT.value, description="default, operator:<code> or site:<code>."
    )
    at: wire.Instant | None = Field(None, description="In force then; now without it.")


class CalculationQuery(wire.Input):
    outage_id: OutageKey
    severity: SeverityWord
    mttr_minutes: MttrMinutes
    policy_version: Version | None = Field(
        None, description="A published version of the default terms; those in force without it."
    )


class Preview(wire.Input):
    severity: SeverityWord
    mttr_minutes: MttrMinutes


class Recomputation(wire.Input):
    """Nothing, or (least role manager) which minutes count from now on."""

    mttr_source: Basis | None = None


class ViolationQuery(ListQuery):
    """The filters of GET /outages/violations."""

    outage_id: OutageKey | None = Field(None, description="Reference or UUID.")
    rating: Annotated[list[str], wire.many(Rating.values)] = Field(default_factory=list)
    severity: Annotated[list[str], wire.many(Severity.values)] = Field(default_factory=list)
    site_id: Annotated[list[str], wire.many()] = Field(
        default_factory=list,
        validation_alias=AliasChoices("site_id", "site"),
        description="Codes or ids of sites.",
    )
    operator_id: Annotated[list[str], wire.many()] = Field(
        default_factory=list, description="Codes or ids of operators."
    )
    date_from: str | None = Field(
        None,
        validation_alias=AliasChoices("date_from", "start_date", "from"),
        description="Resolved from this instant, or from the start of this day in `tz`.",
    )
    date_to: str | None = Field(
        None,
        validation_alias=AliasChoices("date_to", "end_date", "to"),
        description="Resolved until this instant, or until the end of this day in `tz`.",
    )


class ResultQuery(ViolationQuery):
    """The filters of GET /sla/results."""

    status: Annotated[list[str], wire.many(Outcome.values)] = Field(default_factory=list)
    include_superseded: wire.Flag = False


def narrowing(query: ViolationQuery) -> ResultFilters:
    """The filters of a list query, its names resolved to ids. Names that are none match nothing."""
    low, high = wire.span(query.date_from, query.date_to, query.tz)
    return ResultFilters(
        outage_ids=_outage_ids(query.outage_id) if query.outage_id else None,
        site_ids=_site_ids(query.site_id) if query.site_id else None,
        operator_ids=_operator_ids(query.operator_id) if query.operator_id else None,
        ratings=query.rating or None,
        severities=query.severity or None,
        occurred_from=low,
        occurred_to=high,
    )


def narrowing_of_results(query: ResultQuery) -> ResultFilters:
    """The same, and which results of an outage."""
    return replace(
        narrowing(query),
        statuses=query.status or None,
        include_superseded=query.include_superseded,
    )


def _outage_ids(key: str) -> list[UUID]:
    try:
        return [outages.get_outage(key, deleted=True).id]
    except OutageNotFound:
        return []


def _site_ids(keys: list[str]) -> list[UUID]:
    return [site.id for site in network.resolve_sites(keys).values()]


def _operator_ids(keys: list[str]) -> list[UUID]:
    return [found.id for found in network.operators_named(keys)]


def scope_of(scope: str, actor: Actor) -> tuple[UUID | None, UUID | None]:
    """The site and the operator whose terms ``scope`` asks for. Raises: ValidationFailed."""
    kind, _, code = scope.partition(":")
    if kind == ScopeKind.OPERATOR:
        operator = network.operator(code)
        if operator is None:
            raise _unknown("unknown_operator", f"No operator is called {code}.")
        return None, operator.id
    if kind == ScopeKind.SITE:
        site = network.resolve_sites([code]).get(code.lower())
        seen = network.visible_sites(actor)
        if site is None or not (seen is None or seen.filter(id=site.id).exists()):
            raise _unknown("unknown_site", f"No site is called {code}.")
        return site.id, site.operator_id
    return None, None


def _unknown(code: str, detail: str) -> ValidationFailed:
    return ValidationFailed(faults=[Fault("/scope", code, detail, "query")])
