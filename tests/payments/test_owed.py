"""The table of what is owed after each history of results, and sums that always come out."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import LARGEST
from payments.choices import Direction, Kind, State
from payments.policy.owed import Movement, OutOfRange, owed


def payout(amount: str, state: str) -> Movement:
    return Movement(direction=Direction.PAYOUT, state=state, amount=Decimal(amount))


def collection(amount: str, state: str, received: str = "0") -> Movement:
    return Movement(
        direction=Direction.COLLECTION,
        state=state,
        amount=Decimal(amount),
        received=Decimal(received),
    )


@pytest.mark.parametrize(
    ("result", "movements", "expected"),
    [
        (1125, [], ("payout", "original", "1125")),
        (-500, [payout("1125", State.CANCELLED)], ("collection", "original", "500")),
        (-500, [payout("1125", State.SETTLED)], ("collection", "adjustment", "1625")),
        (-500, [payout("1125", State.IN_FLIGHT)], ("collection", "adjustment", "1625")),
        (-400, [collection("1000", State.CANCELLED, "400")], None),
        (
            -700,
            [collection("1000", State.CANCELLED, "400")],
            ("collection", "adjustment", "300"),
        ),
        (100, [collection("1000", State.CANCELLED, "400")], ("payout", "adjustment", "500")),
        (1125, [payout("1125", State.SETTLED)], None),
        (0, [], None),
        (0, [payout("10", State.SETTLED)], ("collection", "adjustment", "10")),
        (
            50,
            [payout("100", State.SETTLED), collection("70", State.SETTLED)],
            ("payout", "adjustment", "20"),
        ),
        (
            100,
            [payout("100", State.SETTLED), collection("100", State.SETTLED)],
            ("payout", "adjustment", "100"),
        ),
    ],
)
def test_a_history_leaves_what_the_table_says(result, movements, expected):
    found = owed(result, movements)

    if expected is None:
        assert found is None
    else:
        direction, kind, amount = expected
        assert (found.direction, found.kind, found.amount) == (direction, kind, Decimal(amount))


def test_more_than_the_ledger_can_move_is_no_payment():
    with pytest.raises(OutOfRange):
        owed(-922337203686, [])


def test_the_largest_movable_amount_is_one():
    assert owed(922337203685, []).amount < LARGEST


movements = st.lists(
    st.builds(
        Movement,
        direction=st.sampled_from(Direction),
        state=st.sampled_from([State.SETTLED, State.IN_FLIGHT, State.CANCELLED]),
        amount=st.decimals("0.0000001", "100000", places=7),
        received=st.just(Decimal(0)),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(st.integers(-(10**9), 10**9), movements)
def test_after_the_new_payment_what_counts_equals_the_result(result, history):
    obligation = owed(result, history)
    counted = sum((each.counts for each in history), Decimal(0))
    if obligation is not None:
        sign = 1 if obligation.direction == Direction.PAYOUT else -1
        counted += sign * obligation.amount
        assert obligation.amount > 0
        assert (obligation.kind == Kind.ADJUSTMENT) == any(each.counts for each in history)

    assert counted == result
