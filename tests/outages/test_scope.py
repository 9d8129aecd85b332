"""Who sees and touches which outage: regions, creators, keys, and people without a role."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import services as access
from core.actors import Actor, NotPermitted
from network.models import Site
from outages import services
from outages.api.filters import OutageQuery, narrow
from outages.choices import Settlement, Source
from outages.models import Outage
from tests import world

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
BODY = {
    "site_name": "Lagos Island",
    "severity": "critical",
    "detected_at": "2026-01-05T10:00:00Z",
    "description": "No signal on all sectors",
}
pytestmark = pytest.mark.django_db


def lagos_client(role: str = "operator") -> world.Client:
    return world.client(user=world.person(role, region=world.region("lagos")))


def test_a_repeat_does_not_show_an_outage_of_another_region() -> None:
    world.site("ACC-1", region=world.region("accra"))
    outage = world.outage()
    world.client().patch(f"/outages/{outage}", {"site_id": "ACC-1", "root_cause": "of accra"})
    answer = lagos_client().post("/outages", BODY)
    assert (answer.status_code, answer.json()["code"]) == (409, "outage_known")
    assert b"accra" not in answer.content


def test_an_unknown_site_does_not_keep_a_region_from_telling() -> None:
    client = lagos_client()
    answer = client.post("/outages", BODY | {"site_id": "NEW-1"})
    assert answer.status_code == 201
    assert client.get(f"/outages/{answer.json()['id']}").status_code == 200


def test_others_of_the_region_do_not_see_what_is_nowhere_yet() -> None:
    region = world.region("lagos")
    world.client(user=world.person("operator", region=region)).post("/outages", BODY)
    other = world.client(user=world.person("operator", region=region))
    assert other.get("/outages").json()["total"] == 0


def test_whoever_holds_a_role_in_one_place_goes_on_with_their_own_outage_of_no_place() -> None:
    client = lagos_client()
    reference = client.post("/outages", BODY).json()["id"]
    assert client.post(f"/outages/{reference}/resolve", {}).status_code == 200


def test_an_outage_of_no_place_takes_a_role_that_holds_everywhere() -> None:
    """A manager somewhere who is a viewer everywhere is a viewer here."""
    manager = world.person("viewer")
    access.grant_role(
        manager.id,
        "manager",
        scope_kind="site",
        scope_id=world.site().wire_id,
        actor=world.nobody(),
        at=world.LONG_AGO,
    )
    outage, client = world.outage(), world.client(user=manager)
    assert client.get(f"/outages/{outage}").status_code == 200
    for answer in (
        client.post(f"/outages/{outage}/resolve", {}),
        client.delete(f"/outages/{outage}", {"reason": "a duplicate"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert Outage.objects.get().status == "open"
    assert Outage.objects.get().deleted_at is None


def test_a_refused_row_registers_no_site() -> None:
    world.site("ACC-1", region=world.region("accra"))
    person = world.person("engineer", region=world.region("lagos"))
    ahead = (AT + timedelta(hours=1)).isoformat()
    births = [world.facts(site_id="NEW-9", detected_at=ahead), world.facts(site_id="ACC-1")]
    opened = services.open_outages(
        births,
        actor=world.accounts.actor_of(person),
        at=AT,
        source=Source.IMPORT,
        settlement=Settlement.HOLD,
    )
    codes = [each.fault.code for each in opened if each.fault]
    assert codes == ["in_the_future", "out_of_scope"]
    assert not Site.objects.filter(code="NEW-9").exists()


def test_an_end_before_a_beginning_that_is_ahead_is_a_named_fault() -> None:
    ahead = (timezone.now() + timedelta(minutes=2)).isoformat()
    resolved = {"detected_at": ahead, "status": "resolved", "mttr_minutes": 5}
    answer = world.client().post("/outages", BODY | resolved)
    assert answer.json()["errors"][0]["code"] == "resolved_before_detected"


@pytest.mark.parametrize("path", ["", "/{}", "/{}/timeline", "/{}/transitions"])
def test_without_a_role_nothing_is_read(path: str) -> None:
    outage = world.outage()
    answer = world.client(user=world.person(None)).get("/outages" + path.format(outage))
    assert answer.status_code == 403


def test_a_key_without_the_scope_reads_nothing() -> None:
    key = Actor(
        id="usr_x", kind="api_key", global_role="engineer", key_scopes=frozenset({"jobs:read"})
    )
    with pytest.raises(NotPermitted):
        narrow(OutageQuery(), key)


@pytest.mark.django_db(transaction=True)
def test_two_loads_of_the_same_rows_turned_around_do_not_deadlock() -> None:
    actor = world.actor("engineer")
    births = [world.facts(description=f"outage {number}") for number in range(300)]

    def load(number: int) -> list[Any]:
        return services.open_outages(
            births if number else births[::-1],
            actor=actor,
            at=AT,
            source=Source.IMPORT,
            settlement=Settlement.HOLD,
        )

    opened = world.at_once(2, load)
    assert sum(each.created for load in opened for each in load) == 300
    assert Outage.objects.count() == 300
