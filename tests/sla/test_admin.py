"""Terms and results in the back office."""

import pytest
from django.test import Client

from network.models import Site
from sla.choices import Cause
from sla.models import Policy, Result
from sla.services import assessments
from tests import world
from tests.sla.builders import ENGINEER, after, make_operator, make_site, resolved_outage

pytestmark = pytest.mark.django_db

RESULTS, POLICIES = "/admin/sla/result/", "/admin/sla/policy/"


def office(role: str = "manager", **place) -> Client:
    return world.office(world.person(role, **place))


def judge(name: str, **facts) -> Result:
    outage = resolved_outage(25, name=name, **facts)
    return assessments.assess_outage(outage.id, cause=Cause.RESOLVED, actor=ENGINEER, at=after(60))


def test_a_result_shows_how_it_came_about():
    result = judge("OUT-1")

    page = office().get(f"{RESULTS}{result.id}/change/").content.decode()

    assert result.decision_trace in page
    assert result.compute_hash in page
    assert "sla.assess_outage" in page
    assert "-1,000 (owes us)" in page


@pytest.mark.parametrize("path", [RESULTS, POLICIES])
def test_nothing_can_be_added_here(path):
    assert office("admin").get(f"{path}add/").status_code == 403


def test_nothing_can_be_changed_or_deleted_here():
    result = judge("OUT-1")
    for path in (f"{RESULTS}{result.id}", f"{POLICIES}{Policy.objects.first().id}"):
        assert office("admin").post(f"{path}/change/", {"amount": "1"}).status_code == 403
        assert office("admin").get(f"{path}/delete/").status_code == 403


def test_results_are_found_by_outage_and_by_id():
    first, _second = judge("OUT-1"), judge("OUT-2")

    for term in ("out-1", first.wire_id):
        page = office().get(RESULTS, {"q": term}).content.decode()
        assert "OUT-1" in page
        assert "OUT-2" not in page


def test_results_of_other_sites_are_not_shown():
    judge("OUT-HERE", site=make_site("HERE"))
    hidden = judge("OUT-THERE", site=make_site("THERE"))
    client = office("operator", site=Site.objects.get(code="HERE"))

    page = client.get(RESULTS).content.decode()

    assert "OUT-HERE" in page
    assert "OUT-THERE" not in page
    assert client.get(f"{RESULTS}{hidden.id}/change/").status_code == 302


def test_terms_are_shown_with_their_scope():
    page = office().get(POLICIES).content.decode()

    assert page.count("default") >= 4
    assert office().get(f"{POLICIES}{Policy.objects.first().id}/change/").status_code == 200


def test_the_lists_cost_the_same_for_many(django_assert_max_num_queries):
    site = make_site(operator=make_operator())
    for number in range(20):
        judge(f"OUT-{number}", site=site)
    client = office()
    client.get(RESULTS)

    with django_assert_max_num_queries(12):
        client.get(RESULTS)
