"""The outbox: what commits with a change is heard once, however often it has to be said."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit import queries as audit
from audit.models import Entry
from core import events
from core.ids import uuid7
from core.models import EventRow, ReactionRow
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)
DUE, DONE, PARKED = ReactionRow.Status.DUE, ReactionRow.Status.DONE, ReactionRow.Status.PARKED


@dataclass(frozen=True, kw_only=True)
class Rang(events.Event):
    type: ClassVar[str] = "bell.rang"
    public: ClassVar[bool] = False
    subject: ClassVar[str] = "bell_id"

    bell_id: str = "bell-1"


@pytest.fixture(autouse=True)
def only_ours() -> Iterator[None]:
    """The event and its reactions are known in this file only."""
    events._classes[Rang.type] = Rang
    yield
    events._reactions.pop(Rang.type, None)
    events._classes.pop(Rang.type)


@pytest.fixture
def heard() -> list[UUID]:
    """Which events a reaction heard that always succeeds."""
    told: list[UUID] = []

    @events.reacts_to(Rang)
    def hear(event: Rang, event_id: UUID) -> None:
        told.append(event_id)

    return told


@pytest.fixture
def broken() -> dict[str, bool]:
    """Whether a reaction fails, which writes first."""
    state = {"is": True}

    @events.reacts_to(Rang)
    def stumble(event: Rang, event_id: UUID) -> None:
        EventRow.objects.create(
            type="trace", correlation_id="x", occurred_at=world.AT, payload="{}"
        )
        if state["is"]:
            raise RuntimeError("no\x00pe")

    return state


def ring(times: int = 1) -> list[UUID]:
    with transaction.atomic():
        return events.publish_many(Rang(occurred_at=world.AT) for _ in range(times))


def fall_due() -> None:
    ReactionRow.objects.filter(status=DUE).update(next_attempt_at=timezone.now())


def test_an_event_commits_with_a_change_or_not_at_all(heard: list[UUID]) -> None:
    with pytest.raises(events.PublishedOutsideTransaction):
        events.publish(Rang(occurred_at=world.AT))
    with transaction.atomic():
        events.publish(Rang(occurred_at=world.AT))
        transaction.set_rollback(True)
    assert not EventRow.objects.exists()
    assert heard == []


def test_it_is_heard_right_after_the_commit(heard: list[UUID]) -> None:
    with transaction.atomic():
        event_id = events.publish(Rang(occurred_at=world.AT))
        assert heard == []
    assert heard == [event_id]
    row = ReactionRow.objects.get()
    assert (row.status, row.attempts, row.next_attempt_at) == (DONE, 1, None)
    assert events.states_of("bell-1", "bell.rang") == {"tests.hear": "done"}


def test_a_failure_leaves_nothing_and_keeps_nobody_else_back(
    heard: list[UUID], broken: dict[str, bool]
) -> None:
    ring()
    assert len(heard) >= 1
    assert not EventRow.objects.filter(type="trace").exists()
    assert events.states_of("bell-1", "bell.rang") == {
        "tests.hear": "done",
        "tests.stumble": "pending",
    }
    assert ReactionRow.objects.get(reaction="tests.stumble").last_error == "RuntimeError: nope"


def test_a_failure_rests_doubling_and_is_parked_after_twelve(broken: dict[str, bool]) -> None:
    ring()
    rests = []
    for attempt in range(1, 12):
        row = ReactionRow.objects.get()
        assert (row.status, row.attempts) == (DUE, attempt)
        rests.append(round((row.next_attempt_at - timezone.now()).total_seconds()))
        assert events.sweep() == 0  # not before its time
        fall_due()
        assert events.sweep() == 1
    assert rests == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]
    row.refresh_from_db()
    assert (row.status, row.attempts, row.next_attempt_at) == (PARKED, 12, None)


def test_a_parked_one_is_tried_again_by_hand_and_the_log_tells_who(
    broken: dict[str, bool],
) -> None:
    ring()
    ReactionRow.objects.update(status=PARKED, attempts=12, next_attempt_at=None)
    row = ReactionRow.objects.get()
    broken["is"] = False
    client = Client()
    client.force_login(world.standing("admin"))
    page = reverse("admin:core_reactionrow_changelist")
    asked = {"action": "try_again", "_selected_action": [str(row.pk)]}
    assert client.get(page, {"reaction": "tests.stumble"}).status_code == 200
    assert client.post(page, asked).status_code == 302
    entry = Entry.objects.get(action="core.retry_reaction")
    assert entry.actor_id == world.standing("admin").wire_id
    assert audit.view(entry).before == {"attempts": 12, "status": "parked"}
    assert "bell-1" in entry.links
    client.post(page, asked)  # nothing is parked any more, so nothing is said
    assert Entry.objects.filter(action="core.retry_reaction").count() == 1
    assert events.sweep() == 1
    row.refresh_from_db()
    assert (row.status, row.attempts) == (DONE, 1)


def test_two_sweeps_at_once_run_each_reaction_once(heard: list[UUID]) -> None:
    with events.delivering_at_most(0):
        rung = ring(60)
    fall_due()
    world.at_once(2, lambda _: events.sweep())
    assert sorted(heard) == sorted(rung)
    assert set(ReactionRow.objects.values_list("status", "attempts")) == {(DONE, 1)}


def test_a_request_delivers_no_more_than_its_share(heard: list[UUID]) -> None:
    with events.delivering_at_most(3):
        ring(2)
        ring(2)
    assert len(heard) == 3
    assert ReactionRow.objects.filter(status=DUE).count() == 1
    fall_due()
    assert events.sweep() == 1
    assert len(heard) == 4


@pytest.fixture
def aged() -> Callable[..., UUID]:
    """An event made at an instant, with one reaction in a state."""

    def make(at: object, status: str = DONE, **given: object) -> UUID:
        made = events.earliest_at(at).int | uuid7().int & (1 << 62) - 1
        event = EventRow.objects.create(
            id=UUID(int=made),
            type="bell.rang",
            payload=json.dumps({"occurred_at": world.AT.isoformat()}),
            correlation_id="x",
            occurred_at=world.AT,
        )
        done_at = world.AT if status == DONE else None
        ReactionRow.objects.create(
            event=event, reaction="tests.hear", status=status, done_at=done_at, **given
        )
        return event.id

    return make


def test_what_was_heard_90_days_ago_is_forgotten(aged: Callable[..., UUID]) -> None:
    limit = world.AT - events.KEPT_FOR
    aged(limit - timedelta(milliseconds=1))
    kept = {
        aged(limit),
        aged(limit - timedelta(days=1), PARKED),
        aged(limit - timedelta(days=1), DUE, next_attempt_at=world.AT),
    }
    assert events.purge(world.AT) == 1
    assert set(EventRow.objects.values_list("id", flat=True)) == kept
    assert ReactionRow.objects.count() == 3
