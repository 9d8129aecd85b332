import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from tests.webhooks.conftest import AT
from webhooks import services
from webhooks.models import Attempt, Delivery, Subscription
from webhooks.policy.attempts import LEASE

LATER = AT + timedelta(seconds=1)


@pytest.mark.django_db
class TestClaim:
    def test_a_claim_leases_the_row_and_counts_the_try(self, owe):
        delivery = owe()
        (parcel,) = services.claim_deliveries(10, at=LATER)
        delivery.refresh_from_db()
        assert (delivery.status, delivery.tries, delivery.attempt_count) == ("sending", 1, 1)
        assert delivery.lease_expires_at == LATER + LEASE
        assert parcel.claim_token == delivery.claim_token
        assert delivery.next_attempt_at is None

    def test_a_parcel_holds_all_that_is_sent(self, owe):
        delivery = owe(headers={"X-A": "1"}, timeout_s=7)
        (parcel,) = services.claim_deliveries(10, at=LATER)
        assert parcel.url == "https://hooks.example/noc"
        assert parcel.body == (
            b'{"data":{"outage_id":"out-1"},"schema_version":"1",'
            b'"timestamp":"2026-01-01T00:25:00Z","type":"sla.violation"}'
        )
        assert parcel.headers == (("X-A", "1"),)
        assert (parcel.timeout_s, parcel.number) == (7, 1)
        assert parcel.message_id == delivery.message.wire_id

    def test_a_printed_parcel_shows_no_secret(self, owe):
        owe(headers={"X-A": "hunter2"})
        (parcel,) = services.claim_deliveries(10, at=LATER)
        assert "hunter2" not in repr(parcel)
        assert repr(parcel.keys[0]) not in repr(parcel)

    def test_what_is_not_due_is_left(self, owe):
        owe()
        assert services.claim_deliveries(10, at=AT - timedelta(seconds=1)) == []
        assert services.claim_deliveries(10, at=LATER, min_age_s=2) == []
        assert len(services.claim_deliveries(10, at=LATER, min_age_s=1)) == 1

    def test_a_claimed_row_is_not_claimed_again(self, owe):
        owe()
        services.claim_deliveries(10, at=LATER)
        assert services.claim_deliveries(10, at=LATER) == []

    def test_the_oldest_go_first(self, subscribe, say):
        subscribe(concurrency=1)
        second = say(at=AT + timedelta(seconds=1))
        first = say(at=AT)
        (parcel,) = services.claim_deliveries(10, at=AT + timedelta(minutes=1))
        claimed = Delivery.objects.get(pk=parcel.delivery_id)
        assert claimed.message_id == first != second

    def test_no_subscription_has_more_under_way_than_its_concurrency(self, subscribe, say):
        subscribe(concurrency=2)
        for _ in range(5):
            say()
        assert len(services.claim_deliveries(10, at=LATER)) == 2
        assert services.claim_deliveries(10, at=LATER) == []

    def test_no_more_are_claimed_than_there_are_slots(self, subscribe, say):
        subscribe(concurrency=5)
        for _ in range(5):
            say()
        assert len(services.claim_deliveries(3, at=LATER)) == 3

    def test_a_failing_receiver_gets_one_at_a_time(self, subscribe, say):
        subscribe(concurrency=5)
        for _ in range(3):
            say()
        Subscription.objects.update(failing_since=AT)
        assert len(services.claim_deliveries(10, at=LATER)) == 1

    def test_a_receiver_that_asked_for_rest_gets_it(self, owe):
        owe()
        Subscription.objects.update(hold_until=LATER + timedelta(seconds=1))
        assert services.claim_deliveries(10, at=LATER) == []
        assert len(services.claim_deliveries(10, at=LATER + timedelta(seconds=1))) == 1

    def test_slots_are_shared_between_subscriptions(self, subscribe, say):
        flooded, quiet = subscribe(patterns=["sla.*"], concurrency=50), subscribe(concurrency=50)
        for _ in range(20):
            say()
        Delivery.objects.filter(subscription=quiet).exclude(
            pk=Delivery.objects.filter(subscription=quiet).first().pk
        ).delete()
        owners = [each.subscription_id for each in services.claim_deliveries(10, at=LATER)]
        assert owners.count(quiet.id) == 1
        assert owners.count(flooded.id) == 5

    def test_whoever_waited_longest_is_served_first(self, subscribe, say):
        first, second = subscribe(), subscribe()
        say()
        Subscription.objects.filter(pk=first.id).update(served_at=AT)
        (parcel,) = services.claim_deliveries(1, at=LATER)
        assert parcel.subscription_id == second.id
        (parcel,) = services.claim_deliveries(1, at=LATER)
        assert parcel.subscription_id == first.id

    def test_the_older_signature_has_its_own_body_and_key(self, owe):
        owe(secret="s3cr3t")
        (parcel,) = services.claim_deliveries(10, at=LATER)
        assert parcel.keys == (b"s3cr3t",)
        assert parcel.body.startswith(b'{"data":{"outage_id":"out-1"},"event":"sla.violation"')

    def test_a_secret_that_does_not_open_leaves_a_parcel_without_keys(self, owe, settings, caplog):
        owe()
        settings.VAULT_KEYS = "9:" + "A" * 43 + "="
        (parcel,) = services.claim_deliveries(10, at=LATER)
        assert parcel.keys == ()
        assert "webhook_unsendable" in caplog.messages


@pytest.mark.django_db
class TestReap:
    def test_a_lease_that_ran_out_is_an_interrupted_attempt_and_the_row_is_due_again(self, owe):
        delivery = owe()
        services.claim_deliveries(10, at=LATER)
        gone = LATER + LEASE
        assert services.claim_deliveries(10, at=gone - timedelta(seconds=1)) == []
        services.claim_deliveries(10, at=gone)
        delivery.refresh_from_db()
        assert delivery.status == "retrying"
        assert gone <= delivery.next_attempt_at <= gone + timedelta(seconds=5)
        attempt = Attempt.objects.get()
        assert (attempt.outcome, attempt.number) == ("interrupted", 1)
        assert (attempt.started_at, attempt.finished_at) == (LATER, gone)
        (again,) = services.claim_deliveries(10, at=gone + timedelta(seconds=5))
        assert again.message_id == delivery.message.wire_id
        assert again.number == 2

    def test_a_message_that_kills_every_sender_ends_as_a_dead_letter(self, owe):
        delivery = owe(max_attempts=2)
        at = LATER
        for _ in range(2):
            assert len(services.claim_deliveries(10, at=at)) == 1
            at += LEASE
            services.claim_deliveries(0, at=at)
            at += timedelta(seconds=5)
        delivery.refresh_from_db()
        assert (delivery.status, delivery.last_outcome) == ("dead_letter", "interrupted")
        assert Attempt.objects.count() == delivery.attempt_count == 2


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_two_claimers_never_share_a_row_nor_exceed_concurrency(self, subscribe, say):
        rows = [subscribe(concurrency=4) for _ in range(3)]
        for _ in range(10):
            say()
        claimed: list[list[object]] = [[], []]
        gate = threading.Barrier(2)

        def claim(mine: list[object]) -> None:
            gate.wait()
            for _ in range(10):
                mine += services.claim_deliveries(3, at=LATER)
            connection.close()

        threads = [threading.Thread(target=claim, args=(mine,)) for mine in claimed]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        everything = [parcel.delivery_id for mine in claimed for parcel in mine]
        assert len(everything) == len(set(everything)) == 12
        for row in rows:
            assert Delivery.objects.filter(subscription=row, status="sending").count() == 4

    def test_a_claim_does_not_hold_up_new_messages(self, subscribe, say):
        subscribe()
        say()
        done = threading.Event()

        def queue() -> None:
            say()
            connection.close()
            done.set()

        thread = threading.Thread(target=queue)
        with transaction.atomic():
            services.claim_deliveries(10, at=LATER)
            thread.start()
            assert done.wait(5)
        thread.join()
        assert Delivery.objects.count() == 2
