"""From the times of an outage to its figure and the hash that proves it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla.choices import Cause, MttrSource, ThresholdSource
from sla.policy import clocks
from sla.policy.assess import Applied, Facts, assess, cause_of_edit, compute_hash
from sla.policy.terms import content_hash
from tests.sla.test_contract_amount import DEFAULTS

TEN = datetime(2026, 1, 1, 10, tzinfo=UTC)
CRITICAL = Applied(
    terms=DEFAULTS["critical"],
    content_hash=content_hash("critical", 1, DEFAULTS["critical"]),
    version=1,
    source=ThresholdSource.CONFIG,
)


def facts(
    detected_at: datetime, resolved_at: datetime, declared: int | None = None, name: str = "OUT-1"
) -> Facts:
    return Facts(
        outage_id=name,
        severity="critical",
        detected_at=detected_at,
        resolved_at=resolved_at,
        declared_mttr_minutes=declared,
    )


@pytest.mark.parametrize(
    ("seconds", "minutes", "amount"),
    [(0, 0, 1500), (900, 15, 750), (901, 16, -100)],
)
def test_seconds_become_started_minutes(seconds, minutes, amount):
    found = assess(facts(TEN, TEN + timedelta(seconds=seconds)), CRITICAL)

    assert (found.mttr_minutes, found.verdict.amount) == (minutes, amount)


def test_every_instant_is_floored_to_its_second_first():
    late, later = TEN.replace(microsecond=900_000), TEN.replace(minute=15, microsecond=950_000)

    found = assess(facts(late, later), CRITICAL)

    assert (found.counted_seconds, found.mttr_minutes) == (900, 15)


def test_a_declared_figure_wins_and_the_counted_one_stands_beside_it():
    found = assess(facts(TEN, TEN + timedelta(minutes=60), declared=5), CRITICAL)

    assert (found.mttr_minutes, found.mttr_source) == (5, MttrSource.DECLARED)
    assert (found.derived_mttr_minutes, found.mttr_conflict_minutes) == (60, -55)
    assert found.verdict.amount == 1500


def test_a_small_difference_between_declared_and_counted_is_no_conflict():
    found = assess(facts(TEN, TEN + timedelta(minutes=26), declared=25), CRITICAL)

    assert (found.mttr_minutes, found.mttr_conflict_minutes) == (25, 0)


def test_the_counted_minutes_count_where_a_manager_said_so():
    found = assess(
        facts(TEN, TEN + timedelta(minutes=60), declared=5), CRITICAL, basis=MttrSource.DERIVED
    )

    assert (found.mttr_minutes, found.mttr_source) == (60, MttrSource.DERIVED)
    assert found.verdict.amount == -4500


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (None, "875320513f17218f5fe1531c6361a7f3a856cd986a30d0c88adfd3272d1d8a39"),
        (25, "2e3457eb06d654c2079f1ac51bd836557ca0c0c2583f5e2cd26cf9db4eb22fc1"),
    ],
)
def test_the_hash_covers_inputs_and_outcome(declared, expected):
    start = datetime(2026, 1, 1, tzinfo=UTC)

    found = assess(facts(start, start + timedelta(minutes=25), declared), CRITICAL)

    assert found.compute_hash == expected == compute_hash(found.inputs)


def test_equal_facts_give_an_equal_hash_and_another_fact_another():
    one = assess(facts(TEN, TEN + timedelta(minutes=25)), CRITICAL)
    same = assess(facts(TEN, TEN + timedelta(minutes=25)), CRITICAL)
    other = assess(facts(TEN, TEN + timedelta(minutes=25), name="OUT-2"), CRITICAL)

    assert one.compute_hash == same.compute_hash != other.compute_hash


def test_the_trace_tells_how_a_penalty_came_about():
    found = assess(facts(TEN, TEN + timedelta(minutes=25)), CRITICAL)

    assert found.decision_trace == (
        "25 min counted, threshold 15: 10 min over x 100 = -1000 (critical, config 1.0)"
    )


def test_the_trace_tells_how_a_reward_came_about():
    found = assess(facts(TEN, TEN + timedelta(minutes=25), declared=8), CRITICAL)

    assert found.decision_trace == (
        "8 min declared, threshold 15: excellent, 150 % of 750 = 1125 (critical, config 1.0)"
    )


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        (["severity", "detected_at"], Cause.SEVERITY_CHANGED),
        (["detected_at"], Cause.FACTS_CHANGED),
        (["resolved_at", "description"], Cause.FACTS_CHANGED),
        (["declared_mttr_minutes"], Cause.FACTS_CHANGED),
        (["site_id"], Cause.FACTS_CHANGED),
        (["description", "assigned_to"], None),
    ],
)
def test_only_facts_that_decide_money_ask_for_a_new_judgement(changed, cause):
    assert cause_of_edit(changed) == cause


INSTANTS = st.datetimes(datetime(1999, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
LENGTHS = st.timedeltas(timedelta(0), timedelta(days=4))


@settings(deadline=None)
@given(INSTANTS, LENGTHS, st.integers(-600, 600))
def test_whole_weeks_change_no_verdict(start, length, weeks):
    moved = start + timedelta(weeks=weeks)

    before = assess(facts(start, start + length), CRITICAL)
    after = assess(facts(moved, moved + length), CRITICAL)

    assert (before.verdict, before.mttr_minutes) == (after.verdict, after.mttr_minutes)


@settings(deadline=None)
@given(INSTANTS, LENGTHS, st.integers(0, 5000))
def test_the_clock_says_violated_exactly_when_resolving_now_would_be(start, length, threshold):
    reading = clocks.read(threshold, start, start + length)
    found = assess(facts(start, start + length), CRITICAL)

    assert (reading.state == "violated") == (found.mttr_minutes > threshold)
    assert reading.counted_seconds == found.counted_seconds


@settings(deadline=None)
@given(INSTANTS, st.integers(0, 5000))
def test_the_deadline_is_the_first_instant_with_the_whole_threshold_used(start, threshold):
    deadline = clocks.deadline(threshold, start)

    assert clocks.read(threshold, start, deadline).counted_seconds == threshold * 60
    assert clocks.read(threshold, start, deadline).state == "in_progress"
    assert clocks.read(threshold, start, deadline + timedelta(seconds=1)).state == "violated"


def test_a_clock_past_its_deadline_has_no_minutes_left():
    reading = clocks.read(15, TEN, TEN + timedelta(hours=1))

    assert (reading.state, reading.time_remaining_minutes) == ("violated", 0)


def test_the_minutes_left_are_rounded_down():
    assert clocks.read(15, TEN, TEN + timedelta(seconds=131)).time_remaining_minutes == 12
