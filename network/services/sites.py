"""Sites: made on purpose, or registered because somebody named them."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from audit import services as audit
from core import events
from core.actors import Actor
from core.errors import Conflict
from core.ids import encode, uuid7
from network import policy, queries
from network.choices import SiteKind, SiteStatus
from network.events import SiteRegistered
from network.models import Site
from network.queries import SiteFacts
from network.services.frame import insert, unknown


class SiteCodeExists(Conflict):
    code = "site_code_exists"
    title = "Site code exists"
    summary = "Another site has this code."


def register_site(
    code: str | None,
    name: str,
    *,
    actor: Actor,
    at: datetime,
    region: str | None = None,
) -> SiteFacts | None:
    """Answer the site of this code (of a merged one its target), or make an unverified one.

    None where there is no code, or one that cannot be: an unknown place refuses nothing.
    Emits SiteRegistered and audits for a new one. Raises: NotPermitted (for a new one).
    """
    if code is None:
        return None
    return register_sites({code: name}, actor=actor, at=at, region=region).get(code.lower())


def register_sites(
    named: Mapping[str, str],
    *,
    actor: Actor,
    at: datetime,
    region: str | None = None,
) -> dict[str, SiteFacts]:
    """Do ``register_site`` for many codes with their names, in a constant number of statements.

    Keyed by lower-case code; codes that cannot be are missing.
    """
    known = queries.resolve_sites(named)
    missing = {
        code.lower(): (code, name)
        for code, name in named.items()
        if code.lower() not in known and policy.is_code(code)
    }
    if not missing:
        return known
    policy.require_may_register_site(actor)
    within = queries.region(region) if region else None
    with transaction.atomic():
        # In order, so that two callers with the same unknown sites wait and do not deadlock.
        rows = [
            Site(
                id=uuid7(),
                code=code,
                name=(name.strip() or code)[:255],
                kind=SiteKind.OTHER,
                status=SiteStatus.UNVERIFIED,
                region=within,
                created_at=at,
                updated_at=at,
            )
            for _, (code, name) in sorted(missing.items())
        ]
        Site.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
        # Another caller may have been first; then theirs is the site.
        found = queries.resolve_sites(missing)
        ours = {row.id: row for row in rows}
        made = [facts for facts in found.values() if facts.id in ours]
        if made:
            _announce(made, actor, at)
    return known | found


def _announce(made: list[SiteFacts], actor: Actor, at: datetime) -> None:
    audit.record_many(
        audit.Record(
            action="network.register_site",
            subject=("site", site.wire_id),
            actor=actor,
            at=at,
            after={"code": site.code, "name": site.name, "status": site.status},
        )
        for site in made
    )
    events.publish_many(
        SiteRegistered(
            occurred_at=at,
            site_id=site.wire_id,
            code=site.code,
            name=site.name,
            region_id=encode(policy.REGION, site.region_id) if site.region_id else None,
            operator_id=None,
        )
        for site in made
    )


def create_site(new: policy.NewSite, *, actor: Actor, at: datetime) -> Site:
    """Make a site, active or planned. Audits.

    Raises: NotPermitted, ValidationFailed, SiteCodeExists.
    """
    region = queries.region(new.region) if new.region else None
    policy.require_may_create_site(actor, queries.place_in_region(region.id if region else None))
    if new.region and region is None:
        raise unknown("region", "region", new.region)
    operator = queries.operator(new.operator) if new.operator else None
    if new.operator and operator is None:
        raise unknown("operator", "operator", new.operator)
    with transaction.atomic():
        site = Site(
            id=uuid7(),
            region=region,
            operator=operator,
            latitude=new.location.latitude if new.location else None,
            longitude=new.location.longitude if new.location else None,
            created_at=at,
            updated_at=at,
            **new.model_dump(exclude={"region", "operator", "location"}),
        )
        insert(site, SiteCodeExists)
        audit.record(
            action="network.create_site",
            subject=("site", site.wire_id),
            actor=actor,
            at=at,
            after=new.model_dump(mode="json", exclude_none=True),
            links=[row.wire_id for row in (region, operator) if row is not None],
        )
        return site
