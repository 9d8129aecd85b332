"""Reads of outages that leave the app."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count

from core import statements
from core.actors import Actor
from core.errors import NotFound
from core.ids import MalformedId, decode
from network import queries as network
from network.queries import SiteFacts
from outages.choices import Severity, Status
from outages.models import Outage
from outages.policy import intake


class OutageNotFound(NotFound):
    code = "outage_not_found"
    title = "Outage not found"
    summary = "There is no such outage, or it lies outside of your sites."


@dataclass(frozen=True)
class Life:
    n: int
    resolved_at: datetime
    resolved_by: str
    reopened_at: datetime | None
    restored_between: bool


@dataclass(frozen=True)
class OutageFacts:
    """What the domains above decide by."""

    id: UUID
    reference: str
    severity: str
    status: str
    site_id: UUID | None
    affected_services: tuple[str, ...]
    detected_at: datetime
    resolved_at: datetime | None
    declared_mttr_minutes: int | None
    resolved_by: str | None
    lives: tuple[Life, ...]
    deleted: bool
    settlement: str
    import_job: UUID | None


def get_outage(
    key: str | UUID, *, actor: Actor | None = None, lock: bool = False, deleted: bool = False
) -> Outage:
    """The outage with this reference (in any case) or UUID, as far as the actor sees it.

    Raises: OutageNotFound.
    """
    rest = "" if deleted else " AND t.deleted_at IS NULL"
    rest += " FOR UPDATE" if lock else ""
    found: list[Outage] = []
    if isinstance(key, str) and intake.is_reference(key):
        found = statements.rows(Outage, f"WHERE upper(t.reference) = upper(%s){rest}", [key])
    if not found:
        found = statements.rows(Outage, f"WHERE t.id = %s{rest}", [_uuid(key)])
    if not found or not (actor is None or _sees(actor, found[0])):
        raise OutageNotFound
    return found[0]


def _sees(actor: Actor, outage: Outage) -> bool:
    if network.visible_sites(actor) is None:
        return True
    return Outage.objects.visible_to(actor).filter(id=outage.id).exists()


def _uuid(key: str | UUID) -> UUID:
    if isinstance(key, UUID):
        return key
    try:
        return decode("out", key)
    except MalformedId:
        raise OutageNotFound from None


_FACTS = f"""
SELECT o.id, o.reference, o.severity, o.status, o.site_id, o.affected_services, o.detected_at,
       o.resolved_at, o.declared_mttr_minutes, o.deleted_at IS NOT NULL, o.settlement,
       o.import_job, l.n, l.resolved_at, l.resolved_by, l.reopened_at, l.restored_between,
       {network.SITE_COLUMNS}
  FROM outages_outage AS o
  LEFT JOIN outages_outagelife AS l ON l.outage_id = o.id
  LEFT JOIN network_site AS s ON s.id = o.site_id
  {network.SITE_REGION}
 WHERE o.id = %s
 ORDER BY l.n
"""  # noqa: S608 - constants
_LIFE, _SITE = slice(12, 17), slice(17, None)


def facts(outage_id: UUID) -> tuple[OutageFacts, SiteFacts | None]:
    """The facts of an outage, deleted ones included, and of its site; one statement.

    Raises: OutageNotFound.
    """
    rows = statements.fetch(_FACTS, [outage_id])
    if not rows:
        raise OutageNotFound
    lives = [Life(*row[_LIFE]) for row in rows if row[_LIFE.start] is not None]
    found = _facts(rows[0][: _LIFE.start], lives)
    return found, network.facts_of(rows[0][_SITE]) if found.site_id else None


def _facts(row: Sequence[Any], lives: list[Life]) -> OutageFacts:
    pk, reference, severity, status, site_id, *rest = row
    services, detected_at, resolved_at, declared, deleted, settlement, import_job = rest
    resolved_by = lives[-1].resolved_by if lives and resolved_at else None
    return OutageFacts(
        id=pk,
        reference=reference,
        severity=severity,
        status=status,
        site_id=site_id,
        affected_services=tuple(services),
        detected_at=detected_at,
        resolved_at=resolved_at,
        declared_mttr_minutes=declared,
        resolved_by=resolved_by,
        lives=tuple(lives),
        deleted=deleted,
        settlement=settlement,
        import_job=import_job,
    )


def of_import(job_id: UUID) -> list[UUID]:
    """The outages that this import made."""
    return list(
        Outage.objects.filter(import_job=job_id).order_by("id").values_list("id", flat=True)
    )


def open_outages_at(site: UUID, service: str | None = None) -> list[Outage]:
    """The open outages of a site, of those that name this service if one is given."""
    rows = Outage.objects.live().filter(status=Status.OPEN, site_id=site)
    if service is not None:
        rows = rows.filter(affected_services__contains=[service])
    return list(rows.order_by("detected_at", "id"))


def by_reference(references: Collection[str]) -> dict[str, Outage]:
    """The live outages of these references, spelled as stored."""
    rows = Outage.objects.live().filter(reference__in=references)
    return {outage.reference: outage for outage in rows}


def references(ids: Sequence[UUID]) -> dict[UUID, str]:
    """The references of these outages."""
    return dict(Outage.objects.filter(id__in=ids).values_list("id", "reference"))


def visible_ids(actor: Actor, ids: Sequence[UUID]) -> set[UUID]:
    """Those of these outages that the actor may see."""
    rows = Outage.objects.live().visible_to(actor).filter(id__in=ids)
    return set(rows.values_list("id", flat=True))


def open_by_severity(actor: Actor) -> dict[str, int]:
    """How many open outages the actor sees, by severity."""
    rows = Outage.objects.live().visible_to(actor).filter(status=Status.OPEN)
    counted = rows.values("severity").annotate(n=Count("id")).values_list("severity", "n")
    return dict.fromkeys(Severity.values, 0) | dict(counted)


def count_resolved(actor: Actor) -> int:
    """How many resolved outages the actor sees."""
    return Outage.objects.live().visible_to(actor).filter(status=Status.RESOLVED).count()
