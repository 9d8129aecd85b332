from datetime import timedelta

import pytest

from audit.models import Entry
from core.models import EventRow
from tests.webhooks.conftest import AT
from webhooks import queries, services
from webhooks.choices import Outcome
from webhooks.models import Attempt, Delivery, Subscription
from webhooks.policy.attempts import LEASE, Answer

pytestmark = pytest.mark.django_db
SENT = AT + timedelta(seconds=1)
DONE = AT + timedelta(seconds=2)


@pytest.fixture
def attempt():
    """Claim what is due and record this answer for all of it; returns the deliveries."""

    def run(answer: Answer, at=SENT) -> list[Delivery]:
        parcels = services.claim_deliveries(100, at=at)
        results = [
            services.Result(parcel, at, at + timedelta(seconds=1), answer) for parcel in parcels
        ]
        services.record_attempts(results, worker="test")
        return list(Delivery.objects.filter(pk__in=[each.delivery_id for each in parcels]))

    return run


def answered(status: int, **more: object) -> Answer:
    return Answer(status=status, latency_ms=12, remote_ip="203.0.113.1", **more)


def test_a_2xx_ends_the_delivery(owe, attempt):
    owe()
    (delivery,) = attempt(answered(204, response="thanks"))
    assert (delivery.status, delivery.delivered_at) == ("success", DONE)
    assert (delivery.last_outcome, delivery.last_status_code) == ("delivered", 204)
    assert (delivery.claim_token, delivery.lease_expires_at) == (None, None)
    kept = Attempt.objects.get()
    assert (kept.started_at, kept.finished_at, kept.outcome) == (SENT, DONE, "delivered")
    assert (kept.status_code, kept.latency_ms, kept.response) == (204, 12, "thanks")
    assert (kept.remote_ip, kept.worker, kept.signature_version) == ("203.0.113.1", "test", 2)


def test_a_refusal_is_tried_again_after_the_gap(owe, attempt):
    owe()
    (delivery,) = attempt(answered(500, error="The receiver answered 500."))
    assert delivery.status == "retrying"
    gap = (delivery.next_attempt_at - DONE).total_seconds()
    assert 4 <= gap <= 6
    assert delivery.last_error == "The receiver answered 500."


def test_after_the_last_try_it_is_a_dead_letter(owe, attempt):
    owe(max_attempts=1)
    (delivery,) = attempt(answered(500))
    assert (delivery.status, delivery.dead_lettered_at) == ("dead_letter", DONE)
    assert delivery.next_attempt_at is None
    assert queries.dead_letter_count() == 1


def test_no_answer_is_a_failure_with_its_name(owe, attempt):
    owe()
    (delivery,) = attempt(Answer(failure=Outcome.TLS_FAILED, error="certificate has expired"))
    assert (delivery.last_outcome, delivery.last_status_code) == ("tls_failed", None)
    assert (delivery.status, delivery.last_error) == ("retrying", "certificate has expired")


def test_the_first_failure_marks_the_receiver_and_a_success_clears_it(owe, attempt):
    delivery = owe()
    attempt(answered(500))
    row = Subscription.objects.get()
    assert row.failing_since == DONE
    attempt(answered(500), at=AT + timedelta(hours=1))
    row.refresh_from_db()
    assert row.failing_since == DONE
    attempt(answered(200), at=AT + timedelta(hours=2))
    row.refresh_from_db()
    delivery.refresh_from_db()
    assert (row.failing_since, delivery.attempt_count) == (None, 3)


@pytest.mark.parametrize(
    ("status", "header", "hold_s"), [(429, None, 60), (429, "600", 600), (503, "30", 30)]
)
def test_a_receiver_that_asks_for_rest_holds_its_whole_lane(owe, attempt, status, header, hold_s):
    owe()
    (delivery,) = attempt(answered(status, retry_after=header))
    row = Subscription.objects.get()
    assert row.hold_until == DONE + timedelta(seconds=hold_s)
    assert delivery.last_outcome == "throttled"


def test_a_503_without_retry_after_holds_nothing(owe, attempt):
    owe()
    attempt(answered(503))
    assert Subscription.objects.get().hold_until is None


def test_410_ends_the_delivery_and_disables_the_subscription(owe, attempt, subscribe):
    owe()
    (delivery,) = attempt(answered(410))
    row = Subscription.objects.get()
    assert (delivery.status, delivery.tries) == ("dead_letter", 1)
    assert (row.status, row.status_reason, row.status_changed_at) == ("disabled", "gone", DONE)
    assert EventRow.objects.get().type == "webhook.disabled"
    entry = Entry.objects.get(action="webhooks.disable_subscription")
    assert (entry.actor_kind, entry.actor_id) == ("system", "webhooks")


def test_a_result_whose_lease_has_passed_to_another_is_dropped(owe, caplog):
    owe()
    (lost,) = services.claim_deliveries(1, at=SENT)
    services.claim_deliveries(1, at=SENT + LEASE)
    (parcel,) = services.claim_deliveries(1, at=SENT + LEASE + timedelta(seconds=5))
    late = SENT + LEASE + timedelta(seconds=6)
    assert (
        services.record_attempts([services.Result(lost, SENT, late, answered(500))], worker="stale")
        == 0
    )
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.claim_token) == ("sending", parcel.claim_token)
    assert Subscription.objects.get().failing_since is None
    assert "webhook_stale_results" in caplog.messages
    assert (
        services.record_attempts(
            [services.Result(parcel, SENT, late, answered(204))], worker="second"
        )
        == 1
    )
    assert [each.outcome for each in Attempt.objects.order_by("number")] == [
        "interrupted",
        "delivered",
    ]


def test_a_failed_test_is_cancelled_and_counts_for_nothing(subscribe, engineer, attempt):
    row = subscribe()
    services.send_test_event(row.id, actor=engineer, at=AT)
    (delivery,) = attempt(answered(410))
    row.refresh_from_db()
    assert delivery.status == "cancelled"
    assert (row.status, row.failing_since, row.hold_until) == ("active", None, None)


def test_a_whole_batch_is_recorded_at_once(subscribe, say, attempt, django_assert_max_num_queries):
    subscribe(concurrency=50)
    for _ in range(30):
        say()
    with django_assert_max_num_queries(30):
        assert len(attempt(answered(204))) == 30
    assert Delivery.objects.filter(status="success").count() == 30


def test_a_delivery_that_was_cancelled_meanwhile_keeps_what_came_back(owe, admin):
    owe()
    (parcel,) = services.claim_deliveries(1, at=SENT)
    services.delete_subscription(parcel.subscription_id, actor=admin, at=DONE)
    services.record_attempts([services.Result(parcel, SENT, DONE, answered(204))], worker="w")
    assert Delivery.objects.get().status == "success"


def test_a_failure_towards_a_deleted_subscription_is_cancelled(owe, admin):
    owe()
    (parcel,) = services.claim_deliveries(1, at=SENT)
    services.delete_subscription(parcel.subscription_id, actor=admin, at=DONE)
    services.record_attempts([services.Result(parcel, SENT, DONE, answered(500))], worker="w")
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.last_status_code) == ("cancelled", 500)


def test_an_interrupted_one_towards_a_deleted_subscription_is_cancelled(owe, admin):
    owe()
    (parcel,) = services.claim_deliveries(1, at=SENT)
    services.delete_subscription(parcel.subscription_id, actor=admin, at=DONE)
    assert services.claim_deliveries(1, at=SENT + LEASE) == []
    assert Delivery.objects.get().status == "cancelled"
