"""The back office of outages: read-only state, and moves that ask why."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from outages.models import Outage
from tests import world

pytestmark = pytest.mark.django_db

LIST = "admin:outages_outage_changelist"


@pytest.fixture
def desk() -> Client:
    """A manager at the desk."""
    return world.office("manager")


def act(verb: str, *outages: Outage) -> str:
    named = ",".join(str(outage.pk) for outage in outages)
    return f"{reverse('admin:outages_outage_act', args=[verb])}?ids={named}"


def page(outage: Outage) -> str:
    return reverse("admin:outages_outage_change", args=[outage.pk])


def test_a_viewer_has_no_desk() -> None:
    answer = world.office("viewer").get(reverse(LIST))
    assert answer.status_code == 302
    assert "/login/" in answer["Location"]


def test_the_list_costs_the_same_for_many_as_for_one(
    desk: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        world.outage(description=f"outage {number}")
    with django_assert_max_num_queries(15):
        assert desk.get(reverse(LIST)).status_code == 200


def test_the_list_hides_deleted_ones_until_asked(desk: Client) -> None:
    outage = world.outage()
    desk.post(act("delete", outage), {"reason": "typed twice"}, follow=True)
    assert outage.reference not in desk.get(reverse(LIST)).content.decode()
    found = desk.get(reverse(LIST), {"deleted": "only"}).content.decode()
    assert outage.reference in found


def test_the_page_shows_what_followed_and_what_happened(
    desk: Client, django_assert_max_num_queries: Any
) -> None:
    outage = world.outage(status="resolved", mttr_minutes=25)
    with django_assert_max_num_queries(25):
        body = desk.get(page(outage)).content.decode()
    assert "outages.open" in body
    assert "Reopen…" in body


def test_resolving_asks_for_notes_and_says_so(desk: Client) -> None:
    outage = world.outage()
    desk.post(act("resolve", outage), {"resolution_notes": ""})
    outage.refresh_from_db()
    assert outage.status == "open"


def test_what_the_api_refuses_the_desk_refuses_in_words(desk: Client) -> None:
    outage = world.outage()
    told = {"resolution_notes": "a control \x01 character"}
    page = desk.post(act("resolve", outage), told, follow=True).content.decode()
    assert "resolution_notes" in page
    outage.refresh_from_db()
    assert outage.status == "open"


def test_resolving_from_the_desk_is_the_same_verb(desk: Client) -> None:
    outages = [world.outage(description=f"outage {number}") for number in range(2)]
    desk.post(act("resolve", *outages), {"resolution_notes": "Spliced."})
    found = Outage.objects.values_list("status", "resolution_notes", "version")
    assert list(found) == [("resolved", "Spliced.", 2)] * 2


def test_reopening_keeps_the_reason(desk: Client) -> None:
    outage = world.outage(status="resolved", mttr_minutes=25)
    desk.post(act("reopen", outage), {"reason": "It did not hold."})
    outage.refresh_from_db()
    assert outage.status == "open"
    assert outage.lives.get().reason == "It did not hold."


def test_a_move_that_is_refused_says_why(desk: Client) -> None:
    outage = world.outage()
    answer = desk.post(act("reopen", outage), {"reason": "It did not hold."}, follow=True)
    assert "this needs a resolved one" in answer.content.decode()


def test_nothing_can_be_typed_into_an_outage(desk: Client) -> None:
    outage = world.outage()
    desk.post(page(outage), {"severity": "low", "status": "resolved"})
    outage.refresh_from_db()
    assert (outage.severity, outage.status) == ("critical", "open")


def test_the_first_page_counts_what_is_open(desk: Client) -> None:
    world.outage()
    assert "Open, critical" in desk.get(reverse("admin:index")).content.decode()
