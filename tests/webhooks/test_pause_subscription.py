from datetime import timedelta

import pytest

from audit.models import Entry
from core.actors import NotPermitted, system
from core.models import EventRow
from tests.webhooks.conftest import AT
from webhooks import queries, services
from webhooks.choices import DisabledReason
from webhooks.models import Delivery, SigningKey, Subscription

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(hours=1)


def test_a_paused_subscription_gets_no_new_deliveries_but_the_message_is_kept(
    subscribe, say, admin
):
    row = subscribe()
    services.pause_subscription(row.id, reason="moving", actor=admin, at=LATER)
    say()
    row.refresh_from_db()
    assert (row.status, row.status_reason, row.status_changed_at) == ("paused", "moving", LATER)
    assert not Delivery.objects.exists()
    entry = Entry.objects.get(action="webhooks.pause_subscription")
    assert '"reason":"moving"' in entry.body


def test_what_waits_stays_and_is_not_claimed_until_it_is_enabled(owe, admin):
    delivery = owe()
    services.pause_subscription(delivery.subscription_id, actor=admin, at=AT)
    assert services.claim_deliveries(10, at=LATER) == []
    services.enable_subscription(delivery.subscription_id, actor=admin, at=AT)
    assert len(services.claim_deliveries(10, at=LATER)) == 1


def test_pausing_and_enabling_twice_is_harmless(subscribe, admin):
    row = subscribe()
    for _ in range(2):
        services.pause_subscription(row.id, actor=admin, at=LATER)
    for _ in range(2):
        services.enable_subscription(row.id, actor=admin, at=LATER)
    assert Subscription.objects.get().status == "active"
    assert Entry.objects.exclude(action="webhooks.create_subscription").count() == 2


def test_enabling_is_a_clean_slate(subscribe, admin):
    row = subscribe()
    Subscription.objects.update(status="disabled", failing_since=AT, hold_until=LATER)
    services.enable_subscription(row.id, actor=admin, at=LATER)
    row.refresh_from_db()
    assert (row.status, row.failing_since, row.hold_until) == ("active", None, None)


def test_disabling_is_announced_to_everybody_else(subscribe):
    row, other = subscribe(), subscribe()
    services.disable_subscription(
        row.id, reason=DisabledReason.GONE, actor=system("webhooks"), at=LATER
    )
    row.refresh_from_db()
    assert (row.status, row.status_reason) == ("disabled", "gone")
    event = EventRow.objects.get()
    assert event.type == "webhook.disabled"
    assert event.subject == row.wire_id
    services.enable_subscription(row.id, actor=system("webhooks"), at=LATER)
    services.queue_messages(
        [
            services.Saying(
                event.id,
                event_type=event.type,
                occurred_at=LATER,
                data={"subscription_id": row.wire_id},
                context={"subscription_id": row.wire_id},
            )
        ],
        at=LATER,
    )
    assert [each.subscription_id for each in Delivery.objects.all()] == [other.id]


def test_a_paused_one_is_not_disabled(subscribe, admin):
    row = subscribe(active=False)
    services.disable_subscription(row.id, reason=DisabledReason.GONE, actor=admin, at=LATER)
    assert Subscription.objects.get().status == "paused"
    assert not EventRow.objects.exists()


def test_deleting_destroys_secrets_and_headers_and_cancels_what_waits(owe, admin):
    delivery = owe(headers={"X-A": "1"})
    services.delete_subscription(delivery.subscription_id, reason="gone", actor=admin, at=LATER)
    row = Subscription.objects.get()
    delivery.refresh_from_db()
    assert (row.status, row.headers, delivery.status) == ("deleted", None, "cancelled")
    assert not SigningKey.objects.exists()
    with pytest.raises(queries.WebhookNotFound):
        queries.get_subscription(row.wire_id)
    assert '"deliveries_cancelled":1' in Entry.objects.latest("id").body


@pytest.mark.parametrize(
    "verb",
    [
        services.pause_subscription,
        services.enable_subscription,
        services.delete_subscription,
    ],
)
def test_only_an_administrator_does_these_things(subscribe, engineer, verb):
    row = subscribe()
    with pytest.raises(NotPermitted):
        verb(row.id, actor=engineer, at=LATER)
    assert Subscription.objects.get().status == "active"
    assert SigningKey.objects.count() == 1
