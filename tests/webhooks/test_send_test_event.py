import json
from datetime import timedelta

import pytest

from audit.models import Entry
from core.actors import NotPermitted
from tests.webhooks.conftest import AT
from webhooks import queries, services
from webhooks.models import Delivery, Message, Subscription

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(hours=1)


def test_one_subscription_gets_a_message_whatever_it_asked_for(subscribe, engineer):
    row = subscribe(patterns=["sla.*"])
    subscribe()
    delivery = services.send_test_event(row.id, actor=engineer, at=LATER)
    assert (delivery.kind, delivery.status, delivery.next_attempt_at) == ("test", "pending", LATER)
    assert Delivery.objects.get() == delivery
    message = Message.objects.get()
    assert message.type == "webhook.test"
    assert json.loads(message.data)["subscription_id"] == row.wire_id


@pytest.mark.parametrize("status", ["paused", "disabled"])
def test_a_stopped_subscription_can_be_tested_and_gets_nothing_else(owe, engineer, status):
    waiting = owe()
    Subscription.objects.update(status=status, hold_until=LATER + timedelta(hours=1))
    test = services.send_test_event(waiting.subscription_id, actor=engineer, at=LATER)
    (parcel,) = services.claim_deliveries(10, at=LATER)
    assert parcel.delivery_id == test.id


def test_it_is_audited(subscribe, engineer):
    delivery = services.send_test_event(subscribe().id, actor=engineer, at=LATER)
    entry = Entry.objects.get(action="webhooks.send_test_event")
    assert delivery.wire_id in entry.links


def test_an_operator_may_not(subscribe, operator):
    row = subscribe()
    with pytest.raises(NotPermitted):
        services.send_test_event(row.id, actor=operator, at=LATER)
    assert not Message.objects.exists()


def test_a_deleted_subscription_is_not_found(subscribe, admin):
    row = subscribe()
    services.delete_subscription(row.id, actor=admin, at=LATER)
    with pytest.raises(queries.WebhookNotFound):
        services.send_test_event(row.id, actor=admin, at=LATER)
    assert not Message.objects.exists()
