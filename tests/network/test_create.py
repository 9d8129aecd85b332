"""Regions, counterparties and sites made on purpose."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from audit.models import Entry
from core import wire
from core.actors import NotPermitted
from core.errors import ValidationFailed
from core.models import EventRow
from network import policy, services
from network.models import Operator, Region, Site
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def new_site(**given: Any) -> policy.NewSite:
    return wire.read(policy.NewSite, {"code": "LOS-1", "name": "Lagos Island"} | given)


def test_a_region_lies_in_its_parent() -> None:
    lagos = world.region("lagos", world.region("ng", world.region("emea")))
    assert lagos.path == "emea/ng/lagos/"
    assert Entry.objects.filter(action="network.create_region").count() == 3


def test_regions_end_at_six_levels() -> None:
    region = None
    for level in range(6):
        region = world.region(f"r{level}", region)
    before = world.everything()
    with pytest.raises(services.RegionTooDeep):
        world.region("r6", region)
    assert world.everything() == before


def test_a_parent_that_is_not_there_is_refused() -> None:
    new = policy.NewRegion(code="ng", name="Nigeria", parent="nowhere")
    with pytest.raises(ValidationFailed) as refused:
        services.create_region(new, actor=world.nobody(), at=AT)
    assert refused.value.faults[0].pointer == "/parent"
    assert not Region.objects.exists()


def test_codes_are_unique_without_regard_to_case() -> None:
    world.region("emea")
    world.operator("acme")
    world.site("LOS-1")
    before = world.everything()
    with pytest.raises(services.RegionCodeExists):
        world.region("EMEA")
    with pytest.raises(services.OperatorCodeExists):
        world.operator("ACME")
    with pytest.raises(services.SiteCodeExists):
        world.site("los-1")
    assert world.everything() == before


def test_a_site_is_made_with_all_it_was_given_and_announces_nothing() -> None:
    region, operator = world.region("lagos"), world.operator("acme")
    site = services.create_site(
        new_site(
            kind="POP",
            status="planned",
            region="LAGOS",
            operator=operator.wire_id,
            country="ng",
            location={"latitude": 6.4541, "longitude": "3.3947"},
            timezone="Africa/Lagos",
            criticality=1,
        ),
        actor=world.actor("manager"),
        at=AT,
    )
    site.refresh_from_db()
    assert (site.kind, site.status, site.country, site.timezone) == (
        "pop",
        "planned",
        "NG",
        "Africa/Lagos",
    )
    assert (site.region, site.operator, site.criticality) == (region, operator, 1)
    assert (site.latitude, site.longitude) == (Decimal("6.454100"), Decimal("3.394700"))
    assert not EventRow.objects.filter(type="site.registered").exists()


@pytest.mark.parametrize(
    ("given", "pointer", "code"),
    [
        ({"code": "two words"}, "/code", "invalid_code"),
        ({"code": ""}, "/code", "required"),
        ({"code": "Import"}, "/code", "code_reserved"),
        ({"name": " "}, "/name", "required"),
        ({"kind": "castle"}, "/kind", "unknown_choice"),
        ({"status": "unverified"}, "/status", "unknown_choice"),
        ({"country": "NGA"}, "/country", "unknown_country"),
        ({"timezone": "Mars/Olympus"}, "/timezone", "unknown_zone"),
        ({"timezone": "../../etc/passwd"}, "/timezone", "unknown_zone"),
        ({"criticality": 5}, "/criticality", "out_of_range"),
        ({"location": {"latitude": 91, "longitude": 0}}, "/location/latitude", "out_of_range"),
        ({"location": {"latitude": 1}}, "/location/longitude", "required"),
    ],
    ids=str,
)
def test_a_wrong_member_is_named(given: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        new_site(**given)
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [(pointer, code)]


@pytest.mark.parametrize("member", ["region", "operator"])
def test_a_place_or_counterparty_that_is_not_there_is_refused(member: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        services.create_site(new_site(**{member: "nowhere"}), actor=world.nobody(), at=AT)
    assert refused.value.faults[0].pointer == f"/{member}"
    assert not Site.objects.exists()


def test_a_manager_makes_sites_in_their_region_only() -> None:
    emea = world.region("emea")
    lagos, apac = world.region("lagos", emea), world.region("apac")
    manager = world.actor("manager", region=emea)
    services.create_site(new_site(region="lagos"), actor=manager, at=AT)
    before = world.everything()
    for elsewhere in ({"region": apac.code}, {}):
        with pytest.raises(NotPermitted):
            services.create_site(new_site(code="X-1", **elsewhere), actor=manager, at=AT)
    assert world.everything() == before
    assert Site.objects.get().region == lagos


@pytest.mark.parametrize("role", ["viewer", "operator", "engineer", "manager"])
def test_the_frame_is_the_administrators(role: str) -> None:
    actor = world.actor(role)
    before = world.everything()
    with pytest.raises(NotPermitted):
        services.create_region(policy.NewRegion(code="emea", name="EMEA"), actor=actor, at=AT)
    with pytest.raises(NotPermitted):
        services.create_operator(policy.NewOperator(code="acme", name="Acme"), actor=actor, at=AT)
    assert world.everything() == before


@pytest.mark.parametrize(
    "values",
    [
        {"latitude": 1},
        {"longitude": 1},
        {"latitude": 91, "longitude": 0},
        {"criticality": 0},
        {"code": "two words"},
    ],
    ids=str,
)
def test_the_database_agrees(values: dict[str, Any]) -> None:
    site = world.site()
    with pytest.raises(IntegrityError), transaction.atomic():
        Site.objects.filter(id=site.id).update(**values)


def test_a_merged_site_is_a_retired_one_by_the_databases_word() -> None:
    site, other = world.site(), world.site()
    with pytest.raises(IntegrityError), transaction.atomic():
        Site.objects.filter(id=site.id).update(merged_into=other)


@pytest.mark.django_db(transaction=True)
def test_one_code_at_once_makes_one_operator() -> None:
    def act(_: int) -> str:
        try:
            return world.operator("acme").code
        except services.OperatorCodeExists:
            return "taken"

    assert sorted(world.at_once(6, act)) == ["acme"] + ["taken"] * 5
    assert Operator.objects.count() == 1
