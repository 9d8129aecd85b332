"""One current figure for each resolved outage, every earlier one kept."""

import json
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from audit.models import Entry
from core.actors import Actor, NotPermitted
from core.models import EventRow
from network.models import Operator, Site
from outages.services.moves import OutageNotResolved
from sla import queries
from sla.choices import Cause, MttrSource, ResultState
from sla.events import SlaRecomputed, SlaResolved, SlaViolation
from sla.models import Policy, Result
from sla.policy.assess import compute_hash
from sla.services import assessments
from sla.services.assessments import MttrNotDeclared
from tests import world
from tests.sla import builders
from tests.sla.builders import (
    ENGINEER,
    MANAGER,
    TEN,
    VIEWER,
    after,
    edit,
    make_operator,
    make_site,
    open_outage,
    publish_terms,
    reopen,
    resolve,
    resolved_outage,
)

pytestmark = pytest.mark.django_db


def assess(outage, actor: Actor = ENGINEER, minutes: float = 60, **more) -> Result:
    return assessments.assess_outage(
        outage.id, cause=more.pop("cause", Cause.REQUESTED), actor=actor, at=after(minutes), **more
    )


def follow(outage, cause: Cause = Cause.RESOLVED, minutes: float = 60) -> Result | None:
    return assessments.follow_outage(outage.id, cause=cause, actor=ENGINEER, at=after(minutes))


def told(*types: type) -> list[EventRow]:
    return list(EventRow.objects.filter(type__in=[cls.type for cls in types]).order_by("id"))


def payload(cls: type) -> dict:
    (event,) = told(cls)
    return json.loads(event.payload)


def audited(action: str = "sla.assess_outage") -> int:
    return Entry.objects.filter(action=action).count()


def test_a_late_restoration_becomes_a_violation():
    outage = resolved_outage(25)

    result = assess(outage, cause=Cause.RESOLVED)

    assert (result.version, result.state, result.status) == (1, "current", "violated")
    assert (result.mttr_minutes, result.amount, result.rating) == (25, -1000, "poor")
    assert result.caused_by == ENGINEER.id
    assert result.occurred_at == outage.resolved_at
    assert [event.subject for event in told(SlaViolation)] == [outage.reference]
    assert audited() == 1


def test_an_early_restoration_becomes_a_reward():
    result = assess(resolved_outage(10))

    assert (result.status, result.amount, result.rating) == ("met", 1125, "excellent")
    assert len(told(SlaResolved)) == 1
    assert not told(SlaViolation)


def test_the_stored_inputs_prove_the_figure():
    result = assess(resolved_outage(25))

    assert compute_hash(result.inputs) == result.compute_hash
    assert result.config_version_hash == 1417728228875630226


def test_the_event_carries_the_result_as_the_wire_spells_it():
    operator, region = make_operator(), world.region("ghana")
    site = make_site(operator=operator, region=region)
    outage = resolved_outage(25, name="OUT-1", site=site)

    result = assess(outage, cause=Cause.RESOLVED)

    assert payload(SlaViolation) == {
        "occurred_at": "2026-01-05T11:00:00Z",
        "outage_id": "OUT-1",
        "outage_uuid": str(outage.id),
        "sla_result_id": result.wire_id,
        "site_id": site.wire_id,
        "region_id": region.wire_id,
        "operator_id": operator.wire_id,
        "sla": {
            "id": result.wire_id,
            "outage_id": "OUT-1",
            "version": 1,
            "state": "current",
            "severity": "critical",
            "status": "violated",
            "mttr_minutes": 25,
            "mttr_source": "derived",
            "derived_mttr_minutes": None,
            "mttr_conflict_minutes": 0,
            "counted_seconds": 1500,
            "excluded_seconds": 0,
            "threshold_minutes": 15,
            "amount": -1000,
            "payment_type": "penalty",
            "rating": "poor",
            "policy_version": "1.0",
            "policy_id": "pol_0000000000e008000000000001",
            "threshold_source": "config",
            "config_version_hash": "1417728228875630226",
            "reason_code": "mttr_exceeded",
            "decision_trace": "25 min counted, threshold 15: 10 min over x 100 = -1000 "
            "(critical, config 1.0)",
            "compute_hash": result.compute_hash,
            "cause": "resolved",
            "assessed_at": "2026-01-05T11:00:00Z",
            "superseded_at": None,
        },
    }


def test_unchanged_facts_write_nothing():
    outage = resolved_outage(25)
    first = assess(outage)

    assert assess(outage, minutes=90) == first
    assert Result.objects.count() == 1
    assert len(told(SlaViolation, SlaRecomputed)) == 1
    assert audited() == 1


def test_an_open_outage_has_nothing_to_assess():
    outage = open_outage()

    with pytest.raises(OutageNotResolved):
        assess(outage)

    assert not Result.objects.exists()
    assert not audited()


def test_a_deleted_outage_has_nothing_to_assess():
    outage = resolved_outage(25)
    builders.delete(outage)

    with pytest.raises(OutageNotResolved):
        assess(outage)

    assert not Result.objects.exists()


def test_a_viewer_may_not_ask_for_a_judgement():
    outage = resolved_outage(25)

    with pytest.raises(NotPermitted):
        assess(outage, VIEWER)

    assert not Result.objects.exists()


def test_a_corrected_fact_makes_a_new_version():
    outage = resolved_outage(25)
    first = assess(outage)
    outage = edit(outage, detected_at=after(5))

    second = assess(outage, cause=Cause.FACTS_CHANGED, minutes=70)

    first.refresh_from_db()
    assert (first.state, first.superseded_at) == (ResultState.SUPERSEDED, after(70))
    assert (second.version, second.mttr_minutes, second.amount) == (2, 20, -500)
    event = payload(SlaRecomputed)
    assert event["cause"] == "facts_changed"
    assert event["previous"]["id"] == first.wire_id
    assert event["previous"]["state"] == "superseded"
    assert set(event["changed"]) == {"mttr_minutes", "counted_seconds", "amount"}


def test_a_version_never_ends_before_it_began():
    outage = resolved_outage(25)
    first = assess(outage, minutes=90)
    outage = edit(outage, severity="high")

    second = assess(outage, minutes=80)

    first.refresh_from_db()
    assert first.superseded_at == second.current_from == first.current_from


def test_another_site_makes_a_new_version_of_an_equal_figure():
    outage = resolved_outage(25)
    first = assess(outage)
    outage = edit(outage, site_id=make_site().code)

    second = assess(outage, minutes=70)

    assert second.version == 2
    assert second.compute_hash == first.compute_hash
    assert payload(SlaRecomputed)["changed"] == []


def test_a_site_that_changes_hands_takes_no_old_debt_along():
    old, new = make_operator("old"), make_operator("new")
    site = make_site(operator=old)
    outage = resolved_outage(25, site=site)
    assess(outage)
    Site.objects.filter(id=site.id).update(operator=new)
    outage = edit(outage, severity="high")

    assert assess(outage, minutes=70).operator == old


def test_an_operator_found_later_is_taken():
    site = make_site()
    outage = resolved_outage(25, site=site)
    assess(outage)
    Site.objects.filter(id=site.id).update(operator=make_operator())
    outage = edit(outage, severity="high")

    assert assess(outage, minutes=70).operator == Operator.objects.get()


def test_a_reopened_outage_has_no_figure_and_its_next_one_is_version_two():
    outage = resolved_outage(10)
    first = assess(outage)
    outage = reopen(outage)

    withdrawn = assessments.withdraw_result(outage.id, actor=ENGINEER, at=after(20))

    assert withdrawn == first
    assert queries.get_latest_result(outage.id) is None
    assert audited("sla.withdraw_result") == 1
    second = assess(resolve(outage, 45), minutes=70)
    assert (second.version, second.mttr_minutes, second.amount) == (2, 45, -3000)
    assert payload(SlaRecomputed)["previous"]["amount"] == 1125


def test_withdrawing_twice_is_withdrawing_once():
    outage = resolved_outage(10)
    assess(outage)
    reopen(outage)

    assessments.withdraw_result(outage.id, actor=ENGINEER, at=after(20))

    assert assessments.withdraw_result(outage.id, actor=ENGINEER, at=after(21)) is None
    assert audited("sla.withdraw_result") == 1


def test_late_news_of_a_reopening_leaves_the_figure_of_the_next_resolution():
    outage = resolved_outage(10)
    assess(outage)
    outage = resolve(reopen(outage), 45)
    current = assess(outage, minutes=70)

    assert assessments.withdraw_result(outage.id, actor=ENGINEER, at=after(80)) is None
    assert queries.get_latest_result(outage.id).id == current.id


def test_late_news_of_a_resolution_makes_no_figure_for_an_open_outage():
    outage = reopen(resolved_outage(10))

    assert follow(outage) is None
    assert not Result.objects.exists()


def test_news_of_a_resolution_withdraws_a_figure_that_should_not_be():
    outage = resolved_outage(10)
    assess(outage)
    reopen(outage)

    assert follow(outage) is None
    assert not Result.objects.current().exists()


def test_an_edit_that_decides_no_money_asks_for_nothing(django_assert_num_queries):
    outage = resolved_outage(25)

    with django_assert_num_queries(0):
        assessments.follow_edit(outage.id, ["description"], actor=ENGINEER, at=after(60))


def test_a_declared_figure_wins_and_the_counted_one_is_kept():
    result = assess(resolved_outage(60, declared=5))

    assert (result.mttr_minutes, result.mttr_source, result.amount) == (5, "declared", 1500)
    assert (result.derived_mttr_minutes, result.mttr_conflict_minutes) == (60, -55)


def test_a_manager_may_let_the_counted_minutes_count():
    outage = resolved_outage(60, declared=5)
    assess(outage)

    switched = assess(outage, MANAGER, minutes=70, basis=MttrSource.DERIVED)

    assert (switched.version, switched.mttr_minutes, switched.amount) == (2, 60, -4500)
    assert "mttr_source" in payload(SlaRecomputed)["changed"]


def test_an_engineer_may_not_choose_which_minutes_count():
    outage = resolved_outage(60, declared=5)
    assess(outage)

    with pytest.raises(NotPermitted):
        assess(outage, basis=MttrSource.DERIVED)

    assert Result.objects.count() == 1


def test_a_choice_of_minutes_outlasts_the_next_judgement():
    outage = resolved_outage(60, declared=5)
    assess(outage, MANAGER, basis=MttrSource.DERIVED)

    outage = edit(outage, severity="high")

    assert assess(outage, minutes=70).mttr_source == "derived"


def test_reopening_forgets_a_declared_figure_and_the_choice():
    outage = resolved_outage(60, declared=5)
    assess(outage, MANAGER, basis=MttrSource.DERIVED)
    outage = reopen(outage, 65)
    assessments.withdraw_result(outage.id, actor=ENGINEER, at=after(66))

    result = assess(resolve(outage, 80, declared=7), minutes=90)

    assert (result.mttr_source, result.mttr_minutes) == ("declared", 7)


def test_nobody_can_choose_minutes_that_nobody_declared():
    outage = resolved_outage(60)

    with pytest.raises(MttrNotDeclared):
        assess(outage, MANAGER, basis=MttrSource.DECLARED)

    assert not Result.objects.exists()


def test_terms_bind_from_the_instant_of_detection():
    publish_terms(20, 200, 1000, effective_at=after(10))
    outage = resolved_outage(30)

    assert assess(outage).amount == -1500

    outage = edit(outage, detected_at=after(10))
    moved = assess(outage, minutes=70)
    assert (moved.mttr_minutes, moved.amount, moved.rating) == (20, 1000, "good")
    assert moved.policy.version == 2
    assert moved.config_version_hash == 3202668148427286373


def test_the_terms_of_the_operator_win_over_the_default():
    operator = make_operator()
    publish_terms(40, 30, 300, version=1, operator=operator)
    outage = resolved_outage(50, site=make_site(operator=operator))

    result = assess(outage)

    assert (result.amount, result.threshold_source) == (-300, "operator")
    assert not queries.get_latest_result(outage.id).plain


def test_the_terms_of_the_site_win_over_all_others():
    operator = make_operator()
    site = make_site(operator=operator)
    publish_terms(40, 30, 300, version=1, operator=operator)
    publish_terms(60, 10, 100, version=1, site=site)

    result = assess(resolved_outage(50, site=site))

    assert (result.amount, result.threshold_source) == (100, "site")


def test_terms_that_inherit_pass_on_to_the_default():
    site = make_site()
    publish_terms(version=1, site=site)

    assert assess(resolved_outage(25, site=site)).threshold_source == "config"


def test_the_terms_in_force_are_those_of_the_site_at_that_instant():
    operator = make_operator()
    site = make_site(operator=operator)
    publish_terms(40, 30, 300, version=1, operator=operator, effective_at=after(10))

    assert queries.terms_in_force("critical", site.id, after(10)).scope == "operator:acme"
    assert queries.terms_in_force("critical", site.id, after(9)).scope == "default"
    assert queries.terms_in_force("critical", None, after(10)).scope == "default"


def test_before_all_terms_there_are_none():
    with pytest.raises(queries.NoTermsInForce):
        queries.terms_in_force("low", None, datetime(1969, 12, 31, tzinfo=UTC))


def test_the_latest_result_tells_payments_what_they_ask():
    operator = make_operator()
    outage = resolved_outage(25, site=make_site(operator=operator))
    result = assess(outage)

    latest = queries.get_latest_result(outage.id)

    assert (latest.id, latest.reference, latest.amount) == (result.id, outage.reference, -1000)
    assert (latest.operator_id, latest.plain) == (operator.id, True)
    assert latest.terms["high"].threshold_minutes == 30
    assert set(latest.terms) == {"critical", "high", "medium", "low"}


def test_the_history_of_a_figure_is_whole():
    outage = resolved_outage(25)
    assess(outage)
    assess(edit(outage, severity="high"), minutes=70)
    assess(edit(outage, severity="low"), minutes=80)

    history = queries.result_history(outage.id)

    assert [(each.version, each.state) for each in history] == [
        (1, "superseded"),
        (2, "superseded"),
        (3, "current"),
    ]


def test_a_first_judgement_costs_few_statements(django_assert_max_num_queries):
    outage = resolved_outage(25, site=make_site(operator=make_operator()))

    with django_assert_max_num_queries(14):
        assess(outage)


@pytest.mark.parametrize(
    "change", ["amount = 0", "severity = 'low'", "inputs = '{}'", "version = 7"]
)
def test_the_database_lets_nobody_edit_a_result(change):
    result = assess(resolved_outage(25))

    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE sla_result SET {change}")

    assert Result.objects.get().compute_hash == result.compute_hash


def test_the_database_keeps_a_superseded_result_as_it_is():
    outage = resolved_outage(25)
    assess(outage)
    reopen(outage)
    assessments.withdraw_result(outage.id, actor=ENGINEER, at=after(60))

    with pytest.raises(ProgrammingError), transaction.atomic():
        Result.objects.update(state="current", superseded_at=None)


def test_the_database_lets_nobody_delete_a_result():
    assess(resolved_outage(25))

    with pytest.raises(ProgrammingError), transaction.atomic():
        Result.objects.all().delete()


def test_the_database_knows_one_current_result_of_an_outage():
    result = assess(resolved_outage(25))
    result.pk, result.version = None, 2

    with pytest.raises(IntegrityError, match="sla_result_one_current"), transaction.atomic():
        result.save(force_insert=True)


def test_the_database_lets_nobody_edit_or_delete_terms():
    for change in (
        lambda: Policy.objects.update(reward_base=1),
        lambda: Policy.objects.all().delete(),
    ):
        with pytest.raises(ProgrammingError), transaction.atomic():
            change()


def test_the_database_knows_one_of_each_version_of_terms():
    publish_terms(20, 200, 1000)

    with pytest.raises(IntegrityError, match="sla_policy_version_once"), transaction.atomic():
        publish_terms(20, 200, 1001)


def test_the_default_terms_inherit_from_nobody():
    with pytest.raises(IntegrityError, match="inherits_or_has_terms"), transaction.atomic():
        publish_terms(effective_at=TEN)
