import pytest

from audit.models import Entry
from core.actors import NotPermitted
from core.models import EventRow
from network import services
from network.models import Site
from network.queries import SiteFacts
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def register(code: str | None, name: str = "Lagos Island", **given: object) -> SiteFacts | None:
    told = {"actor": world.actor("operator"), "at": AT} | given
    return services.register_site(code, name, **told)  # type: ignore[arg-type]


def test_an_unknown_code_becomes_an_unverified_site() -> None:
    region = world.region("emea")
    facts = register("LOS-1", region="EMEA")
    assert facts is not None
    site = Site.objects.get()
    assert (facts.id, site.code, site.name) == (site.id, "LOS-1", "Lagos Island")
    assert (site.kind, site.status, site.region_id) == ("other", "unverified", region.id)
    event = EventRow.objects.get(type="site.registered")
    assert event.subject == site.wire_id
    assert Entry.objects.filter(action="network.register_site").count() == 1


def test_a_known_code_is_found_in_any_case_and_nothing_is_written() -> None:
    site = world.site("LOS-1")
    world.actor("operator")
    before = world.everything()
    facts = register("los-1", "another name")
    assert facts is not None
    assert facts.id == site.id
    assert world.everything() == before


def test_a_merged_code_finds_what_it_was_merged_into() -> None:
    target, source = world.site("LOS-1"), world.site("LOS-1-OLD")
    Site.objects.filter(id=source.id).update(merged_into=target, status="retired")
    facts = register("los-1-old")
    assert facts is not None
    assert facts.id == target.id


@pytest.mark.parametrize("code", [None, "", "-x", "two words", "söme", "x" * 65, "a/b", "a\x00"])
def test_a_code_that_cannot_be_makes_no_site(code: str | None) -> None:
    assert register(code) is None
    assert not Site.objects.exists()


def test_an_operator_of_one_place_may_name_an_unknown_one() -> None:
    actor = world.actor("operator", site=world.site())
    assert register("NEW-1", actor=actor) is not None


def test_a_viewer_names_no_new_site() -> None:
    viewer = world.actor("viewer")
    before = world.everything()
    with pytest.raises(NotPermitted):
        services.register_site("NEW-1", "x", actor=viewer, at=AT)
    assert world.everything() == before


def test_a_site_without_a_name_is_called_by_its_code() -> None:
    facts = register("NEW-1", "  ")
    assert facts is not None
    assert facts.name == "NEW-1"


def test_many_at_once_take_few_statements(
    django_assert_max_num_queries: object,
) -> None:
    known = world.site("KNOWN-1")
    actor = world.actor("operator")
    named = {f"NEW-{number}": f"Site {number}" for number in range(200)} | {"known-1": "x"}
    with django_assert_max_num_queries(14):  # type: ignore[operator]
        found = services.register_sites(named, actor=actor, at=AT)
    assert len(found) == 201
    assert found["known-1"].id == known.id
    assert Site.objects.count() == 201


@pytest.mark.django_db(transaction=True)
def test_eight_callers_of_one_new_code_get_one_site() -> None:
    actor = world.actor("operator")
    found = world.at_once(
        8,
        lambda number: services.register_site(
            "LOS-1" if number % 2 else "los-1", "Lagos", actor=actor, at=AT
        ),
    )
    assert len({site.id for site in found if site}) == 1
    assert Site.objects.count() == 1
    assert EventRow.objects.filter(type="site.registered").count() == 1


@pytest.mark.django_db(transaction=True)
def test_files_with_the_same_new_sites_do_not_stop_each_other() -> None:
    actor = world.actor("operator")
    codes = [f"NEW-{number}" for number in range(60)]

    def load(number: int) -> int:
        order = codes if number % 2 else codes[::-1]
        return len(services.register_sites(dict.fromkeys(order, "x"), actor=actor, at=AT))

    assert world.at_once(6, load) == [60] * 6
    assert Site.objects.count() == 60
