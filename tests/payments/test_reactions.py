"""What payments do when they hear of a figure, a reopening or a deletion."""

import pytest

from core import events
from core.models import ReactionRow
from payments import queries
from payments.choices import State
from payments.models import Payment
from tests.sla.builders import after, delete, edit, reopen, resolve, resolved_outage

pytestmark = pytest.mark.django_db


@pytest.fixture
def hearing(django_capture_on_commit_callbacks):
    """Deliver what a verb announces, and what that announces, as a commit does."""

    def run(verb, *args, **more):
        with django_capture_on_commit_callbacks(execute=True):
            return verb(*args, **more)

    return run


def positions(outage) -> list[tuple[str, str, str]]:
    return [
        (each.direction, f"{each.amount:.0f}", each.reason or each.state)
        for each in queries.payments_of_outage(outage.id)
    ]


def test_a_resolution_ends_in_a_claim(hearing):
    outage = hearing(resolved_outage, 25)

    assert positions(outage) == [("collection", "1000", "awaiting_payment")]


def test_a_correction_replaces_the_claim(hearing):
    outage = hearing(resolved_outage, 25)

    hearing(edit, outage, severity="high")

    assert positions(outage) == [
        ("collection", "1000", "superseded"),
        ("payout", "750", "recipient_unknown"),
    ]


def test_a_reopening_withdraws_it_and_the_next_resolution_owes_anew(hearing):
    outage = hearing(resolved_outage, 25)
    outage = hearing(reopen, outage)
    assert positions(outage) == [("collection", "1000", "outage_reopened")]

    hearing(resolve, outage, 45)

    assert positions(outage)[1:] == [("collection", "3000", "awaiting_payment")]


def test_a_deletion_withdraws_it(hearing):
    outage = hearing(resolved_outage, 25)

    hearing(delete, outage)

    assert positions(outage) == [("collection", "1000", "outage_deleted")]


def test_a_payout_that_was_made_is_claimed_back_after_a_worse_second_resolution(hearing):
    outage = hearing(resolved_outage, 10)
    Payment.objects.update(state=State.SETTLED, reason="", settled_at=after(15))
    outage = hearing(reopen, outage, 20)

    hearing(resolve, outage, 40)

    assert positions(outage) == [
        ("payout", "1125", "settled"),
        ("collection", "3625", "awaiting_payment"),
    ]


def test_the_same_news_twice_makes_one_payment(hearing):
    outage = hearing(resolved_outage, 25)
    ReactionRow.objects.filter(reaction="payments.request_owed_payment").update(
        status="due", done_at=None, next_attempt_at=after(0)
    )

    assert events.sweep() == 1
    assert positions(outage) == [("collection", "1000", "awaiting_payment")]
