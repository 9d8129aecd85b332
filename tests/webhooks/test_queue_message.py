import json
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from core import events
from core.ids import uuid7
from tests import world
from tests.webhooks.conftest import AT
from webhooks import queries, services
from webhooks.events import WebhookDisabled
from webhooks.models import Delivery, Message, Subscription


@pytest.mark.django_db
class TestQueueMessage:
    def test_every_matching_active_subscription_is_owed_one_delivery(self, subscribe, say):
        exact = subscribe(patterns=["sla.violation"])
        domain = subscribe(patterns=["outage.created", "sla.*"])
        everything = subscribe(patterns=["*"])
        old_word = subscribe(patterns=["sla.breached"])
        subscribe(patterns=["sla.resolved"])
        subscribe(patterns=["outage.*"])
        say("sla.violation")
        owed = set(Delivery.objects.values_list("subscription_id", flat=True))
        assert owed == {exact.id, domain.id, everything.id, old_word.id}

    def test_a_delivery_begins_pending_and_due(self, owe):
        delivery = owe()
        assert (delivery.status, delivery.kind, delivery.run) == ("pending", "event", 1)
        assert (delivery.tries, delivery.attempt_count) == (0, 0)
        assert delivery.next_attempt_at == delivery.created_at == AT
        assert delivery.id.version == 7

    def test_ids_made_by_the_database_follow_the_clock(self, subscribe, say):
        before = uuid7()
        subscribe()
        say()
        made = Delivery.objects.get().id
        assert abs((made.int >> 80) - (before.int >> 80)) < 60_000
        assert (made.version, made.variant) == (7, before.variant)

    def test_without_a_listener_nothing_is_stored(self, subscribe, say):
        subscribe(patterns=["outage.*"])
        say("sla.violation")
        assert not Message.objects.exists()

    def test_saying_it_again_makes_nothing_twice(self, subscribe, say):
        subscribe()
        message_id = say()
        say(message_id=message_id)
        assert (Message.objects.count(), Delivery.objects.count()) == (1, 1)

    @pytest.mark.parametrize(
        ("match", "context", "heard"),
        [
            ({"operator_id": ["op_1"]}, {"operator_id": "op_1"}, True),
            ({"operator_id": ["op_2", "op_1"]}, {"operator_id": "op_1"}, True),
            ({"operator_id": ["op_2"]}, {"operator_id": "op_1"}, False),
            ({"operator_id": ["op_1"]}, {}, False),
            ({"operator_id": ["op_1"], "region_id": ["r"]}, {"operator_id": "op_1"}, False),
            (
                {"operator_id": ["op_1"], "region_id": ["r"]},
                {"operator_id": "op_1", "region_id": "r"},
                True,
            ),
            ({}, {"operator_id": "op_1"}, True),
            ({"operator_id": ["op"]}, {"operator_id": "op_1"}, False),
        ],
    )
    def test_a_match_narrows_by_the_ids_of_the_event(self, subscribe, say, match, context, heard):
        subscribe(match=match)
        say(context=context)
        assert Delivery.objects.exists() is heard
        assert Message.objects.exists() is heard

    def test_data_is_kept_as_canonical_text(self, subscribe, say):
        subscribe()
        say(data={"b": "é", "a": [1, None]})
        assert Message.objects.get().data == '{"a":[1,null],"b":"é"}'

    def test_data_that_is_too_large_is_replaced_and_never_dropped(self, subscribe, say):
        subscribe()
        say(data={"outage_id": "out-1", "text": "x" * 300_000})
        data = json.loads(Message.objects.get().data)
        assert data["outage_id"] == "out-1"
        assert data["truncated"] is True
        assert data["bytes"] > 300_000

    def test_the_cost_does_not_depend_on_the_number_of_subscriptions(self, subscribe, say):
        counts = []
        for _ in range(2):
            for _ in range(5):
                subscribe()
            with CaptureQueriesContext(connection) as seen:
                say()
            counts.append(len([q for q in seen if "webhooks_" in q["sql"]]))
        assert counts == [1, 1]

    def test_deliveries_are_found_by_what_they_speak_of(self, subscribe, say):
        subscribe()
        say(context={"outage_id": "out-1"})
        say(context={"outage_id": "out-2"})
        found = queries.deliveries_about("outage_id", "out-2")
        assert [each.message.context["outage_id"] for each in found] == ["out-2"]


def say_violation() -> None:
    services.queue_messages(
        [services.Saying(uuid7(), event_type="sla.violation", occurred_at=AT, data={}, context={})],
        at=AT,
    )


@pytest.mark.django_db(transaction=True)
class TestEvents:
    def disabled(self, row) -> WebhookDisabled:
        return WebhookDisabled(
            occurred_at=AT,
            subscription_id=row.wire_id,
            reason="gone",
            failing_since=None,
            disabled_at=AT,
            waiting=0,
        )

    def test_a_published_event_becomes_a_message_under_its_own_id(self, subscribe):
        spoken_of, other = subscribe(), subscribe()
        with transaction.atomic():
            event_id = events.publish(self.disabled(spoken_of))
        message = Message.objects.get()
        assert (message.id, message.type) == (event_id, "webhook.disabled")
        assert message.context == {"subscription_id": spoken_of.wire_id}
        assert json.loads(message.data)["reason"] == "gone"
        assert Delivery.objects.get().subscription_id == other.id

    def test_an_event_that_rolled_back_reaches_nobody(self, subscribe):
        row = subscribe()
        subscribe()
        with transaction.atomic():
            events.publish(self.disabled(row))
            transaction.set_rollback(True)
        assert not Message.objects.exists()

    def test_a_deletion_at_the_same_moment_leaves_nothing_waiting(self, subscribe, admin):
        """Whoever comes first: the deletion cancels the delivery, or no delivery is made."""
        for _ in range(10):
            row = subscribe()

            def act(number: int, row: Subscription = row) -> None:
                if number:
                    services.delete_subscription(row.id, actor=admin, at=AT + timedelta(seconds=1))
                else:
                    say_violation()

            world.at_once(2, act)
            waiting = Delivery.objects.filter(subscription=row, status="pending")
            assert not waiting.exists()

    def test_a_fan_out_that_waits_for_a_deletion_leaves_the_deleted_one_out(self, subscribe, admin):
        row = subscribe()
        done = threading.Event()

        def queue() -> None:
            say_violation()
            connection.close()
            done.set()

        thread = threading.Thread(target=queue)
        with transaction.atomic():
            services.delete_subscription(row.id, actor=admin, at=AT)
            thread.start()
            assert not done.wait(0.5)
        thread.join(5)
        assert done.is_set()
        assert not Delivery.objects.exists()
