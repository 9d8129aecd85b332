from datetime import timedelta

import pytest

from audit.models import Entry
from core.actors import NotPermitted
from tests.webhooks.conftest import AT
from webhooks import queries, services
from webhooks.models import Delivery, Subscription
from webhooks.policy.attempts import Answer

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(hours=1)


@pytest.fixture
def dead(owe) -> Delivery:
    owe(max_attempts=1)
    (parcel,) = services.claim_deliveries(1, at=AT)
    services.record_attempts([services.Result(parcel, AT, AT, Answer(status=500))], worker="w")
    return Delivery.objects.get()


def test_a_dead_letter_is_due_now_with_one_more_try(dead, engineer):
    services.retry_delivery(dead.id, reason="mended", actor=engineer, at=LATER)
    dead.refresh_from_db()
    assert (dead.status, dead.next_attempt_at, dead.dead_lettered_at) == ("pending", LATER, None)
    (parcel,) = services.claim_deliveries(1, at=LATER)
    services.record_attempts(
        [services.Result(parcel, LATER, LATER, Answer(status=500))], worker="w"
    )
    dead.refresh_from_db()
    assert (dead.status, dead.attempt_count, dead.run) == ("dead_letter", 2, 1)


def test_a_waiting_one_is_brought_forward(owe, engineer):
    delivery = owe()
    Delivery.objects.update(status="retrying", next_attempt_at=LATER + timedelta(days=1))
    services.retry_delivery(delivery.id, actor=engineer, at=LATER)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.next_attempt_at) == ("retrying", LATER)


def test_it_is_audited_with_what_it_speaks_of(dead, engineer):
    services.retry_delivery(dead.id, reason="mended", actor=engineer, at=LATER)
    entry = Entry.objects.get(action="webhooks.retry_delivery")
    assert entry.links == sorted([dead.wire_id, dead.subscription.wire_id, "out-1"])
    assert '"reason":"mended"' in entry.body


def test_one_that_is_being_sent_stays_as_it_is(owe, engineer):
    delivery = owe()
    (parcel,) = services.claim_deliveries(1, at=LATER)
    services.retry_delivery(delivery.id, actor=engineer, at=LATER)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.claim_token) == ("sending", parcel.claim_token)
    assert not Entry.objects.filter(action="webhooks.retry_delivery").exists()


def refused(delivery, error, actor):
    before = Delivery.objects.values().get(pk=delivery.pk)
    with pytest.raises(error):
        services.retry_delivery(delivery.id, actor=actor, at=LATER)
    assert Delivery.objects.values().get(pk=delivery.pk) == before
    assert not Entry.objects.filter(action="webhooks.retry_delivery").exists()


def test_a_success_is_not_sent_again(owe, engineer):
    delivery = owe()
    Delivery.objects.update(status="success", next_attempt_at=None, delivered_at=AT)
    refused(delivery, services.DeliveryAlreadySucceeded, engineer)


def test_a_cancelled_test_is_not_sent_again(owe, engineer):
    delivery = owe()
    Delivery.objects.update(status="cancelled", next_attempt_at=None)
    refused(delivery, services.DeliveryCancelled, engineer)


@pytest.mark.parametrize("status", ["paused", "disabled"])
def test_nothing_is_retried_towards_a_stopped_subscription(dead, engineer, status):
    Subscription.objects.update(status=status)
    refused(dead, services.WebhookNotActive, engineer)


def test_nothing_is_retried_towards_a_deleted_subscription(dead, admin):
    services.delete_subscription(dead.subscription_id, actor=admin, at=LATER)
    refused(dead, queries.DeliveryNotFound, admin)


def test_an_engineer_may_and_an_operator_may_not(dead, operator):
    refused(dead, NotPermitted, operator)
