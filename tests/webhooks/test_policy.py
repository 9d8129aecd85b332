from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.egress import EgressError
from webhooks.choices import DeliveryStatus, Outcome, SubscriptionStatus
from webhooks.policy import attempts, moves, patterns
from webhooks.policy.attempts import Answer, Verdict
from webhooks.policy.envelope import envelope

T = datetime(2026, 1, 1, 0, 25, tzinfo=UTC)


STANDARD = (
    b'{"data":{"outage_id":"out-1"},"schema_version":"1",'
    b'"timestamp":"2026-01-01T00:25:00Z","type":"sla.violation"}'
)
LEGACY = (
    b'{"data":{"outage_id":"out-1"},"event":"sla.violation","schema_version":"1",'
    b'"timestamp":"2026-01-01T00:25:00+00:00"}'
)


@pytest.mark.parametrize(("version", "written"), [(2, STANDARD), (1, LEGACY)])
def test_the_body_is_the_one_of_the_specification(version, written):
    assert envelope(version, "sla.violation", T, '{"outage_id":"out-1"}') == written


def test_the_gaps_add_up_to_three_days():
    assert sum(attempts.GAPS_S) == 75 * 3600 + 35 * 60 + 5


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 300),
        ("60", 300),
        ("3600", 3600),
        (" 3600 ", 3600),
        ("999999999", 86400),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 300),
        ("Thu, 01 Jan 2026 01:25:00 GMT", 3600),
        ("-5", 300),
        ("abc", 300),
        ("1e9", 300),
        ("9" * 400, 300),
        ("", 300),
        ("٣", 300),
    ],
)
def test_after_the_second_try_the_third_is_due(header, seconds):
    retry_after = attempts.read_retry_after(header, T)
    assert attempts.next_attempt_at(2, T, 0, retry_after) == T + timedelta(seconds=seconds)


@given(st.integers(0, 30), st.floats(-0.2, 0.2), st.none() | st.floats(0, 1e12, allow_nan=False))
def test_an_attempt_is_never_too_early_and_never_too_late(tries, jitter, retry_after):
    gap = attempts.GAPS_S[min(tries, 9)]
    due = (attempts.next_attempt_at(tries, T, jitter, retry_after) - T).total_seconds()
    assert gap * 0.8 - 1e-6 <= due <= 86400 * 1.2 + 1e-6


@pytest.mark.parametrize(
    ("status", "retry_after", "outcome", "hold"),
    [
        (200, None, "delivered", None), (204, "60", "delivered", None),
        (299, None, "delivered", None), (410, None, "gone", None),
        (429, None, "throttled", 60), (429, "120", "throttled", 120),
        (429, "99999", "throttled", 3600), (503, "120", "throttled", 120),
        (503, None, "rejected", None), (503, "-1", "rejected", None),
        (300, None, "redirect", None), (302, "5", "redirect", None), (304, None, "redirect", None),
        (400, None, "rejected", None), (401, None, "rejected", None), (404, None, "rejected", None),
        (500, None, "rejected", None), (501, None, "rejected", None), (502, None, "rejected", None),
        (504, None, "rejected", None), (599, None, "rejected", None), (600, None, "rejected", None),
        (999, None, "rejected", None),
    ],
)  # fmt: skip
def test_the_status_line_decides(status, retry_after, outcome, hold):
    found = attempts.verdict(Answer(status=status, retry_after=retry_after), T)
    assert (found.outcome, found.hold_s) == (outcome, hold)


@pytest.mark.parametrize("failure", [kind.outcome for kind in EgressError.__subclasses__()])
def test_each_way_of_not_getting_through_has_an_outcome(failure):
    found = attempts.verdict(Answer(failure=Outcome(failure)), T)
    assert found == Verdict(Outcome(failure))
    assert not found.delivered


@pytest.mark.parametrize(
    ("outcome", "kind", "tries", "status", "due_s"),
    [
        ("delivered", "event", 1, "success", None),
        ("delivered", "event", 10, "success", None),
        ("delivered", "test", 1, "success", None),
        ("rejected", "event", 1, "retrying", 5),
        ("rejected", "event", 9, "retrying", 86400),
        ("rejected", "event", 10, "dead_letter", None),
        ("rejected", "event", 11, "dead_letter", None),
        ("rejected", "test", 1, "cancelled", None),
        ("gone", "event", 1, "dead_letter", None),
        ("gone", "test", 1, "cancelled", None),
        ("unsendable", "event", 1, "retrying", 5),
        ("interrupted", "event", 1, "retrying", 0),
        ("interrupted", "event", 10, "dead_letter", None),
        ("interrupted", "test", 1, "cancelled", None),
    ],
)
def test_what_becomes_of_a_delivery(outcome, kind, tries, status, due_s):
    settled = attempts.settle(
        Verdict(Outcome(outcome)), kind=kind, tries=tries, max_attempts=10, at=T, jitter=0
    )
    due = None if due_s is None else T + timedelta(seconds=due_s)
    assert (settled.status, settled.next_attempt_at) == (status, due)
    assert settled.status in moves.TRANSITIONS[DeliveryStatus.SENDING]


def test_an_interrupted_delivery_is_due_within_five_seconds():
    settled = attempts.settle(
        Verdict(Outcome.INTERRUPTED), kind="event", tries=1, max_attempts=10, at=T, jitter=1
    )
    assert settled.next_attempt_at == T + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("frm", "to", "allowed"),
    [
        ("active", "paused", True), ("active", "disabled", True), ("paused", "active", True),
        ("disabled", "active", True), ("paused", "disabled", False), ("disabled", "paused", False),
        ("active", "active", False), ("deleted", "active", False), ("paused", "deleted", True),
    ],
)  # fmt: skip
def test_which_states_of_a_subscription_follow_which(frm, to, allowed):
    assert moves.may_become(frm, SubscriptionStatus(to)) is allowed


@pytest.mark.parametrize(
    ("status", "subscription", "throttled", "held"),
    [
        ("pending", "active", False, None), ("retrying", "active", True, "receiver"),
        ("pending", "paused", True, "paused"), ("retrying", "disabled", False, "disabled"),
        ("success", "paused", True, None), ("dead_letter", "disabled", False, None),
        ("sending", "paused", False, None),
    ],
)  # fmt: skip
def test_why_a_delivery_is_not_moving(status, subscription, throttled, held):
    assert moves.held_by(status, subscription, throttled=throttled) == held


TYPES = ["outage.created", "sla.violation"]


@pytest.mark.parametrize(
    ("pattern", "known"),
    [
        ("*", True), ("outage.created", True), ("outage.*", True), ("sla.*", True),
        ("payment.processed", True), ("sla.breached", True),
        ("outage.eaten", False), ("payment.*", False), ("out*", False), ("outage*", False),
        ("*.created", False), (".*", False), ("", False), ("outage.", False), ("**", False),
        ("OUTAGE.CREATED", False), ("webhook.test", False),
    ],
)  # fmt: skip
def test_a_pattern_must_match_an_event_that_exists(pattern, known):
    assert patterns.is_known(pattern, TYPES) is known


def test_an_event_is_heard_by_its_name_its_old_word_its_domain_and_by_all():
    assert patterns.patterns_of("payment.confirmed") == [
        "payment.confirmed", "payment.processed", "payment.*", "*",
    ]  # fmt: skip
    assert patterns.patterns_of("sla.violation") == ["sla.violation", "sla.breached", "sla.*", "*"]
    assert patterns.patterns_of("outage.created") == ["outage.created", "outage.*", "*"]


@pytest.mark.parametrize(
    "name",
    ["Host", "host", "Content-Type", "content-length", "Transfer-Encoding", "Connection", "Expect",
     "TE", "Upgrade", "Proxy-Authorization", "Cookie", "webhook-id", "X-Webhook-Signature"],
)  # fmt: skip
def test_headers_that_would_meddle_are_forbidden(name):
    assert patterns.header_is_forbidden(name)


@pytest.mark.parametrize("name", ["Authorization", "X-Api-Key", "X-Host", "X-Content-Type"])
def test_other_headers_are_free(name):
    assert not patterns.header_is_forbidden(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [("", "x"), ("a b", "x"), ("a:", "x"), ("ä", "x"), ("a" * 65, "x"), ("A", "x\n"), ("A", "é"),
     ("A", "x\r\nHost: evil"), ("A", "x" * 1025), ("A\n", "x")],
)  # fmt: skip
def test_headers_that_could_split_a_request_are_malformed(name, value):
    assert patterns.header_is_malformed(name, value)


@pytest.mark.parametrize(
    "match",
    [
        {f"a{n}_id": ["x"] for n in range(6)}, {"a_id": []}, {"a_id": ["x"] * 101}, {"A id": ["x"]},
        {"a_id": [""]}, {"a_id": ["x" * 256]}, {"": ["x"]},
    ],
)  # fmt: skip
def test_a_match_has_bounds(match):
    assert patterns.match_fault(match) is not None
