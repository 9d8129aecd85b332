import pytest
from pytest_django import DjangoAssertNumQueries

from audit.models import Entry
from network import services
from network.models import Operator, Region, Site
from tests import world

pytestmark = pytest.mark.django_db


def test_what_waits_to_be_verified_comes_first() -> None:
    for code in ("A-1", "B-1"):
        world.site(code)
    services.register_site("Z-9", "Unknown", actor=world.actor("operator"), at=world.AT)
    page = world.office(world.standing("operator")).get("/admin/network/site/").content.decode()
    rows = page.partition("<tbody")[2]
    assert rows.index("Z-9") < rows.index("A-1") < rows.index("B-1")


def test_an_operator_of_one_place_sees_that_place() -> None:
    mine, other = world.site("A-1"), world.site("B-1")
    client = world.office(world.person("operator", site=mine))
    page = client.get("/admin/network/site/").content.decode()
    assert "A-1" in page
    assert "B-1" not in page
    assert client.get(f"/admin/network/site/{other.id}/change/").status_code == 302


def test_an_operator_of_one_place_sees_the_counterparties_there() -> None:
    mine = world.site(operator=world.operator("here"))
    world.site(operator=world.operator("elsewhere"))
    page = world.office(world.person("operator", site=mine)).get("/admin/network/operator/")
    assert "here" in page.content.decode().replace("elsewhere", "!")
    assert "elsewhere" not in page.content.decode()


def test_a_manager_adds_a_site_by_the_verb() -> None:
    region = world.region("emea")
    client = world.office(world.standing("manager"))
    given = {
        "code": "LOS-1",
        "name": "Lagos",
        "kind": "pop",
        "region": str(region.id),
        "operator": "",
        "country": "ng",
        "latitude": "6.4541",
        "longitude": "3.3947",
        "timezone": "Africa/Lagos",
        "criticality": "1",
        "external_ref": "",
    }
    assert client.post("/admin/network/site/add/", given).status_code == 302
    site = Site.objects.get()
    assert (site.code, site.country, site.region, site.status) == ("LOS-1", "NG", region, "active")
    assert Entry.objects.filter(action="network.create_site").count() == 1


def test_what_a_verb_refuses_is_said() -> None:
    client = world.office(world.standing("manager"))
    given = {"code": "LOS-1", "name": "x", "kind": "pop", "timezone": "Mars", "criticality": "1"}
    page = client.post("/admin/network/site/add/", given, follow=True).content.decode()
    assert "IANA" in page
    assert not Site.objects.exists()


def test_the_frame_is_added_by_administrators() -> None:
    admin, manager = world.office(world.standing("admin")), world.office(world.standing("manager"))
    region = {"code": "emea", "name": "EMEA", "parent": ""}
    operator = {"code": "acme", "name": "Acme", "kind": "carrier"}
    assert manager.post("/admin/network/region/add/", region).status_code == 403
    assert manager.post("/admin/network/operator/add/", operator).status_code == 403
    assert admin.post("/admin/network/region/add/", region).status_code == 302
    assert admin.post("/admin/network/operator/add/", operator).status_code == 302
    below = {"code": "ng", "name": "Nigeria", "parent": str(Region.objects.get().id)}
    assert admin.post("/admin/network/region/add/", below).status_code == 302
    assert Region.objects.get(code="ng").path == "emea/ng/"
    assert Operator.objects.count() == 1


def test_nothing_is_edited_or_deleted_by_a_form() -> None:
    site = world.site()
    client = world.office(world.standing("admin"))
    before = world.everything()
    page = f"/admin/network/site/{site.id}"
    assert client.get(f"{page}/change/").status_code == 200
    assert client.post(f"{page}/change/", {"code": "X"}).status_code == 403
    assert client.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    after = world.everything()
    seen = {"accounts_session"}  # that its owner was there
    assert {table for table in after if after[table] != before.get(table)} <= seen


def test_a_site_is_found_by_id(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    site, _ = world.site("A-1"), world.site("B-1")
    client = world.office(world.standing("operator"))
    with django_assert_max_num_queries(8):
        page = client.get("/admin/network/site/", {"q": site.wire_id}).content.decode()
    assert "A-1" in page
    assert "B-1" not in page
