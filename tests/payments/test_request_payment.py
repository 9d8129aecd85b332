"""The payments of an outage follow its latest SLA result, whatever came before."""

import json
from decimal import Decimal

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.utils import timezone

from audit.models import Entry
from core import ids
from core.actors import NotPermitted
from core.models import EventRow
from payments import queries
from payments.choices import Reason, State
from payments.models import Payment
from payments.services import owed
from sla.choices import Cause
from sla.services import assessments
from tests import world
from tests.sla.builders import (
    ENGINEER,
    VIEWER,
    after,
    delete,
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


def judge(outage, minutes: float = 60, cause: Cause = Cause.RESOLVED):
    return assessments.assess_outage(outage.id, cause=cause, actor=ENGINEER, at=after(minutes))


def request(outage, minutes: float = 61, actor=ENGINEER) -> Payment | None:
    return owed.request_payment(outage.id, actor=actor, at=after(minutes))


def withdraw(outage, reason: Reason = Reason.OUTAGE_REOPENED) -> list[Payment]:
    return owed.withdraw_payments(outage.id, reason, actor=ENGINEER, at=after(62))


def told(kind: str) -> list[dict]:
    rows = EventRow.objects.filter(type=f"payment.{kind}").order_by("id")
    return [json.loads(row.payload) for row in rows]


def audited(verb: str) -> list[Entry]:
    return list(Entry.objects.filter(action=f"payments.{verb}").order_by("id"))


def settle(payment: Payment) -> None:
    Payment.objects.filter(id=payment.id).update(
        state=State.SETTLED, reason="", settled_at=timezone.now()
    )


def positions(outage) -> list[tuple[str, str, str, str]]:
    return [
        (each.direction, f"{each.amount:.0f}", each.state, each.kind)
        for each in queries.payments_of_outage(outage.id)
    ]


def test_a_penalty_becomes_a_claim_with_its_memo_and_a_due_day():
    outage = resolved_outage(25)
    result = judge(outage)

    payment = request(outage)

    assert (payment.direction, payment.amount, payment.kind) == ("collection", 1000, "original")
    assert (payment.state, payment.reason) == ("awaiting_payment", "")
    assert (payment.sla_result_id, payment.attestation) == (result.id, "local")
    assert payment.memo == ids.suffix(payment.id)
    assert payment.due_on == after(61).date().replace(month=2, day=4)
    assert payment.network == "sandbox"
    assert [event["payment_id"] for event in told("requested")] == [payment.wire_id]
    assert not told("blocked")
    assert len(audited("request")) == 1


def test_a_reward_becomes_a_payout_that_waits_for_a_wallet():
    operator = make_operator()
    outage = resolved_outage(10, site=make_site(operator=operator))
    judge(outage)

    payment = request(outage)

    assert (payment.direction, payment.amount) == ("payout", 1125)
    assert (payment.state, payment.reason) == ("blocked", "recipient_wallet_missing")
    assert (payment.operator, payment.memo, payment.due_on) == (operator, "", None)
    assert [event["reason"] for event in told("blocked")] == ["recipient_wallet_missing"]


def test_a_reward_without_an_operator_waits_for_one():
    outage = resolved_outage(10)
    judge(outage)

    assert request(outage).reason == "recipient_unknown"


def test_the_event_tells_the_whole_position():
    operator = make_operator()
    site = make_site(operator=operator)
    outage = resolved_outage(25, site=site)
    result = judge(outage)

    payment = request(outage)

    (event,) = told("requested")
    assert event == {
        "occurred_at": "2026-01-05T11:01:00Z",
        "payment_id": payment.wire_id,
        "outage_id": outage.reference,
        "sla_result_id": result.wire_id,
        "site_id": site.wire_id,
        "region_id": None,
        "operator_id": operator.wire_id,
        "direction": "collection",
        "type": "penalty",
        "status": "pending",
        "state": "awaiting_payment",
        "reason": None,
        "amount_exact": "1000.0000000",
        "asset_code": "USDC",
        "transaction_hash": None,
        "ledger": None,
        "at": "2026-01-05T11:01:00Z",
    }


def test_whoever_had_a_hand_in_the_outage_is_among_its_causers():
    outage = resolved_outage(25)
    judge(outage)

    assert request(outage).causers == [ENGINEER.id]


def test_the_same_result_makes_one_payment():
    outage = resolved_outage(25)
    judge(outage)
    payment = request(outage)

    assert request(outage) == payment
    assert Payment.objects.count() == len(told("requested")) == len(audited("request")) == 1


def test_a_payment_that_a_person_cancelled_is_not_made_again():
    outage = resolved_outage(25)
    judge(outage)
    payment = request(outage)
    Payment.objects.update(state=State.CANCELLED, reason="by_person")

    assert request(outage) == payment
    assert Payment.objects.count() == 1


def test_a_later_result_supersedes_what_has_not_moved():
    outage = resolved_outage(10)
    judge(outage)
    first = request(outage)
    outage = edit(outage, severity="low", detected_at=after(-120))
    judge(outage, 70)

    request(outage, 71)

    assert positions(outage) == [
        ("payout", "1125", "cancelled", "original"),
        ("collection", "100", "awaiting_payment", "original"),
    ]
    first.refresh_from_db()
    assert first.reason == "superseded"
    assert [event["payment_id"] for event in told("cancelled")] == [first.wire_id]
    assert len(audited("supersede")) == 1


def test_what_has_moved_is_netted():
    outage = resolved_outage(10)
    judge(outage)
    settle(request(outage))
    outage = edit(outage, severity="low", detected_at=after(-120))
    judge(outage, 70)

    request(outage, 71)

    assert positions(outage) == [
        ("payout", "1125", "settled", "original"),
        ("collection", "1225", "awaiting_payment", "adjustment"),
    ]


def test_a_paid_outage_that_comes_out_the_same_owes_nothing():
    outage = resolved_outage(10)
    judge(outage)
    settle(request(outage))
    outage = edit(outage, site_id=make_site().code)
    judge(outage, 70)

    assert request(outage, 71) is None
    assert positions(outage) == [("payout", "1125", "settled", "original")]
    assert len(audited("request")) == 2


def test_a_result_of_zero_owes_nothing_and_leaves_a_trace():
    publish_terms(30, 20, 0)
    outage = resolved_outage(10)
    judge(outage)

    assert request(outage) is None
    assert not Payment.objects.exists()
    assert len(audited("request")) == 1


def test_an_outage_of_settlement_none_pays_nothing():
    outage = resolved_outage(25, settlement="none")
    judge(outage)

    assert request(outage) is None
    assert not Payment.objects.exists()
    assert len(audited("request")) == 1


@pytest.mark.parametrize("minutes", [10, 25])
def test_imported_history_is_held_for_a_manager(minutes):
    outage = resolved_outage(minutes, settlement="hold")
    judge(outage)

    payment = request(outage)

    assert (payment.state, payment.reason) == ("held", "imported_history")
    assert [event["reason"] for event in told("blocked")] == ["imported_history"]


def test_an_amount_beyond_the_ledger_makes_no_payment_and_the_result_stands():
    publish_terms(15, 10_000, 750)
    outage = resolved_outage(25, declared=4294967295)
    result = judge(outage)

    assert request(outage) is None
    assert result.amount == -42949672800000
    assert not Payment.objects.exists()
    assert len(audited("request")) == 1


def test_a_result_under_other_terms_cannot_be_attested_by_the_contract():
    operator = make_operator()
    publish_terms(40, 30, 300, version=1, operator=operator)
    outage = resolved_outage(50, site=make_site(operator=operator))
    judge(outage)

    assert request(outage).attestation == "not_applicable"


def test_an_outage_without_a_result_owes_nothing():
    outage = resolved_outage(25)

    assert request(outage) is None
    assert not audited("request")


def test_late_news_of_a_result_makes_no_payment_for_an_open_outage():
    outage = resolved_outage(25)
    judge(outage)
    reopen(outage)

    assert request(outage) is None
    assert not Payment.objects.exists()


def test_a_viewer_may_not_request_a_payment():
    outage = resolved_outage(25)
    judge(outage)

    with pytest.raises(NotPermitted):
        request(outage, actor=VIEWER)

    assert not Payment.objects.exists()


def test_reopening_withdraws_what_has_not_moved():
    outage = resolved_outage(25)
    judge(outage)
    payment = request(outage)
    reopen(outage)

    assert withdraw(outage) == [payment]

    payment.refresh_from_db()
    assert (payment.state, payment.reason) == ("cancelled", "outage_reopened")
    assert [event["reason"] for event in told("cancelled")] == ["outage_reopened"]
    assert len(audited("withdraw")) == 1


def test_deleting_withdraws_what_has_not_moved():
    outage = resolved_outage(25)
    judge(outage)
    request(outage)
    delete(outage)

    (payment,) = withdraw(outage, Reason.OUTAGE_DELETED)

    assert payment.reason == "outage_deleted"


def test_what_has_moved_stays_when_the_outage_is_reopened():
    outage = resolved_outage(25)
    judge(outage)
    payment = request(outage)
    settle(payment)
    reopen(outage)

    assert withdraw(outage) == []
    assert Payment.objects.get().state == State.SETTLED


def test_withdrawing_twice_is_withdrawing_once():
    outage = resolved_outage(25)
    judge(outage)
    request(outage)
    reopen(outage)
    withdraw(outage)

    assert withdraw(outage) == []
    assert len(told("cancelled")) == 1


def test_late_news_of_a_reopening_leaves_the_payment_of_the_next_result():
    outage = resolved_outage(25)
    judge(outage)
    outage = resolve(reopen(outage), 45)
    judge(outage, 70)
    payment = request(outage, 71)

    assert withdraw(outage) == []
    payment.refresh_from_db()
    assert payment.state == "awaiting_payment"


def test_a_request_costs_few_statements(django_assert_max_num_queries):
    outage = resolved_outage(25, site=make_site(operator=make_operator()))
    judge(outage)

    with django_assert_max_num_queries(14):
        request(outage)


def test_the_payment_of_a_result_is_found_by_it():
    outage = resolved_outage(25)
    result = judge(outage)
    payment = request(outage)

    assert queries.payment_of_result(result.id) == payment
    assert queries.newest_of_results([result.id]) == {result.id: payment}
    assert queries.payment_of_result(outage.id) is None


def test_the_database_keeps_every_payment():
    outage = resolved_outage(25)
    judge(outage)
    request(outage)

    with pytest.raises(ProgrammingError), transaction.atomic():
        Payment.objects.all().delete()


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"state": "held"}, "reason_says_why"),
        ({"reason": "disputed"}, "reason_says_why"),
        ({"amount": Decimal(0)}, "amount_fits_the_ledger"),
        ({"amount": Decimal("922337203685.4775808")}, "amount_fits_the_ledger"),
        ({"due_on": None}, "collection_is_due"),
        ({"direction": "payout"}, "collection_is_due"),
        ({"state": "settled"}, "settled_has_time"),
    ],
)
def test_the_database_refuses_a_payment_that_cannot_be(change, constraint):
    outage = resolved_outage(25)
    judge(outage)
    request(outage)

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Payment.objects.update(**change)


def test_the_database_knows_one_payment_of_a_result():
    outage = resolved_outage(25)
    judge(outage)
    payment = request(outage)
    payment.pk = ids.uuid7()

    with pytest.raises(IntegrityError, match="once_a_result"), transaction.atomic():
        payment.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_eight_requests_at_once_make_one_payment(monkeypatch):
    monkeypatch.setattr(owed, "request_payment", lambda *_args, **_more: None)
    outage = resolved_outage(25)
    monkeypatch.undo()
    assert not Payment.objects.exists()

    found = world.at_once(8, lambda _: request(outage))

    assert len({payment.id for payment in found}) == 1
    assert Payment.objects.count() == len(told("requested")) == 1


@pytest.mark.django_db(transaction=True)
def test_a_request_and_a_withdrawal_at_once_leave_nothing_for_an_open_outage(monkeypatch):
    monkeypatch.setattr(owed, "request_payment", lambda *_args, **_more: None)
    monkeypatch.setattr(owed, "withdraw_payments", lambda *_args, **_more: [])
    outage = reopen(resolved_outage(25))
    monkeypatch.undo()
    works = [lambda: request(outage), lambda: withdraw(outage)]

    world.at_once(2, lambda number: works[number]())

    assert not Payment.objects.exclude(state=State.CANCELLED).exists()


def test_an_open_outage_has_no_payment():
    outage = open_outage()

    assert request(outage) is None
    assert queries.payments_of_outage(outage.id) == []
