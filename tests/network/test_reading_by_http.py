import pytest
from pytest_django import DjangoAssertNumQueries

from network.api.serializers import OperatorResponse, RegionResponse, SiteResponse
from network.models import Site
from tests import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def sites() -> dict[str, Site]:
    emea = world.region("emea")
    acme = world.operator("acme")
    return {
        "A-1": world.site("A-1", region=emea, operator=acme, country="NG"),
        "B-1": world.site("B-1", region=world.region("ng", emea), kind="pop", name="Ikeja Lab"),
        "C-1": world.site("C-1"),
    }


def codes(query: dict[str, str], who: world.Client | None = None) -> list[str]:
    answer = (who or world.client("viewer")).get("/sites", query)
    assert answer.status_code == 200, answer.content
    return [item["code"] for item in answer.json()["items"]]


def test_a_site_is_told_whole(sites: dict[str, Site]) -> None:
    site = world.site("D-1", location={"latitude": 6.4541, "longitude": 3.3947})
    body = world.client("viewer").get("/sites/d-1").json()
    assert body == {
        "id": site.wire_id,
        "code": "D-1",
        "name": "Site D-1",
        "kind": "other",
        "status": "active",
        "region": None,
        "operator": None,
        "country": None,
        "location": {"latitude": 6.4541, "longitude": 3.3947},
        "timezone": "UTC",
        "criticality": 3,
        "external_ref": None,
        "created_at": "2026-01-05T12:00:00Z",
        "updated_at": "2026-01-05T12:00:00Z",
    }
    assert world.client("viewer").get(f"/sites/{site.wire_id}").json() == body


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["A-1", "B-1", "C-1"]),
        ({"sort": "-code"}, ["C-1", "B-1", "A-1"]),
        ({"region": "EMEA"}, ["A-1", "B-1"]),
        ({"region": "nowhere"}, []),
        ({"operator": "acme"}, ["A-1"]),
        ({"operator": "nobody"}, []),
        ({"kind": "POP,lab"}, ["B-1"]),
        ({"status": "retired"}, []),
        ({"country": "NG"}, ["A-1"]),
        ({"q": "ikeja"}, ["B-1"]),
        ({"q": "c-"}, ["C-1"]),
        ({"q": "%%"}, []),
    ],
    ids=str,
)
def test_the_list_is_narrowed(
    sites: dict[str, Site], query: dict[str, str], expected: list[str]
) -> None:
    assert codes(query) == expected


def test_the_list_is_walked_by_cursor(sites: dict[str, Site]) -> None:
    client, cursor, found = world.client("viewer"), "", []
    while cursor is not None:
        body = client.get("/sites", {"cursor": cursor, "limit": "2"}).json()
        found += [item["code"] for item in body["items"]]
        cursor = body["next_cursor"]
    assert found == ["A-1", "B-1", "C-1"]


def test_scope_hides_what_lies_outside(sites: dict[str, Site]) -> None:
    client = world.client(user=world.person("manager", site=sites["A-1"]))
    assert codes({}, client) == ["A-1"]
    assert client.get("/sites/B-1").json()["code"] == "site_not_found"
    assert client.get("/sites/A-1").status_code == 200
    assert [item["code"] for item in client.get("/operators").json()["items"]] == ["acme"]
    other = world.client(user=world.person("manager", site=sites["B-1"]))
    assert other.get("/operators").json()["items"] == []


def test_a_merged_code_shows_its_target(sites: dict[str, Site]) -> None:
    Site.objects.filter(code="C-1").update(merged_into=sites["A-1"], status="retired")
    assert world.client("viewer").get("/sites/C-1").json()["code"] == "A-1"


def test_regions_come_each_after_its_parent(sites: dict[str, Site]) -> None:
    items = world.client("viewer").get("/regions").json()["items"]
    assert [(item["path"], item["parent"]) for item in items] == [
        ("emea/", None),
        ("emea/ng/", "emea"),
    ]


@pytest.mark.parametrize("path", ["/sites", "/sites/", "/sites/A-1", "/regions", "/operators"])
def test_one_has_to_be_somebody_with_a_role(sites: dict[str, Site], path: str) -> None:
    assert world.Client().get(path).status_code == 401
    assert world.client(user=world.person(None)).get(path).status_code == 403
    assert world.client("viewer").get(path).status_code == 200


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"kind": "castle"}, "validation_failed"),
        ({"q": "x"}, "validation_failed"),
        ({"sort": "height"}, "unknown_sort"),
    ],
)
def test_a_query_that_cannot_be_is_refused(query: dict[str, str], code: str) -> None:
    answer = world.client("viewer").get("/sites", query)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_page_costs_the_same_for_one_and_for_many(
    sites: dict[str, Site], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = world.client("viewer")
    for size in (1, 200):
        with django_assert_num_queries(3 if size == 1 else 2):
            client.get("/sites", {"page_size": str(size)})


def test_the_described_members_are_the_answered_ones(sites: dict[str, Site]) -> None:
    client = world.client("viewer")
    for path, described in (
        ("/sites", SiteResponse),
        ("/regions", RegionResponse),
        ("/operators", OperatorResponse),
    ):
        item = client.get(path).json()["items"][0]
        assert list(item) == list(described().fields)
