"""How outages speak of a change: the audit record and the event, from one outage as it now is."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from audit.services import Record
from core import wire
from core.actors import Actor, Place
from core.ids import encode
from network.choices import SiteStatus
from network.queries import SiteFacts
from outages.events import OutageEvent
from outages.models import Outage

E = TypeVar("E", bound=OutageEvent)


def place_of(site: SiteFacts | None) -> Place | None:
    """Where the outage is, as permissions see it; None: nobody knows, or has verified it."""
    return site.place if site and site.status != SiteStatus.UNVERIFIED else None


def event(cls: type[E], outage: Outage, site: SiteFacts | None, at: datetime, **more: Any) -> E:
    """The event of this class about the outage as it now is."""
    return cls(
        occurred_at=at,
        outage_id=outage.reference,
        outage_uuid=str(outage.id),
        site_id=encode("site", outage.site_id) if outage.site_id else None,
        region_id=encode("reg", site.region_id) if site and site.region_id else None,
        operator_id=encode("opr", site.operator_id) if site and site.operator_id else None,
        severity=outage.severity,
        status=outage.status,
        version=outage.version,
        **more,
    )


def entry(
    action: str,
    outage: Outage,
    actor: Actor,
    at: datetime,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Record:
    """The audit record of one act on this outage."""
    links = [outage.reference]
    if outage.site_id:
        links.append(encode("site", outage.site_id))
    if outage.import_job:
        links.append(encode("job", outage.import_job))
    return Record(
        action=f"outages.{action}",
        subject=("outage", outage.reference),
        actor=actor,
        at=at,
        before=_spelled(before),
        after=_spelled(after),
        reason=reason,
        links=links,
    )


def _spelled(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {name: spelled(value) for name, value in values.items()} if values else None


def spelled(value: Any) -> Any:
    """A field's value as JSON tells it."""
    if isinstance(value, datetime):
        return wire.instant(value)
    if isinstance(value, UUID):
        return str(value)
    return float(value) if isinstance(value, Decimal) else value
