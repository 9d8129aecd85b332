"""Payments in the back office: where each rests, and why."""

import pytest
from django.test import Client

from network.models import Site
from payments.models import Payment
from tests import world
from tests.payments.test_api import paid
from tests.sla.builders import make_operator, make_site

pytestmark = pytest.mark.django_db

PAYMENTS = "/admin/payments/payment/"


def office(role: str = "manager", **place) -> Client:
    return world.office(world.person(role, **place))


def test_a_payment_says_why_it_rests():
    payment = paid(10, site=make_site(operator=make_operator()))

    page = office().get(f"{PAYMENTS}{payment.id}/change/").content.decode()

    assert "The operator has no confirmed wallet" in page
    assert "1,125.00 USDC" in page
    assert "payments.request" in page


def test_payments_are_found_by_outage_id_and_memo():
    payment = paid(name="OUT-1")
    paid(name="OUT-2")

    for term in ("out-1", payment.wire_id, payment.memo):
        page = office().get(PAYMENTS, {"q": term}).content.decode()
        assert "OUT-1" in page
        assert "OUT-2" not in page


def test_nothing_can_be_added_changed_or_deleted_here():
    payment = paid()
    client = office("admin")

    assert client.get(f"{PAYMENTS}add/").status_code == 403
    assert client.post(f"{PAYMENTS}{payment.id}/change/", {"amount": "1"}).status_code == 403
    assert client.get(f"{PAYMENTS}{payment.id}/delete/").status_code == 403
    assert Payment.objects.get().amount == 1000


def test_payments_of_other_sites_are_not_shown():
    paid(name="OUT-HERE", site=make_site("HERE"))
    paid(name="OUT-THERE", site=make_site("THERE"))

    page = office("operator", site=Site.objects.get(code="HERE")).get(PAYMENTS).content.decode()

    assert "OUT-HERE" in page
    assert "OUT-THERE" not in page


def test_the_list_costs_the_same_for_many(django_assert_max_num_queries):
    site = make_site(operator=make_operator())
    for number in range(20):
        paid(name=f"OUT-{number}", site=site)
    client = office()
    client.get(PAYMENTS)

    with django_assert_max_num_queries(12):
        client.get(PAYMENTS)
