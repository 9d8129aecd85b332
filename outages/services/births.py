"""Opening outages: one, or a whole file's worth, through the same set-based path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from django.db import transaction
from django.db.models.base import DEFERRED
from django.db.models.functions import Upper

from accounts import queries as accounts
from audit import services as audit
from audit.services import Record
from core import events, inserting, statements
from core.actors import Actor, Verdict
from core.errors import Busy, Conflict, Fault, ValidationFailed
from core.events import Event
from core.ids import uuid7
from network import queries as network_queries
from network import services as network
from network.queries import SiteFacts
from outages.choices import Settlement, Source, Status
from outages.events import OutageCreated, OutageResolved
from outages.models import Outage, OutageLife
from outages.policy import intake, moves
from outages.policy.intake import OutageFacts
from outages.services import telling

# A reference from the sequence, of at least six digits.
_MADE = "'OUT-' || to_char(nextval('outages_reference'), 'FM999999999999000000')"


class ReferenceTaken(Conflict):
    """The reference belongs to another outage, deleted ones included."""

    code = "reference_taken"
    title = "Reference taken"


class OutageKnown(Conflict):
    """The same birth was told before, by somebody whose sites the caller does not see."""

    code = "outage_known"
    title = "Outage known"
    summary = "This outage is known already, at a site outside of yours."


@dataclass(frozen=True)
class Opened:
    """What became of one birth: an outage, new or known before, or the fault that stopped it."""

    outage: Outage | None = None
    created: bool = False
    fault: Fault | None = None


def open_outage(
    facts: OutageFacts,
    *,
    actor: Actor,
    at: datetime,
    source: Source = Source.PERSON,
    settlement: Settlement = Settlement.NORMAL,
) -> tuple[Outage, bool]:
    """Record a loss of service; returns the outage and whether it is new.

    The same birth again is the same outage. Emits OutageCreated, and OutageResolved
    for one that has its end. Raises: NotPermitted, ReferenceTaken, ValidationFailed.
    """
    (opened,) = open_outages(
        [facts], actor=actor, at=at, source=source, settlement=settlement, bulk=False
    )
    if opened.fault is not None:
        if opened.fault.code == ReferenceTaken.code:
            raise ReferenceTaken(opened.fault.detail, **opened.fault.more)
        if opened.fault.code == OutageKnown.code:
            raise OutageKnown
        raise ValidationFailed(faults=[opened.fault])
    assert opened.outage is not None  # noqa: S101 - no fault: there is one
    return opened.outage, opened.created


def open_outages(
    births: Sequence[OutageFacts],
    *,
    actor: Actor,
    at: datetime,
    source: Source,
    settlement: Settlement,
    import_job: UUID | None = None,
    bulk: bool = True,
) -> list[Opened]:
    """Record several losses of service in a constant number of statements.

    Faults are per birth and write nothing for that birth; the others are written. Whether some
    may stand without the others is the caller's transaction to decide. Raises: NotPermitted.
    """
    with transaction.atomic():
        sites = network_queries.resolve_sites({each.site_id for each in births if each.site_id})
        opened: list[Opened] = [Opened()] * len(births)
        candidates: list[tuple[int, Outage]] = []
        nameless = sum(1 for facts in births if facts.id is None)
        # That of a single outage is drawn by the statement that inserts it.
        made = iter(_draw(nameless) if len(births) > 1 else ())
        assignees = _assignees(births)
        gate = _Gate(actor, at, bulk=bulk)
        accepted: list[tuple[int, OutageFacts]] = []
        for index, facts in enumerate(births):
            fault = gate.fault(facts, sites.get((facts.site_id or "").lower()))
            if fault is None:
                accepted.append((index, facts))
            else:
                opened[index] = Opened(fault=fault)
        sites |= _new_sites([facts for _, facts in accepted], sites, actor, at)
        for index, facts in accepted:
            site = sites.get((facts.site_id or "").lower())
            outage = _born(facts, site, actor, at, source, settlement, import_job)
            outage.reference = facts.id or next(made, "")
            outage.assignee_id = assignees.get((facts.assigned_to or "").lower())
            candidates.append((index, outage))
        written = []
        while candidates:
            # In one order, so that two loads of the same rows wait and do not deadlock.
            candidates.sort(key=lambda each: each[1].birth_key)
            new = _insert([outage for _, outage in candidates])
            for index, outage in candidates:
                if outage.id in new:
                    opened[index] = Opened(outage, created=True)
                    site = sites.get((outage.site_code or "").lower())
                    written.append((births[index], outage, site))
            known, candidates = _known(
                [each for each in candidates if each[1].id not in new], births, actor
            )
            for index, result in known:
                opened[index] = result
            _draw_again([outage for _, outage in candidates])
        _tell(written, actor, at, bulk)
    return opened


def _new_sites(
    births: Sequence[OutageFacts], known: Mapping[str, SiteFacts], actor: Actor, at: datetime
) -> dict[str, SiteFacts]:
    """The sites that nobody knew, unverified, by lower-case code."""
    named = {
        facts.site_id: facts.site_name
        for facts in births
        if facts.site_id and facts.site_id.lower() not in known
    }
    return network.register_sites(named, actor=actor, at=at) if named else {}


def _assignees(births: Sequence[OutageFacts]) -> dict[str, UUID]:
    named = {facts.assigned_to.lower() for facts in births if facts.assigned_to}
    return accounts.active_people(named) if named else {}


def _draw(count: int) -> list[str]:
    if not count:
        return []
    drawn = f"SELECT {_MADE} FROM generate_series(1, %s)"  # noqa: S608 - a constant
    return [reference for (reference,) in statements.fetch(drawn, [count])]


def _draw_again(outages: list[Outage]) -> None:
    """Give references that nobody has to outages whose made one is taken.

    Where a whole stretch is taken, as after the import of another installation's export, the
    draw doubles until it is through.
    """
    size = 16 * len(outages)
    free: list[str] = []
    while len(free) < len(outages):
        made = _draw(size)
        rows = Outage.objects.annotate(upper=Upper("reference")).filter(upper__in=made)
        taken = set(rows.values_list("upper", flat=True))
        free += [reference for reference in made if reference not in taken]
        size *= 2
    for outage, reference in zip(outages, free, strict=False):
        outage.reference = reference


class _Gate:
    """Who may open outages where; in a bulk the sites of others are faults of their rows."""

    def __init__(self, actor: Actor, at: datetime, *, bulk: bool) -> None:
        self._actor, self._at, self._bulk = actor, at, bulk
        self._asked: dict[tuple[UUID | None, str], Verdict] = {}

    def fault(self, facts: OutageFacts, site: SiteFacts | None) -> Fault | None:
        """What keeps this birth out. Raises: NotPermitted."""
        role = "operator"
        if self._bulk:
            role = "engineer"
        elif facts.mttr_minutes is not None or facts.resolved_at is not None:
            role = moves.role_to_resolve(facts.resolved_at, facts.mttr_minutes, self._at)
        verdict = self._verdict(site, role)
        if self._bulk and verdict.reason == "outside_scope":
            return Fault("/site_id", "out_of_scope", "site_id: this site lies outside of yours.")
        moves.require(verdict, role)
        ended_at = facts.resolved_at or self._at
        if facts.status == Status.RESOLVED and ended_at < facts.detected_at:
            detail = "detected_at: it lies after the end."
            return Fault("/detected_at", "resolved_before_detected", detail)
        return intake.ahead_fault(
            {"detected_at": facts.detected_at, "resolved_at": facts.resolved_at}, self._at
        )

    def _verdict(self, site: SiteFacts | None, role: str) -> Verdict:
        key = (site.id if site else None, role)
        if key not in self._asked:
            self._asked[key] = moves.may_act(self._actor, role, telling.place_of(site))
        return self._asked[key]


_COLUMNS = tuple(field.attname for field in Outage._meta.concrete_fields if not field.generated)
_row = attrgetter(*_COLUMNS)
# In the order of the model's fields; what the database makes is left out of a new instance.
_BLANK = {
    field.attname: DEFERRED if field.generated else field.get_default()
    for field in Outage._meta.concrete_fields
}


def _born(
    facts: OutageFacts,
    site: SiteFacts | None,
    actor: Actor,
    at: datetime,
    source: Source,
    settlement: Settlement,
    import_job: UUID | None,
) -> Outage:
    resolved_at: datetime | None = None
    declared: int | None = None
    if facts.status == Status.RESOLVED:
        resolved_at, declared = moves.resolution(facts.resolved_at, facts.mttr_minutes, at)
    values = {
        "id": uuid7(),
        "site_id": site.id if site else None,
        "site_code": facts.site_id,
        "site_name": facts.site_name,
        "severity": facts.severity,
        "status": facts.status,
        "cause": facts.cause,
        "detected_at": facts.detected_at,
        "resolved_at": resolved_at,
        "declared_mttr_minutes": declared,
        "description": facts.description,
        "root_cause": facts.root_cause,
        "resolution_notes": facts.resolution_notes,
        "affected_services": facts.affected_services,
        "affected_subscribers": facts.affected_subscribers,
        "latitude": facts.location.latitude if facts.location else None,
        "longitude": facts.location.longitude if facts.location else None,
        "assigned_to": facts.assigned_to,
        "source": source,
        "settlement": settlement,
        "import_job": import_job,
        "birth_key": facts.birth_key,
        "created_by": actor.id,
        "created_at": at,
        "updated_at": at,
    }
    # By position: by names Django takes four times as long, which tells in a file of outages.
    return Outage(*(_BLANK | values).values())  # type: ignore[misc]


def _insert(outages: list[Outage]) -> set[UUID]:
    """Insert what collides with nothing; returns the ids that were. The unique indexes decide."""
    if len(outages) == 1 and not outages[0].reference:
        new = _insert_drawing(outages[0])
    else:
        new = inserting.insert_new(Outage, _COLUMNS, outages, _row)
    inserting.insert(
        OutageLife,
        ("id", "outage_id", "n", "resolved_at", "resolved_by", "declared_mttr_minutes",
         "restored_between"),
        [each for each in outages if each.id in new and each.resolved_at is not None],
        lambda each: (
            uuid7(), each.id, 1, each.resolved_at, each.created_by, each.declared_mttr_minutes,
            False,
        ),
    )  # fmt: skip
    return new


_NAMELESS = tuple(name for name in _COLUMNS if name != "reference")
_nameless_row = attrgetter(*_NAMELESS)
_INSERT_DRAWING = f"""
INSERT INTO outages_outage (reference, {", ".join(_NAMELESS)})
VALUES ({_MADE}, {", ".join(["%s"] * len(_NAMELESS))})
ON CONFLICT DO NOTHING
RETURNING reference
"""  # noqa: S608 - constants


def _insert_drawing(outage: Outage) -> set[UUID]:
    """Insert one outage and give it the next made reference, in one round trip."""
    drawn = statements.fetch_long(_INSERT_DRAWING, _nameless_row(outage))
    if not drawn:
        return set()
    [(outage.reference,)] = drawn
    return {outage.id}


def _known(
    left: list[tuple[int, Outage]], births: Sequence[OutageFacts], actor: Actor
) -> tuple[list[tuple[int, Opened]], list[tuple[int, Outage]]]:
    """What the births that collided are: the outage they repeat, or a reference in use.

    Beside them those that only had bad luck with a made reference.
    """
    if not left:
        return [], []
    references = [outage.reference.upper() for _, outage in left]
    by_reference = {
        outage.reference.upper(): outage
        for outage in Outage.objects.annotate(upper=Upper("reference")).filter(upper__in=references)
    }
    by_birth = {
        outage.birth_key: outage
        for outage in Outage.objects.live().filter(
            birth_key__in=[outage.birth_key for _, outage in left]
        )
    }
    met = {outage.id for outage in (*by_reference.values(), *by_birth.values())}
    seen = set(Outage.objects.visible_to(actor).filter(id__in=met).values_list("id", flat=True))
    found: list[tuple[int, Opened]] = []
    unlucky: list[tuple[int, Outage]] = []
    for index, outage in left:
        same = by_reference.get(outage.reference.upper())
        twin = by_birth.get(outage.birth_key)
        if births[index].id is not None and same is not None:
            if same.deleted_at is None and same.birth_key == outage.birth_key:
                found.append((index, _repeated(same, seen)))
            else:
                detail = f"The reference {outage.reference} is taken by another outage."
                more = {"existing_id": same.reference}
                fault = Fault("/id", ReferenceTaken.code, detail, more=more)
                found.append((index, Opened(fault=fault)))
        elif twin is not None:
            found.append((index, _repeated(twin, seen)))
        elif births[index].id is None and (same is not None or not outage.reference):
            unlucky.append((index, outage))
        else:
            raise Busy  # it collided with a row that is gone again
    return found, unlucky


def _repeated(known: Outage, seen: set[UUID]) -> Opened:
    """The outage that a birth repeats, unless it lies where the caller sees nothing."""
    if known.id in seen:
        return Opened(known)
    return Opened(fault=Fault("/description", OutageKnown.code, OutageKnown.summary))


def _tell(
    written: list[tuple[OutageFacts, Outage, SiteFacts | None]],
    actor: Actor,
    at: datetime,
    bulk: bool,
) -> None:
    records: list[Record] = []
    announced: list[Event] = []
    for facts, outage, site in written:
        given = facts.model_dump(mode="json", exclude_unset=True) | {"id": outage.reference}
        records.append(telling.entry("open", outage, actor, at, after=given))
        announced.append(telling.event(OutageCreated, outage, site, at, bulk=bulk))
        if outage.resolved_at is not None:
            announced.append(resolved_event(outage, site, at, bulk=bulk))
    if records:
        with inserting.together():
            audit.record_many(records)
            events.publish_many(announced)


def resolved_event(
    outage: Outage, site: SiteFacts | None, at: datetime, *, bulk: bool = False
) -> OutageResolved:
    """The announcement of an end."""
    return telling.event(
        OutageResolved,
        outage,
        site,
        at,
        bulk=bulk,
        resolved_at=outage.resolved_at,
        declared_mttr_minutes=outage.declared_mttr_minutes,
        duration_minutes=moves.duration_minutes(outage.detected_at, outage.resolved_at),
    )
