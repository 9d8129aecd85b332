"""One flow through four domains: an outage ends, is assessed, and money is asked for."""

from typing import Any

import pytest

from audit.models import Entry
from core import events, outbox
from core.models import EventRow, IdempotencyKey, ReactionRow
from outages.models import Outage
from payments.models import Payment
from sla.models import Result
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)

BODY = {
    "site_id": "ACCRA-1",
    "site_name": "Accra Hub",
    "severity": "critical",
    "detected_at": "2026-01-05T10:00:00Z",
    "description": "Fibre cut",
}


@pytest.fixture
def outage() -> Outage:
    world.site("ACCRA-1", operator=world.operator())
    return world.outage(**BODY)


def test_a_resolve_answers_with_what_followed(outage: Outage) -> None:
    body = world.client().post(f"/outages/{outage}/resolve", {"mttr_minutes": 25}).json()
    assert (body["sla_state"], body["payment_state"]) == ("done", "done")
    assert body["sla"]["amount"] == -1000
    assert body["payment"]["amount_exact"] == "1000.0000000"
    assert body["outage"]["sla_status"]["result_id"] == body["sla"]["id"]
    assert body["outage"]["payment"] == body["payment"]


def test_one_correlation_id_finds_the_whole_chain(outage: Outage) -> None:
    world.client().post(
        f"/outages/{outage}/resolve", {"mttr_minutes": 25}, X_Correlation_ID="night-shift-7"
    )
    entries = Entry.objects.filter(correlation_id="night-shift-7").order_by("at", "id")
    assert [entry.action for entry in entries] == [
        "outages.resolve",
        "sla.assess_outage",
        "payments.request",
    ]


def test_the_timeline_tells_the_story_in_order(outage: Outage) -> None:
    client = world.client()
    client.post(f"/outages/{outage}/resolve", {"mttr_minutes": 25})
    told = client.get(f"/outages/{outage}/timeline").json()["items"]
    assert [item["event_type"] for item in told] == [
        "created",
        "resolved",
        "sla_computed",
        "payment_requested",
    ]


def test_eight_clients_with_the_same_facts_get_the_same_answer(outage: Outage) -> None:
    world.standing("engineer")
    answers = world.at_once(
        8,
        lambda _: world.client().post(f"/outages/{outage}/resolve", {"mttr_minutes": 25}),
    )
    assert {answer.status_code for answer in answers} == {200}
    events.sweep(at=world.much_later())
    assert Result.objects.count() == Payment.objects.count() == 1
    assert EventRow.objects.filter(type="outage.resolved").count() == 1
    told = [answer.json() for answer in answers]
    results = {body["sla"]["id"] for body in told if body["sla"]}
    assert results == {Result.objects.get().wire_id}


def test_eight_clients_with_different_facts_get_one_yes(outage: Outage) -> None:
    world.standing("engineer")
    answers = world.at_once(
        8,
        lambda number: world.client().post(
            f"/outages/{outage}/resolve", {"mttr_minutes": 20 + number}
        ),
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


def test_a_broken_sla_does_not_stop_the_outage_from_being_resolved(
    outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sla.services import assessments

    with monkeypatch.context() as broken:
        broken.setattr(assessments, "follow_outage", _break)
        answer = world.client().post(f"/outages/{outage}/resolve", {"mttr_minutes": 25})
    body = answer.json()
    assert answer.status_code == 200
    assert (body["sla"], body["sla_state"]) == (None, "pending")
    assert (body["payment"], body["payment_state"]) == (None, "pending")
    assert body["outage"]["status"] == "resolved"
    while events.sweep(at=world.much_later()):
        pass
    assert Result.objects.count() == Payment.objects.count() == 1


def _break(*_: Any, **__: Any) -> None:
    raise RuntimeError("the SLA is broken")


def test_a_reaction_that_fails_twelve_times_waits_for_a_person(
    outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sla.services import assessments

    with monkeypatch.context() as broken:
        broken.setattr(assessments, "follow_outage", _break)
        world.client().post(f"/outages/{outage}/resolve", {})
        for _ in range(12):
            events.sweep(at=world.much_later())
        body = world.client().post(f"/outages/{outage}/resolve", {}).json()
        assert body["sla_state"] == "parked"
    parked = ReactionRow.objects.get(status="parked")
    assert outbox.retry_parked(parked.id)
    while events.sweep(at=world.much_later()):
        pass
    assert Result.objects.count() == 1


def test_a_reopened_outage_takes_back_what_was_owed(outage: Outage) -> None:
    client = world.client()
    client.post(f"/outages/{outage}/resolve", {"mttr_minutes": 25})
    body = client.post(f"/outages/{outage}/reopen", {"reason": "It did not hold."}).json()
    assert (body["sla"], body["payment"], body["sla_state"]) == (None, None, "none")
    assert Payment.objects.get().state == "cancelled"


def test_held_history_is_assessed_and_its_payment_waits(outage: Outage) -> None:
    Outage.objects.filter(id=outage.id).update(settlement="hold")
    body = world.client().post(f"/outages/{outage}/resolve", {"mttr_minutes": 25}).json()
    assert (body["payment"]["state"], body["payment"]["reason"]) == ("held", "imported_history")


def test_settlement_none_asks_for_no_money(outage: Outage) -> None:
    Outage.objects.filter(id=outage.id).update(settlement="none")
    body = world.client().post(f"/outages/{outage}/resolve", {"mttr_minutes": 25}).json()
    assert (body["sla"]["amount"], body["payment_state"]) == (-1000, "none")
    assert not Payment.objects.exists()


# --- Idempotency-Key -----------------------------------------------------------------------------


def test_one_key_is_one_outage_however_often_it_is_sent() -> None:
    world.standing("operator")
    answers = world.at_once(
        20, lambda _: world.client("operator").post("/outages", BODY, Idempotency_Key="k-1")
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert Outage.objects.count() == 1
    replayed = [answer for answer in answers if answer.get("Idempotency-Replayed")]
    assert len(replayed) == 19


@pytest.mark.slow
def test_five_hundred_parallel_creates_with_one_key_are_one_outage() -> None:
    world.standing("operator")
    for _ in range(10):
        world.at_once(
            50, lambda _: world.client("operator").post("/outages", BODY, Idempotency_Key="k-1")
        )
    assert Outage.objects.count() == 1


def test_the_same_key_with_other_content_is_refused() -> None:
    client = world.client("operator")
    client.post("/outages", BODY, Idempotency_Key="k-1")
    answer = client.post("/outages", BODY | {"severity": "low"}, Idempotency_Key="k-1")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_the_key_of_somebody_else_is_another_key() -> None:
    world.client("operator").post("/outages", BODY, Idempotency_Key="k-1")
    answer = world.client("engineer").post(
        "/outages", BODY | {"severity": "low", "description": "x"}, Idempotency_Key="k-1"
    )
    assert answer.status_code == 201


def test_a_refusal_keeps_no_key() -> None:
    client = world.client("operator")
    assert client.post("/outages", {}, Idempotency_Key="k-1").status_code == 422
    assert not IdempotencyKey.objects.exists()
    assert client.post("/outages", BODY, Idempotency_Key="k-1").status_code == 201


def test_an_answer_that_was_lost_is_rendered_anew() -> None:
    client = world.client("operator")
    first = client.post("/outages", BODY, Idempotency_Key="k-1").json()
    IdempotencyKey.objects.update(body=None, created_at="2026-01-01T00:00:00Z")
    again = client.post("/outages", BODY, Idempotency_Key="k-1")
    assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")
    assert again.json()["id"] == first["id"]


def test_a_replayed_resolve_tells_of_the_sla() -> None:
    world.site("ACCRA-1", operator=world.operator())
    outage, client = world.outage(**BODY), world.client()
    path = f"/outages/{outage}/resolve"
    first = client.post(path, {"mttr_minutes": 25}, Idempotency_Key="k-1")
    again = client.post(path, {"mttr_minutes": 25}, Idempotency_Key="k-1")
    assert first.json()["sla_state"] == "done"
    assert again.content == first.content


@pytest.mark.parametrize("key", ["é", "x" * 256, "a\tb"])
def test_a_malformed_key_is_refused(key: str) -> None:
    answer = world.client("operator").post("/outages", BODY, Idempotency_Key=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_idempotency_key")
