"""What the domains above ask: which site is meant, what it is, and who may see it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet
from django.db.models.functions import Lower

from core import statements
from core.actors import Actor, Place, reaches
from core.errors import NotFound
from core.ids import MalformedId, decode, encode
from network import policy
from network.models import Operator, Region, Site

Named = TypeVar("Named", Region, Operator)


class SiteNotFound(NotFound):
    code = "site_not_found"
    title = "Site not found"


@dataclass(frozen=True)
class SiteFacts:
    """A site with what follows from where it lies."""

    id: UUID
    code: str
    name: str
    kind: str
    status: str
    operator_id: UUID | None
    region_id: UUID | None
    region_path: str
    region_ids: Sequence[UUID]  # its region and every region above
    country: str | None
    timezone: str
    criticality: int

    @property
    def wire_id(self) -> str:
        return encode(policy.SITE, self.id)

    @property
    def place(self) -> Place:
        """Where the site is, as permissions see it."""
        return Place(
            site_id=self.wire_id,
            region_ids=frozenset(encode(policy.REGION, region) for region in self.region_ids),
        )


@dataclass(frozen=True)
class OperatorFacts:
    """A counterparty as the domains above name it."""

    id: UUID
    code: str
    name: str
    kind: str
    status: str
    contact_email: str | None

    @property
    def wire_id(self) -> str:
        return encode(policy.OPERATOR, self.id)


# The columns of a SiteFacts, for a statement that joins the site `s`, and what it joins with it.
SITE_COLUMNS = """
       s.id, s.code, s.name, s.kind, s.status, s.operator_id, s.region_id, coalesce(r.path, ''),
       CASE WHEN r.id IS NULL THEN '{}'::uuid[] ELSE
         ARRAY(SELECT a.id FROM network_region a WHERE starts_with(r.path, a.path)) END,
       s.country, s.timezone, s.criticality
"""
SITE_REGION = "LEFT JOIN network_region AS r ON r.id = s.region_id"

# `k` is the site as it was named, `s` the one it was merged into, if it was.
_FACTS = f"""
SELECT lower(k.code), k.id, {SITE_COLUMNS}
  FROM network_site k
  JOIN network_site s ON s.id = coalesce(k.merged_into_id, k.id)
  {SITE_REGION}
"""  # noqa: S608 - constants of this module


_COLUMNS = [field.name for field in fields(SiteFacts)]


def facts_of(row: Sequence[Any]) -> SiteFacts:
    """Read the columns SITE_COLUMNS of a row."""
    return SiteFacts(**dict(zip(_COLUMNS, row, strict=True)))


def resolve_sites(keys: Iterable[str]) -> dict[str, SiteFacts]:
    """Find sites by code, alias of a merged site, or id, in any case; keyed in lower case.

    What nobody knows is missing from the answer. One query.
    """
    wanted = {key.lower() for key in keys}
    codes = [key for key in wanted if policy.is_code(key)]
    ids = {site_id: key for key in wanted if (site_id := _site_id(key)) is not None}
    if not codes and not ids:
        return {}
    rows = statements.fetch(
        f"{_FACTS} WHERE lower(k.code) = ANY(%s) OR k.id = ANY(%s)", [codes, list(ids)]
    )
    found = {ids[row[1]]: facts_of(row[2:]) for row in rows if row[1] in ids}
    return found | {row[0]: facts_of(row[2:]) for row in rows if row[0] in wanted}


def _site_id(key: str) -> UUID | None:
    try:
        return decode(policy.SITE, key)
    except MalformedId:
        return None


def site_facts(site_ids: Collection[UUID]) -> dict[UUID, SiteFacts]:
    """The facts of these sites, as they are stored: a merged site is itself here. One query."""
    if not site_ids:
        return {}
    stored = _FACTS.replace("coalesce(k.merged_into_id, k.id)", "k.id")
    rows = statements.fetch(f"{stored} WHERE k.id = ANY(%s)", [statements.array(site_ids)])
    return {row[1]: facts_of(row[2:]) for row in rows}


def operators_of(site_ids: Collection[UUID]) -> dict[UUID, UUID | None]:
    """The counterparties of these sites. One query."""
    if not site_ids:
        return {}
    rows = "SELECT id, operator_id FROM network_site WHERE id = ANY(%s)"
    return dict(statements.fetch(rows, [statements.array(site_ids)]))


def place(site_id: UUID) -> Place:
    """Where a site is, as permissions see it."""
    facts = site_facts([site_id]).get(site_id)
    return facts.place if facts else Place(site_id=encode(policy.SITE, site_id))


def place_in_region(region_id: UUID | None) -> Place | None:
    """A place in this region that is no site yet; None outside of every region."""
    if region_id is None:
        return None
    above = Region.objects.filter(id=region_id, path__startswith=OuterRef("path"))
    ids = Region.objects.filter(Exists(above)).values_list("id", flat=True)
    return Place(region_ids=frozenset(encode(policy.REGION, each) for each in ids))


def operators(operator_ids: Collection[UUID]) -> dict[UUID, OperatorFacts]:
    """The names and contacts of these counterparties."""
    rows = Operator.objects.filter(id__in=operator_ids).values_list(
        "id", "code", "name", "kind", "status", "contact_email"
    )
    return {row[0]: OperatorFacts(*row) for row in rows}


def visible_sites(actor: Actor) -> QuerySet[Site] | None:
    """The sites the actor may see; None: every one, and what has no site as well."""
    if reaches(actor.global_role, "viewer"):
        return None
    held = Region.objects.filter(id__in=_ids(policy.REGION, actor.region_roles))
    # Not LIKE: a code may hold its wildcards.
    above = Func(OuterRef("path"), F("path"), function="starts_with", output_field=BooleanField())
    regions = Region.objects.filter(Exists(held.filter(above)))
    return Site.objects.filter(
        Q(id__in=_ids(policy.SITE, actor.site_roles)) | Q(region__in=regions)
    )


def get_site(named: str, actor: Actor) -> Site:
    """The site of this code, alias or id, if the actor may see it. Raises: SiteNotFound."""
    facts = resolve_sites([named]).get(named.lower())
    rows = Site.objects.select_related("region", "operator").filter(within(actor, "pk"))
    site = rows.filter(id=facts.id).first() if facts else None
    if site is None:
        raise SiteNotFound(f"There is no site {named}.")
    return site


def visible_operators(actor: Actor) -> QuerySet[Operator]:
    """The counterparties of the sites the actor may see; for global scope all of them."""
    sites = visible_sites(actor)
    if sites is None:
        return Operator.objects.all()
    return Operator.objects.filter(Exists(sites.filter(operator=OuterRef("pk"))))


def within(actor: Actor, field: str = "site") -> Q:
    """What keeps a queryset of rows with a site to those the actor may see.

    Rows without a site are for global scope only.
    """
    sites = visible_sites(actor)
    return Q() if sites is None else Q(**{f"{field}__in": sites})


def _ids(prefix: str, roles: Mapping[str, str]) -> list[UUID]:
    return [decode(prefix, scope_id) for scope_id in roles]


def region(named: str) -> Region | None:
    """Find a region by code or id, in any case."""
    return regions_named([named]).first()


def operator(named: str) -> Operator | None:
    """Find a counterparty by code or id, in any case."""
    return operators_named([named]).first()


def regions_named(named: Iterable[str]) -> QuerySet[Region]:
    """The regions of these codes or ids, in any case; what nobody knows is missing."""
    return _named(Region, policy.REGION, named)


def operators_named(named: Iterable[str]) -> QuerySet[Operator]:
    """The counterparties of these codes or ids, in any case; what nobody knows is missing."""
    return _named(Operator, policy.OPERATOR, named)


def _named(model: type[Named], prefix: str, named: Iterable[str]) -> QuerySet[Named]:
    keys = [key.lower() for key in named]
    codes = [key for key in keys if policy.is_code(key)]
    ids = []
    for key in keys:
        with suppress(MalformedId):
            ids.append(decode(prefix, key))
    # As the unique index spells codes.
    rows = model.objects.alias(lower_code=Lower("code"))
    return rows.filter(Q(lower_code__in=codes) | Q(id__in=ids)).order_by("id")


def in_regions(named: Iterable[str]) -> Q:
    """What keeps sites to these regions (codes or ids) and all below them."""
    inside = Q(pk__in=[])
    for top in regions_named(named):
        inside |= Q(region__path__startswith=top.path)
    return inside
