"""The sender against real receivers on this machine."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import quote

import pytest
import standardwebhooks
from django.core.cache import cache
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerUnavailable

from core import egress, events, signing
from tests.webhooks.conftest import OTHER_SECRET, SECRET
from webhooks import services, tasks
from webhooks.clients import receiver as receiver_client
from webhooks.events import WebhookDisabled
from webhooks.models import Attempt, Delivery, Subscription
from webhooks.tasks import Sender

pytestmark = pytest.mark.django_db(transaction=True)


def send(**options: object) -> int:
    return asyncio.run(Sender(**options).run())


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def owed(owe, receiver, now, subscribe, say):
    """One delivery due now, towards the receiver."""

    def make(**terms: object) -> Delivery:
        row = subscribe(url=receiver.url, at=now, **terms)
        message_id = say(at=now, data={"outage_id": "out-1", "note": "é😀"})
        return Delivery.objects.get(message_id=message_id, subscription=row)

    return make


def test_a_delivery_arrives_signed_and_is_recorded(owed, receiver):
    delivery = owed(headers={"X-Partner": "p-1"})
    assert send() == 1
    (arrival,) = receiver.arrivals
    standardwebhooks.Webhook(SECRET).verify(arrival.body, arrival.headers)
    assert arrival.headers["webhook-id"] == delivery.message.wire_id
    assert arrival.headers["X-Webhook-Event"] == "sla.violation"
    assert arrival.headers["Content-Type"] == "application/json"
    assert arrival.headers["User-Agent"] == "NOC-IQ-Webhooks/1"
    assert arrival.headers["Accept-Encoding"] == "identity"
    assert arrival.headers["X-Partner"] == "p-1"
    delivery.refresh_from_db()
    assert delivery.status == "success"
    attempt = Attempt.objects.get()
    assert (attempt.status_code, attempt.remote_ip) == (204, "127.0.0.1")
    assert attempt.started_at <= attempt.finished_at


@pytest.mark.parametrize("secret", [SECRET, OTHER_SECRET])
def test_during_grace_either_secret_verifies(owed, receiver, admin, now, secret):
    delivery = owed()
    services.rotate_secret(delivery.subscription_id, secret=OTHER_SECRET, actor=admin, at=now)
    send()
    arrival = receiver.arrivals[0]
    standardwebhooks.Webhook(secret).verify(arrival.body, arrival.headers)
    assert len(arrival.headers["webhook-signature"].split(" ")) == 2


def test_a_body_that_was_changed_does_not_verify(owed, receiver):
    owed()
    send()
    arrival = receiver.arrivals[0]
    with pytest.raises(standardwebhooks.webhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(
            arrival.body.replace(b"out-1", b"out-2"), arrival.headers
        )


def test_the_older_header_set_is_sent_to_who_asked_for_it(owed, receiver):
    delivery = owed(secret="s3cr3t")
    send()
    arrival = receiver.arrivals[0]
    signed = signing.legacy_headers(
        [b"s3cr3t"], delivery.message.wire_id, timezone.now(), arrival.body
    )
    assert arrival.headers["X-Webhook-Signature"] == signed["X-Webhook-Signature"]
    assert arrival.headers["X-Webhook-Signature-Version"] == "1"
    assert json.loads(arrival.body)["event"] == "sla.violation"
    assert "webhook-signature" not in arrival.headers


def test_our_own_headers_win_over_a_subscriber_of_the_same_name(owed, receiver):
    owed(headers={"user-agent": "theirs", "ACCEPT-ENCODING": "gzip"})
    send()
    (arrival,) = receiver.arrivals
    assert arrival.headers["User-Agent"] == "NOC-IQ-Webhooks/1"
    assert arrival.headers["Accept-Encoding"] == "identity"
    assert "theirs" not in arrival.headers.values()


def test_every_attempt_sends_the_same_bytes_under_the_same_id(owed, receiver, engineer):
    receiver.answers = [500, 204]
    delivery = owed()
    send()
    services.retry_delivery(delivery.id, actor=engineer, at=timezone.now())
    send()
    first, second = receiver.arrivals
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    standardwebhooks.Webhook(SECRET).verify(second.body, second.headers)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempt_count) == ("success", 2)


def test_a_redirect_is_recorded_and_not_followed(owed, receiver):
    receiver.answers = [(302, {"Location": receiver.url}, b"")]
    delivery = owed()
    send()
    delivery.refresh_from_db()
    assert (delivery.status, delivery.last_outcome) == ("retrying", "redirect")
    assert len(receiver.arrivals) == 1


def test_what_the_receiver_says_is_kept_redacted(owed, receiver):
    said = b'{"error":"bad","token":"abc123","note":"whsec_AAECAwQFBgcICQoLDA0ODxAREhM="}\x00\xff'
    receiver.answers = [(400, {}, said)]
    owed()
    send()
    kept = Attempt.objects.get().response
    assert '"error":"bad"' in kept
    assert "abc123" not in kept
    assert "whsec_" not in kept
    assert "\x00" not in kept


def test_a_long_answer_is_cut(owed, receiver):
    receiver.answers = [(200, {}, b"x" * 100_000)]
    owed()
    send()
    assert Attempt.objects.get().response == "x" * 4096


def test_nobody_listening_is_tried_again(nobody_listening, subscribe, say, now):
    subscribe(url=nobody_listening, at=now)
    say(at=now)
    assert send() == 1
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.last_outcome) == ("retrying", "connect_failed")
    assert Subscription.objects.get().failing_since is not None


def test_an_address_that_became_forbidden_gets_nothing(owed, receiver, settings):
    owed()
    settings.EGRESS_ALLOWED_NETWORKS = ()
    send()
    assert Delivery.objects.get().last_outcome == "address_forbidden"
    assert receiver.arrivals == []


def test_a_receiver_that_does_not_answer_ends_at_its_deadline(owed, receiver):
    receiver.answers = [lambda: time.sleep(3) or 204]
    owed(timeout_s=1)
    began = time.monotonic()
    send()
    assert time.monotonic() - began < 2.5
    assert Delivery.objects.get().last_outcome == "timed_out"


def test_a_secret_that_does_not_open_is_our_fault_and_sends_nothing(owed, receiver, settings):
    owed()
    settings.VAULT_KEYS = "9:" + "A" * 43 + "="
    send()
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.last_outcome) == ("retrying", "unsendable")
    assert receiver.arrivals == []


def test_many_are_sent_and_each_arrives_once(subscribe, say, receiver, now):
    for _ in range(3):
        subscribe(url=receiver.url, at=now)
    for _ in range(40):
        say(at=now)
    assert send() == 120
    ids = [arrival.headers["webhook-id"] for arrival in receiver.arrivals]
    assert len(ids) == 120
    assert {ids.count(each) for each in ids} == {3}
    assert Delivery.objects.filter(status="success").count() == 120


def test_two_senders_at_once_send_each_row_once(subscribe, say, receiver, now):
    subscribe(url=receiver.url, at=now, concurrency=50)
    for _ in range(60):
        say(at=now)
    senders = [threading.Thread(target=send) for _ in range(2)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    ids = [arrival.headers["webhook-id"] for arrival in receiver.arrivals]
    assert len(ids) == len(set(ids)) == 60


def test_a_stop_lets_what_is_under_way_finish(subscribe, say, receiver, now):
    stop = threading.Event()
    receiver.answers = [lambda: (stop.set(), time.sleep(0.5)) and 204]
    subscribe(url=receiver.url, at=now, concurrency=1)
    say(at=now)
    say(at=now)
    assert send(forever=True, stop=stop) == 1
    states = sorted(Delivery.objects.values_list("status", flat=True))
    assert states == ["pending", "success"]


def test_results_are_kept_while_the_database_is_away(owed, receiver, monkeypatch):
    owed()
    real, refused = services.record_attempts, []

    def away_once(*args: object, **kwargs: object) -> int:
        if not refused:
            refused.append(True)
            raise OperationalError("the connection is lost")
        return real(*args, **kwargs)

    monkeypatch.setattr(services, "record_attempts", away_once)
    monkeypatch.setattr(tasks, "DATABASE_AWAY_S", 0.05)
    assert send() == 1
    assert Delivery.objects.get().status == "success"
    assert len(receiver.arrivals) == 1


CHILD = """
import asyncio, datetime, django
django.setup()
from webhooks.tasks import Sender
asyncio.run(Sender(forever=True, lease=datetime.timedelta(seconds=1)).run())
"""


def test_a_sender_killed_between_claim_and_record_loses_nothing(owed, receiver, settings):
    """kill -9 while the request is on the wire: it is sent again, under the same id."""
    arrived, killed = threading.Event(), threading.Event()
    receiver.answers = [lambda: (arrived.set(), killed.wait(10)) and 204, 204]
    delivery = owed()
    database = connection.settings_dict
    place = quote(database["HOST"], safe="")
    port = f":{database['PORT']}" if database["PORT"] else ""
    login = quote(database["USER"]) + (
        f":{quote(database['PASSWORD'], safe='')}" if database["PASSWORD"] else ""
    )
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        env=os.environ
        | {
            "DATABASE_URL": f"postgres://{login}@{place}{port}/{database['NAME']}",
            "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
            "ENVIRONMENT": "test",
            "VAULT_KEYS": settings.VAULT_KEYS,
            "EGRESS_ALLOW_HTTP": "true",
            "EGRESS_PORTS": str(receiver.port),
            "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8",
        },
        cwd=settings.BASE_DIR,
    )
    try:
        assert arrived.wait(30)
    finally:
        child.kill()
        child.wait()
        killed.set()
    delivery.refresh_from_db()
    assert delivery.status == "sending"
    assert not Attempt.objects.exists()

    deadline = time.monotonic() + 15
    while delivery.status != "success" and time.monotonic() < deadline:
        send(lease=timedelta(seconds=1))
        time.sleep(0.2)
        delivery.refresh_from_db()

    assert delivery.status == "success"
    assert [each.outcome for each in Attempt.objects.order_by("number")] == [
        "interrupted",
        "delivered",
    ]
    first, second = receiver.arrivals
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


# The task.


def test_the_task_sends_what_is_due(owed, receiver):
    owed()
    assert tasks.deliver_due(min_age_s=0) == 1
    assert Delivery.objects.get().status == "success"
    assert tasks.deliver_due(min_age_s=0) == 0


def test_the_task_of_the_clock_leaves_young_rows_to_those_who_were_told(owed, receiver):
    owed()
    assert tasks.deliver_due() == 0
    assert receiver.arrivals == []


def test_one_task_sends_at_a_time(owed, receiver):
    owed()
    cache.add("webhooks.sender", "somebody else", 5)
    assert tasks.deliver_due(min_age_s=0) == 0
    assert cache.get("webhooks.sender") == "somebody else"
    assert receiver.arrivals == []


def test_the_baton_is_given_when_the_task_ends(owed, receiver):
    owed()
    tasks.deliver_due(min_age_s=0)
    assert cache.get("webhooks.sender") is None


def test_without_redis_the_task_sends_all_the_same(owed, receiver, settings):
    owed()
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    assert tasks.deliver_due(min_age_s=0) == 1


def test_a_broker_that_is_away_refuses_nothing(monkeypatch, subscribe, admin):
    def away(**_: object) -> None:
        raise BrokerUnavailable

    monkeypatch.setattr(tasks.deliver_due, "apply_async", away)
    with transaction.atomic():
        tasks.send_soon()


def test_a_broker_that_is_silent_is_not_asked_again_at_every_commit(monkeypatch):
    asked: list[dict[str, object]] = []

    def silent(**how: object) -> None:
        asked.append(how)
        raise BrokerUnavailable

    monkeypatch.setattr(tasks.deliver_due, "apply_async", silent)
    for _ in range(3):
        with transaction.atomic():
            tasks.send_soon()
        time.sleep(tasks.BUSY_POLL_S)
    assert len(asked) == 1


def test_an_event_asks_for_its_delivery_after_the_commit(monkeypatch, subscribe):
    asked: list[dict[str, object]] = []
    monkeypatch.setattr(tasks.deliver_due, "apply_async", lambda **how: asked.append(how))
    spoken_of, _ = subscribe(), subscribe()
    with transaction.atomic():
        events.publish(
            WebhookDisabled(
                occurred_at=timezone.now(),
                subscription_id=spoken_of.wire_id,
                reason="gone",
                failing_since=None,
                disabled_at=timezone.now(),
                waiting=0,
            )
        )
        assert asked == []
    assert [how["kwargs"] for how in asked] == [{"min_age_s": 0}]


def test_a_result_that_cannot_be_stored_is_lost_alone(owed, owe, monkeypatch, caplog):
    fine, bad = owed(name="fine"), owed(name="bad")
    original = receiver_client.send

    async def send_badly(session, parcel, at):
        answer = await original(session, parcel, at)
        return replace(answer, response="\x00") if parcel.delivery_id == bad.id else answer

    monkeypatch.setattr(receiver_client, "send", send_badly)
    send()
    fine.refresh_from_db()
    bad.refresh_from_db()
    assert (fine.status, bad.status) == ("success", "sending")
    (said,) = [each for each in caplog.records if each.msg == "webhook_result_refused"]
    assert said.delivery == bad.wire_id


def test_a_strangers_error_is_made_storable(monkeypatch):
    class Session:
        async def post(self, *_: object) -> None:
            raise egress.Broken("bad \x00 \udcff token=abc" + "x" * 1000)

    parcel = SimpleNamespace(
        keys=[b"k" * 32],
        url="https://example.com",
        body=b"{}",
        timeout_s=1,
        signature_version=1,
        event_type="a.b",
        message_id="msg_1",
        headers=(),
    )
    answer = asyncio.run(receiver_client.send(Session(), parcel, timezone.now()))
    assert answer.failure == "broken"
    assert answer.error.startswith("bad  ? token=[redacted]")
