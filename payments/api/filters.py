"""How a list of payments is narrowed; each filter is declared once, OpenAPI reads it from here."""

from contextlib import suppress
from typing import Annotated
from uuid import UUID

from pydantic import AliasChoices, Field

from core import ids, wire
from core.ids import MalformedId
from core.pagination import ListQuery
from network import queries as network
from outages import queries as outages
from outages.queries import OutageNotFound
from payments.queries import PaymentFilters


class PaymentQuery(ListQuery):
    """The filters of GET /payments. A word that is none of ours matches nothing."""

    status: Annotated[list[str], wire.many()] = Field(
        default_factory=list, description="pending, confirmed (= completed), failed, cancelled."
    )
    type: Annotated[list[str], wire.many()] = Field(
        default_factory=list, description="reward or penalty."
    )
    state: Annotated[list[str], wire.many()] = Field(default_factory=list)
    reason: Annotated[list[str], wire.many()] = Field(default_factory=list)
    direction: Annotated[list[str], wire.many()] = Field(
        default_factory=list, description="payout or collection."
    )
    outage_id: Annotated[list[str], wire.many()] = Field(
        default_factory=list, description="References or UUIDs."
    )
    operator_id: Annotated[list[str], wire.many()] = Field(
        default_factory=list, description="Codes or ids of operators."
    )
    import_id: Annotated[list[str], wire.many()] = Field(
        default_factory=list, description="Import jobs that made the outages."
    )
    date_from: str | None = Field(
        None,
        validation_alias=AliasChoices("date_from", "start_date", "from"),
        description="Requested from this instant, or from the start of this day in `tz`.",
    )
    date_to: str | None = Field(
        None,
        validation_alias=AliasChoices("date_to", "end_date", "to"),
        description="Requested until this instant, or until the end of this day in `tz`.",
    )


def narrowing(query: PaymentQuery) -> PaymentFilters:
    """The filters of a list query, its names resolved to ids. Raises: MalformedId."""
    low, high = wire.span(query.date_from, query.date_to, query.tz)
    return PaymentFilters(
        statuses=_lower(query.status),
        types=_lower(query.type),
        states=_lower(query.state),
        reasons=_lower(query.reason),
        directions=_lower(query.direction),
        outage_ids=_outage_ids(query.outage_id) if query.outage_id else None,
        operator_ids=_operator_ids(query.operator_id) if query.operator_id else None,
        import_ids=[ids.decode("job", key) for key in query.import_id] or None,
        created_from=low,
        created_to=high,
    )


def _lower(words: list[str]) -> list[str] | None:
    return [word.lower() for word in words] or None


def _outage_ids(keys: list[str]) -> list[UUID]:
    """Two look-ups; one more for each that is deleted or spelled in another case."""
    live = outages.by_reference({*keys, *map(str.upper, keys)})
    found = [outage.id for outage in live.values()]
    rest = [key for key in keys if live.keys().isdisjoint((key, key.upper()))]
    bare = {key: outage_id for key in rest if (outage_id := _bare(key)) is not None}
    known = outages.references(list(bare.values())) if bare else {}
    for key in rest:
        if bare.get(key) in known:
            found.append(bare[key])
            continue
        with suppress(OutageNotFound):
            found.append(outages.get_outage(key, deleted=True).id)
    return found


def _bare(key: str) -> UUID | None:
    try:
        return ids.decode("", key)
    except MalformedId:
        return None


def _operator_ids(keys: list[str]) -> list[UUID]:
    return [found.id for found in network.operators_named(keys)]
