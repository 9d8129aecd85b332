"""The routes of payments."""

import pytest

from core import ids
from network.models import Site
from payments.api import filters, serializers
from payments.choices import State
from payments.models import Payment
from payments.services import owed
from sla.choices import Cause
from sla.services import assessments
from tests import world
from tests.sla.builders import ENGINEER, after, make_operator, make_site, resolved_outage

pytestmark = pytest.mark.django_db


def paid(minutes: float = 25, at: float = 61, **facts) -> Payment:
    """An outage that ended, its figure and its payment."""
    outage = resolved_outage(minutes, **facts)
    assessments.assess_outage(outage.id, cause=Cause.RESOLVED, actor=ENGINEER, at=after(60))
    return owed.request_payment(outage.id, actor=ENGINEER, at=after(at))


def listed(**query) -> list[str]:
    answer = world.client("viewer").get("/payments", query)
    assert answer.status_code == 200, answer.content
    return [each["outage_id"] for each in answer.json()["items"]]


def refusal(answer, status: int) -> str:
    assert answer.status_code == status, answer.content
    body = answer.json()
    return body["errors"][0]["code"] if "errors" in body else body["code"]


def test_a_claim_is_told_with_all_its_members():
    operator = make_operator()
    payment = paid(site=make_site(operator=operator), name="OUT-1")

    answer = world.client("viewer").get(f"/payments/{payment.wire_id}")

    body = answer.json()
    assert list(body) == list(serializers.PaymentResponse().fields)
    assert body == {
        "id": payment.wire_id,
        "transaction_hash": None,
        "type": "penalty",
        "direction": "collection",
        "kind": "original",
        "amount": 1000,
        "amount_exact": "1000.0000000",
        "asset_code": "USDC",
        "asset_issuer": payment.asset_issuer,
        "network": "sandbox",
        "from_address": None,
        "to_address": None,
        "status": "pending",
        "state": "awaiting_payment",
        "reason": None,
        "memo": payment.wire_id.removeprefix("pay_"),
        "outage_id": "OUT-1",
        "sla_result_id": ids.encode("slr", payment.sla_result_id),
        "operator_id": operator.wire_id,
        "attestation": "local",
        "created_at": "2026-01-05T11:01:00Z",
        "confirmed_at": None,
        "retry_count": 0,
        "last_retried_at": None,
        "ledger": None,
        "explorer_url": None,
    }


def test_payments_are_listed_newest_first():
    paid(name="OUT-1")
    paid(name="OUT-2")

    assert listed() == ["OUT-2", "OUT-1"]


def test_payments_are_sorted_as_asked():
    paid(25, name="OUT-A")
    paid(35, name="OUT-B")
    settled = paid(30, name="OUT-C")
    Payment.objects.filter(id=settled.id).update(state=State.SETTLED, settled_at=after(90))

    assert listed(sort_by="amount", sort_dir="asc") == ["OUT-A", "OUT-C", "OUT-B"]
    assert listed(sort_by="created_at", sort_dir="asc") == ["OUT-A", "OUT-B", "OUT-C"]
    assert listed(sort_by="status", sort_dir="asc") == ["OUT-C", "OUT-A", "OUT-B"]


@pytest.mark.parametrize("sort", ["id", "created_at", "amount", "status"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_payments_are_walked_by_cursor(sort, direction):
    for number in range(5):
        paid(25 + number % 2, name=f"OUT-{number}")
    client, cursor, walked = world.client("viewer"), "", []

    while cursor is not None:
        query = {"cursor": cursor, "limit": "2", "sort": f"{sort}:{direction}"}
        page = client.get("/payments", query).json()
        walked += [each["outage_id"] for each in page["items"]]
        cursor = page["next_cursor"]

    assert len(walked) == 5
    assert walked == listed(sort=f"{sort}:{direction}", page_size="5")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "PENDING"}, ["OUT-2", "OUT-1"]),
        ({"status": "completed"}, []),
        ({"status": "released"}, []),
        ({"status": "pending,confirmed"}, ["OUT-2", "OUT-1"]),
        ({"type": "reward"}, ["OUT-2"]),
        ({"type": "Penalty"}, ["OUT-1"]),
        ({"type": "manual"}, []),
        ({"direction": "payout"}, ["OUT-2"]),
        ({"state": "awaiting_payment"}, ["OUT-1"]),
        ({"reason": "recipient_wallet_missing"}, ["OUT-2"]),
        ({"outage_id": "out-1"}, ["OUT-1"]),
        ({"outage_id": "OUT-NONE"}, []),
        ({"operator_id": "ACME"}, ["OUT-2"]),
        ({"operator_id": "nobody"}, []),
        ({"import_id": "job_01h455vb4pex5vsknk084sn02q"}, []),
        ({"date_from": "2026-01-05T11:30:00Z"}, ["OUT-2"]),
        ({"date_to": "2026-01-04"}, []),
    ],
)
def test_payments_are_narrowed_by_what_they_say(query, found):
    paid(25, name="OUT-1")
    paid(10, 100, name="OUT-2", site=make_site(operator=make_operator()))

    assert listed(**query) == found


def test_settled_payments_are_confirmed_and_completed():
    payment = paid(name="OUT-1")
    Payment.objects.filter(id=payment.id).update(state=State.SETTLED, settled_at=after(90))

    assert listed(status="confirmed") == listed(status="completed") == ["OUT-1"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"import_id": "slr_01h455vb4pex5vsknk084sn02q"}, 400, "malformed_id"),
        ({"date_from": "soon"}, 422, "not_an_instant"),
        ({"date_from": "2026-02-01", "date_to": "2026-01-01"}, 422, "invalid_range"),
        ({"sort_by": "colour"}, 422, "unknown_sort"),
        ({"cursor": "nonsense"}, 400, "cursor_invalid"),
    ],
)
def test_a_list_that_cannot_be_made_is_refused(query, status, code):
    assert refusal(world.client("viewer").get("/payments", query), status) == code


def test_the_list_costs_the_same_however_long_its_page_is(django_assert_max_num_queries):
    site = make_site(operator=make_operator())
    for number in range(12):
        paid(name=f"OUT-{number}", site=site)
    client = world.client("viewer")
    assert client.get("/payments", {"page_size": "1"}).status_code == 200

    for size in ("1", "200"):
        with django_assert_max_num_queries(6):
            assert client.get("/payments", {"page_size": size}).status_code == 200


def test_nobody_sees_the_payments_of_other_sites():
    here, there = make_site("HERE"), make_site("THERE")
    paid(name="OUT-HERE", site=here)
    hidden = paid(name="OUT-THERE", site=there)
    paid(name="OUT-NOWHERE")
    client = world.client(user=world.person("viewer", site=Site.objects.get(code="HERE")))

    items = client.get("/payments").json()["items"]

    assert [each["outage_id"] for each in items] == ["OUT-HERE"]
    assert refusal(client.get(f"/payments/{hidden.wire_id}"), 404) == "payment_not_found"


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("pay_01h455vb4pex5vsknk084sn02q", 404, "payment_not_found"),
        ("01890a5d-ac96-774b-bcce-b302099a8057", 404, "payment_not_found"),
        ("pay_short", 400, "malformed_id"),
        ("slr_01h455vb4pex5vsknk084sn02q", 400, "malformed_id"),
        ("retry-later", 404, "route_not_found"),
    ],
)
def test_a_payment_that_is_not_there_is_not_found(key, status, code):
    assert refusal(world.client("viewer").get(f"/payments/{key}"), status) == code


@pytest.mark.parametrize("path", ["/payments", "/payments/pay_01h455vb4pex5vsknk084sn02q"])
def test_nobody_reads_without_signing_in(path):
    assert world.client(None).get(path).status_code == 401


def test_names_are_looked_up_together(django_assert_num_queries):
    payments = [paid(name=f"OUT-{n}", at=61 + n) for n in range(4)]
    for code in ("a-1", "a-2", "a-3"):
        make_operator(code=code)
    keys = ["out-1", "OUT-2", "OUT-3", str(payments[0].outage_id), "OUT-NONE"]
    query = filters.PaymentQuery(outage_id=keys, operator_id=["a-1", "a-2", "a-3", "a-4"])
    with django_assert_num_queries(4):  # live, by id, the one that is unknown, operators
        found = filters.narrowing(query)
    assert set(found.outage_ids) == {payment.outage_id for payment in payments}
    assert len(found.operator_ids) == 3
