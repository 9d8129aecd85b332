"""The members sla_status and sla_clock of a whole page of outages."""

import pytest

from outages import queries as outage_queries
from sla import queries
from sla.choices import Cause
from sla.services import assessments
from tests.sla.builders import (
    ENGINEER,
    after,
    delete,
    make_operator,
    make_site,
    open_outage,
    publish_terms,
    resolved_outage,
)

pytestmark = pytest.mark.django_db


def states(*outages, at):
    facts = [outage_queries.facts(outage.id)[0] for outage in outages]
    return queries.status_for(facts, at)


def judged(outage):
    return assessments.assess_outage(outage.id, cause=Cause.RESOLVED, actor=ENGINEER, at=after(60))


def test_a_judged_outage_has_its_figure_and_no_clock():
    outage = resolved_outage(25)
    result = judged(outage)

    state = states(outage, at=after(90))[outage.id]

    assert state.result_id == result.id
    assert state.sla_clock is None
    assert state.sla_status == {
        "result_id": result.wire_id,
        "status": "violated",
        "rating": "poor",
        "amount": -1000,
        "payment_type": "penalty",
        "mttr_minutes": 25,
        "threshold_minutes": 15,
        "policy_version": "1.0",
        "time_remaining_minutes": 0,
        "assessed_at": "2026-01-05T11:00:00Z",
    }


def test_an_open_outage_has_a_clock_and_no_figure():
    outage = open_outage()

    state = states(outage, at=after(5))[outage.id]

    assert (state.result_id, state.sla_status) == (None, None)
    assert state.sla_clock == {
        "state": "in_progress",
        "threshold_minutes": 15,
        "counted_seconds": 300,
        "time_remaining_minutes": 10,
        "breaches_at": "2026-01-05T10:15:00Z",
    }


def test_an_open_outage_past_its_deadline_is_violated():
    outage = open_outage()

    clock = states(outage, at=after(90))[outage.id].sla_clock

    assert (clock["state"], clock["time_remaining_minutes"]) == ("violated", 0)


def test_a_clock_keeps_the_terms_of_its_detection():
    outage = open_outage()
    publish_terms(120, 100, 750, effective_at=after(1))

    assert states(outage, at=after(5))[outage.id].sla_clock["threshold_minutes"] == 15


def test_a_clock_follows_the_terms_of_its_operator():
    operator = make_operator()
    publish_terms(40, 30, 300, version=1, operator=operator)
    outage = open_outage(site=make_site(operator=operator))

    assert states(outage, at=after(5))[outage.id].sla_clock["threshold_minutes"] == 40


def test_a_resolved_outage_not_yet_judged_has_neither():
    outage = resolved_outage(25)

    assert states(outage, at=after(90))[outage.id] == queries.SlaState()


def test_a_deleted_outage_has_neither():
    outage = open_outage()
    delete(outage)

    assert states(outage, at=after(90))[outage.id] == queries.SlaState()


def test_a_page_costs_the_same_however_long_it_is(django_assert_num_queries):
    site = make_site(operator=make_operator())
    outages = [
        open_outage(name=f"OUT-OPEN-{number}", site=site if number % 2 else None)
        for number in range(10)
    ]
    ended = [resolved_outage(25, name=f"OUT-ENDED-{number}") for number in range(10)]
    for outage in ended:
        judged(outage)

    for page in ([outages[1], ended[0]], [*outages, *ended]):
        facts = [outage_queries.facts(outage.id)[0] for outage in page]
        with django_assert_num_queries(3):
            queries.status_for(facts, after(5))


def test_a_page_of_judged_outages_costs_one_query_beside_the_facts(django_assert_num_queries):
    outage = resolved_outage(25)
    judged(outage)

    with django_assert_num_queries(2):
        states(outage, at=after(90))


def test_no_outage_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert queries.status_for([]) == {}
