"""Where a new payment rests, and why."""

import pytest

from payments.choices import Attestation, Direction, Reason, State
from payments.policy.contract import attest
from payments.policy.placement import Placement, place


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("attestation", [Attestation.LOCAL, Attestation.MISMATCH])
def test_imported_history_waits_for_a_person_before_anything_else(direction, attestation):
    placed = place(
        direction=direction, settlement="hold", attestation=attestation, operator_known=True
    )

    assert placed == Placement(State.HELD, Reason.IMPORTED_HISTORY)


@pytest.mark.parametrize("direction", Direction)
def test_an_amount_on_which_the_contract_disagrees_is_held(direction):
    placed = place(
        direction=direction,
        settlement="normal",
        attestation=Attestation.MISMATCH,
        operator_known=True,
    )

    assert placed == Placement(State.HELD, Reason.PARITY_MISMATCH)


@pytest.mark.parametrize("known", [True, False])
def test_a_claim_waits_for_the_money_whoever_owes_it(known):
    placed = place(
        direction=Direction.COLLECTION,
        settlement="normal",
        attestation=Attestation.LOCAL,
        operator_known=known,
    )

    assert placed == Placement(State.AWAITING_PAYMENT)


@pytest.mark.parametrize(
    ("known", "reason"),
    [(False, Reason.RECIPIENT_UNKNOWN), (True, Reason.RECIPIENT_WALLET_MISSING)],
)
def test_a_payout_waits_for_whom_and_where_to_pay(known, reason):
    placed = place(
        direction=Direction.PAYOUT,
        settlement="normal",
        attestation=Attestation.NOT_APPLICABLE,
        operator_known=known,
    )

    assert placed == Placement(State.BLOCKED, reason)


def ask(**changed):
    return attest(
        **({"plain": True, "threshold": 15, "penalty": 100, "reward": 750, "mttr": 25} | changed)
    )


def test_the_twin_attests_an_amount_that_it_computes_too():
    assert ask(amount=-1000) == Attestation.LOCAL


def test_the_twin_refuses_an_amount_that_it_does_not_compute():
    assert ask(amount=-1001) == Attestation.MISMATCH


def test_the_twin_refuses_what_the_contract_cannot_compute():
    assert ask(penalty=0, amount=0) == Attestation.MISMATCH


def test_the_twin_cannot_tell_of_terms_that_are_not_on_the_contract():
    assert ask(plain=False, amount=-1) == Attestation.NOT_APPLICABLE
