import pytest
from django.db.models import Q
from pytest_django import DjangoAssertNumQueries

from core.actors import Place, role_at
from network import queries
from network.models import Site
from tests import world

pytestmark = pytest.mark.django_db


def seen(role: str, **where: object) -> set[str]:
    sites = queries.visible_sites(world.actor(role, **where))
    assert sites is not None
    return set(sites.values_list("code", flat=True))


def test_global_scope_sees_everything() -> None:
    assert queries.visible_sites(world.actor("viewer")) is None
    assert queries.visible_sites(world.nobody()) is None
    assert queries.within(world.actor("viewer")) == Q()


def test_a_region_shows_its_subtree_and_a_site_itself() -> None:
    emea = world.region("emea")
    ng, en = world.region("ng", emea), world.region("emea-north")
    for code, region in (("A", emea), ("B", ng), ("C", en), ("D", None)):
        world.site(code, region=region)
    assert seen("viewer", region=emea) == {"A", "B"}
    assert seen("viewer", region=ng) == {"B"}
    assert seen("viewer", site=Site.objects.get(code="D")) == {"D"}


def test_a_code_with_wildcards_of_like_is_no_pattern() -> None:
    low = world.region("r_1")
    world.site("A", region=low)
    world.site("B", region=world.region("rx1"))
    assert seen("viewer", region=low) == {"A"}


def test_somebody_without_roles_sees_nothing() -> None:
    world.site("A")
    actor = world.actor("viewer", region=world.region("emea"))
    assert seen("viewer", region=world.region("apac")) == set()
    assert not Site.objects.filter(queries.within(actor, "pk")).exists()


def test_many_regions_or_counterparties_are_found_in_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    lagos, acme = world.region("lagos"), world.operator("acme")
    unknown = [f"nowhere-{number}" for number in range(50)]
    with django_assert_num_queries(2):
        assert list(queries.regions_named([*unknown, "LAGOS", lagos.wire_id])) == [lagos]
        assert list(queries.operators_named([*unknown, "Acme", "opr_!"])) == [acme]


def test_sites_are_resolved_by_code_alias_and_id_in_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    target, source = world.site("LOS-1"), world.site("LOS-1-OLD")
    Site.objects.filter(id=source.id).update(merged_into=target, status="retired")
    keys = ["los-1", "LOS-1-OLD", target.wire_id, str(source.id), "nowhere", "söme", "K-1"]
    with django_assert_num_queries(1):
        found = queries.resolve_sites(keys)
    assert {key: facts.id for key, facts in found.items()} == {
        "los-1": target.id,
        "los-1-old": target.id,
        target.wire_id: target.id,
        str(source.id): target.id,
    }


def test_facts_follow_from_where_a_site_lies(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    emea = world.region("emea")
    ng = world.region("ng", emea)
    operator = world.operator("acme")
    inside = world.site(region=ng, operator=operator, country="NG", criticality=1)
    outside = world.site()
    with django_assert_num_queries(1):
        facts = queries.site_facts([inside.id, outside.id])
    one = facts[inside.id]
    assert (one.operator_id, one.region_id, one.region_path) == (operator.id, ng.id, "emea/ng/")
    assert set(one.region_ids) == {emea.id, ng.id}
    assert (one.country, one.timezone, one.criticality) == ("NG", "UTC", 1)
    assert (facts[outside.id].region_ids, facts[outside.id].region_path) == ([], "")
    assert one.place == queries.place(inside.id)
    assert queries.site_facts([]) == {}


def test_a_role_reaches_down_the_tree() -> None:
    emea = world.region("emea")
    ng = world.region("ng", emea)
    site, other = world.site(region=ng), world.site(region=world.region("apac"))
    engineer = world.actor("engineer", region=emea)
    assert role_at(engineer, queries.place(site.id)) == "engineer"
    assert role_at(engineer, queries.place(other.id)) == ""


def test_counterparties_are_named() -> None:
    operator = world.operator("acme", contact_email="noc@acme.example")
    facts = queries.operators([operator.id])[operator.id]
    assert (facts.code, facts.name, facts.contact_email) == ("acme", "Acme", "noc@acme.example")


def test_a_place_that_nobody_knows_has_no_regions() -> None:
    unknown = world.person().id
    assert queries.place(unknown).region_ids == frozenset()
    assert queries.place_in_region(None) is None
    emea = world.region("emea")
    assert queries.place_in_region(world.region("ng", emea).id) == Place(
        region_ids=frozenset({emea.wire_id, queries.region("NG").wire_id})  # type: ignore[union-attr]
    )
