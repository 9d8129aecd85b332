"""The pages of the back office: to read, and to act through the verbs."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Entry
from tests import world
from webhooks import services
from webhooks.models import Delivery, Subscription
from webhooks.policy.attempts import Answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> Any:
    return world.office


@pytest.fixture
def delivery(subscribe: Any, say: Any) -> Delivery:
    row = subscribe(url="https://hooks.example/noc?x=<b>", headers={"X-Partner": "hunter2"})
    say()
    at = timezone.now()
    (parcel,) = services.claim_deliveries(1, at=at)
    answer = Answer(status=500, response="<script>alert(1)</script>", error="It answered 500.")
    services.record_attempts([services.Result(parcel, at, at, answer)], worker="w")
    return Delivery.objects.get(subscription=row)


def act(client: Client, model: str, action: str, pk: object) -> Any:
    return client.post(
        reverse(f"admin:webhooks_{model}_changelist"),
        {"action": action, "_selected_action": [str(pk)]},
        follow=True,
    )


def test_the_lists_and_pages_open(desk: Any, delivery: Delivery) -> None:
    client = desk("engineer")
    for model, pk in (("subscription", delivery.subscription_id), ("delivery", delivery.pk)):
        assert client.get(reverse(f"admin:webhooks_{model}_changelist")).status_code == 200
        page = client.get(reverse(f"admin:webhooks_{model}_change", args=[pk]))
        assert page.status_code == 200
        assert b"hunter2" not in page.content
        assert b"<script>alert(1)" not in page.content
    assert b"&lt;script&gt;alert(1)" in page.content
    assert b"sla.violation" in page.content


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_others_see_nothing(desk: Any, delivery: Delivery, role: str) -> None:
    client = desk(role)
    for url in (
        reverse("admin:webhooks_subscription_changelist"),
        reverse("admin:webhooks_delivery_change", args=[delivery.pk]),
    ):
        assert client.get(url).status_code in (302, 403)


def test_nothing_can_be_added_changed_or_deleted_by_a_form(desk: Any, delivery: Delivery) -> None:
    client, before = desk("admin"), Subscription.objects.values().get()
    pk = delivery.subscription_id
    assert client.get(reverse("admin:webhooks_subscription_add")).status_code == 403
    assert (
        client.post(
            reverse("admin:webhooks_subscription_change", args=[pk]), {"status": "paused"}
        ).status_code
        == 403
    )
    assert client.post(reverse("admin:webhooks_subscription_delete", args=[pk])).status_code == 403
    assert Subscription.objects.values().get() == before


def test_an_administrator_pauses_and_enables(desk: Any, delivery: Delivery) -> None:
    client, pk = desk("admin"), delivery.subscription_id
    act(client, "subscription", "pause", pk)
    assert Subscription.objects.get().status == "paused"
    act(client, "subscription", "enable", pk)
    assert Subscription.objects.get().status == "active"
    entry = Entry.objects.filter(action="webhooks.enable_subscription").get()
    assert (entry.actor_id, entry.source) == (world.standing("admin").wire_id, "admin")


def test_an_engineer_may_test_but_not_pause(desk: Any, delivery: Delivery) -> None:
    client, pk = desk("engineer"), delivery.subscription_id
    answer = act(client, "subscription", "pause", pk)
    assert "needs the role admin" in answer.content.decode()
    assert Subscription.objects.get().status == "active"
    act(client, "subscription", "send_test", pk)
    assert Delivery.objects.filter(kind="test").count() == 1


def test_a_delivery_is_sent_again(desk: Any, delivery: Delivery) -> None:
    act(desk("engineer"), "delivery", "retry", delivery.pk)
    delivery.refresh_from_db()
    assert delivery.next_attempt_at <= timezone.now()


def test_what_cannot_be_retried_says_so(desk: Any, delivery: Delivery) -> None:
    Delivery.objects.update(status="success", delivered_at=timezone.now(), next_attempt_at=None)
    answer = act(desk("engineer"), "delivery", "retry", delivery.pk)
    assert "has accepted this delivery" in answer.content.decode()


@pytest.mark.parametrize("term", ["dlv", "msg", "outage"])
def test_the_log_is_searched_by_exact_ids(desk: Any, delivery: Delivery, term: str) -> None:
    words = {"dlv": delivery.wire_id, "msg": delivery.message.wire_id, "outage": "out-1"}
    url = reverse("admin:webhooks_delivery_changelist")
    client = desk("engineer")
    assert b"sla.violation" in client.get(url, {"q": words[term]}).content
    assert (
        delivery.message.type
        not in (client.get(url, {"q": "dlv_nope"}).content.decode().partition("<tbody")[2])
    )


def test_a_list_costs_few_queries(
    desk: Any, subscribe: Any, say: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        subscribe()
    for _ in range(5):
        say()
    client = desk("engineer")
    for model in ("subscription", "delivery"):
        with django_assert_max_num_queries(15):
            client.get(reverse(f"admin:webhooks_{model}_changelist"))
