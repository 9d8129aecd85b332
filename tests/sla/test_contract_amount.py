"""The arithmetic, against the contract's own words and an independent computation."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla.choices import Outcome, PaymentType, Rating, ReasonCode
from sla.policy.assess import (
    MTTR_LIMIT,
    ContractError,
    contract_amount,
    is_plain,
    judge,
    minutes_started,
    mttr_conflict,
)
from sla.policy.terms import Terms

DEFAULTS = {
    "critical": Terms(threshold_minutes=15, penalty_per_minute=100, reward_base=750),
    "high": Terms(threshold_minutes=30, penalty_per_minute=50, reward_base=750),
    "medium": Terms(threshold_minutes=60, penalty_per_minute=25, reward_base=750),
    "low": Terms(threshold_minutes=120, penalty_per_minute=10, reward_base=600),
}


def terms(threshold: int, penalty: int, reward: int) -> Terms:
    return Terms(threshold_minutes=threshold, penalty_per_minute=penalty, reward_base=reward)


@pytest.mark.parametrize(
    ("severity", "minutes", "amount", "rating"),
    [
        ("critical", 0, 1500, "exceptional"),
        ("critical", 7, 1500, "exceptional"),
        ("critical", 8, 1125, "excellent"),
        ("critical", 12, 750, "good"),
        ("critical", 15, 750, "good"),
        ("critical", 16, -100, "poor"),
        ("critical", 25, -1000, "poor"),
        ("high", 15, 1125, "excellent"),
        ("high", 30, 750, "good"),
        ("high", 31, -50, "poor"),
        ("medium", 45, 750, "good"),
        ("medium", 180, -3000, "poor"),
        ("low", 59, 1200, "exceptional"),
        ("low", 60, 900, "excellent"),
        ("low", 121, -10, "poor"),
        ("critical", 4294967295, -429496728000, "poor"),
    ],
)
def test_minutes_earn_or_cost_what_the_terms_say(severity, minutes, amount, rating):
    verdict = contract_amount(DEFAULTS[severity], minutes)

    assert (verdict.amount, verdict.rating) == (amount, rating)


@pytest.mark.parametrize(("reward", "amount"), [(3, 4), (1, 1)])
def test_a_reward_is_rounded_down(reward, amount):
    verdict = contract_amount(terms(3, 1, reward), 2)

    assert (verdict.amount, verdict.rating) == (amount, Rating.EXCELLENT)


def test_a_threshold_of_zero_is_met_only_by_no_minute_at_all():
    assert contract_amount(terms(0, 10, 100), 0).rating == Rating.EXCEPTIONAL
    assert contract_amount(terms(0, 10, 100), 1).status == Outcome.VIOLATED


def test_a_reward_of_zero_owes_nothing_and_is_not_plain():
    free = terms(30, 20, 0)

    verdict = judge(free, 10)

    assert (verdict.amount, verdict.reason_code) == (0, ReasonCode.MET_EXCEPTIONAL)
    assert not is_plain("config", verdict.reason_code, free)


def test_a_penalty_of_zero_owes_nothing_but_is_a_violation():
    verdict = judge(terms(30, 0, 100), 31)

    assert (verdict.amount, verdict.status, verdict.payment_type) == (
        0,
        Outcome.VIOLATED,
        PaymentType.PENALTY,
    )


@pytest.mark.parametrize(
    ("given_terms", "minutes", "number"),
    [
        (terms(1, 0, 1), 2, 14),
        (terms(1, -5, 1), 2, 14),
        (terms(1, 2**127 - 1, 1), MTTR_LIMIT, 14),
        (terms(1, 1, 0), 1, 15),
        (terms(1, 1, -1), 1, 15),
        (terms(1, 1, 2**127 - 1), 0, 15),
    ],
)
def test_what_the_contract_cannot_compute_has_its_number(given_terms, minutes, number):
    with pytest.raises(ContractError) as refused:
        contract_amount(given_terms, minutes)

    assert refused.value.number == number


@pytest.mark.parametrize(("seconds", "minutes"), [(0, 0), (1, 1), (60, 1), (61, 2), (900, 15)])
def test_every_started_minute_counts(seconds, minutes):
    assert minutes_started(seconds) == minutes


@pytest.mark.parametrize(
    ("declared", "derived", "conflict"),
    [(25, 26, 0), (5, 60, -55), (57, 60, 0), (56, 60, -4), (2, 0, 2)],
)
def test_a_declared_figure_conflicts_beyond_a_minute_and_five_percent(declared, derived, conflict):
    assert mttr_conflict(declared, derived) == conflict


@settings(deadline=None)
@given(
    st.integers(0, 43_200),
    st.integers(1, 1_000_000),
    st.integers(1, 1_000_000),
    st.integers(0, MTTR_LIMIT),
)
def test_the_amount_is_that_of_an_independent_computation(threshold, penalty, reward, minutes):
    if minutes > threshold:
        expected = penalty * threshold - penalty * minutes
    else:
        # The contract compares whole percents, so 49.9 % is 49 and earns the double.
        used = Fraction(minutes, threshold) * 100 // 1 if threshold else 0
        factor = Fraction(2) if used < 50 else Fraction(3, 2) if used < 75 else Fraction(1)
        expected = int(reward * factor)

    assert judge(terms(threshold, penalty, reward), minutes).amount == expected


@settings(deadline=None)
@given(st.integers(0, 43_200), st.integers(0, 50_000), st.integers(0, 50_000))
def test_a_longer_outage_never_earns_more(threshold, one, other):
    agreed = terms(threshold, 20, 300)
    shorter, longer = sorted((one, other))

    assert judge(agreed, shorter).amount >= judge(agreed, longer).amount
