"""The outbox: what commits with a change is heard once, however often it has to be said."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from audit import queries as audit
from audit.models import Entry
from core import events, ids, inserting, outbox
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


@dataclass(frozen=True, kw_only=True)
class Echoed(events.Event):
    type: ClassVar[str] = "bell.echoed"
    subject: ClassVar[str] = "bell_id"

    bell_id: str = "bell-1"


del events._classes[Echoed.type]  # it would be one of the product's while tests are collected


@pytest.fixture(autouse=True)
def only_ours() -> Iterator[None]:
    """The event and its reactions are known in this file only."""
    public = dict(events._public_reactions)
    events._classes[Rang.type] = Rang
    events._classes[Echoed.type] = Echoed
    yield
    for cls in (Rang, Echoed):
        events._reactions.pop(cls.type, None)
        events._classes.pop(cls.type)
    events._public_reactions.clear()
    events._public_reactions.update(public)


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


@pytest.fixture
def overheard() -> list[list[UUID]]:
    """What a public reaction was told each time; it is owed where the trace of a listener is."""
    told: list[list[UUID]] = []

    def listens(event_type: str) -> tuple[str, list[str]]:
        return "EXISTS (SELECT 1 FROM core_event WHERE type = 'ear' AND subject = %s)", [event_type]

    @events.reacts_to_public(listens)
    def overhear(heard: Sequence[tuple[Echoed, UUID]]) -> None:
        told.append([event_id for _, event_id in heard])

    return told


def listen() -> None:
    EventRow.objects.create(
        type="ear", subject=Echoed.type, correlation_id="x", occurred_at=world.AT, payload="{}"
    )


def owed_to(reaction: str) -> list[tuple[str, int]]:
    rows = ReactionRow.objects.filter(reaction=reaction)
    return sorted((row.status, row.attempts) for row in rows)


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
    assert outbox.states_of("bell-1", "bell.rang") == {"tests.hear": "done"}


def test_a_failure_leaves_nothing_and_keeps_nobody_else_back(
    heard: list[UUID], broken: dict[str, bool]
) -> None:
    ring()
    assert len(heard) >= 1
    assert not EventRow.objects.filter(type="trace").exists()
    assert outbox.states_of("bell-1", "bell.rang") == {
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
    client = world.office("admin")
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


class TestWhatReactionsAnnounce:
    @pytest.fixture(autouse=True)
    def echo(self) -> dict[str, bool]:
        """A reaction that announces two echoes, in a savepoint that it undoes if asked to."""
        state = {"in a savepoint": False, "undone": False}

        @events.reacts_to(Rang)
        def echo(event: Rang, event_id: UUID) -> None:
            with transaction.atomic(savepoint=state["in a savepoint"]):
                events.publish_many([Echoed(occurred_at=world.AT), Echoed(occurred_at=world.AT)])
                transaction.set_rollback(state["undone"])

        return state

    @pytest.fixture
    def answered(self) -> list[UUID]:
        told: list[UUID] = []

        @events.reacts_to(Echoed)
        def answer(event: Echoed, event_id: UUID) -> None:
            assert ReactionRow.objects.get(event=event_id, reaction="tests.answer").status == DONE
            told.append(event_id)

        return told

    def test_is_done_with_them(self, answered: list[UUID]) -> None:
        ring()
        assert len(answered) == 2
        rows = ReactionRow.objects.filter(reaction="tests.answer")
        assert {(row.status, row.attempts, row.next_attempt_at) for row in rows} == {
            (DONE, 1, None)
        }

    def test_is_told_to_the_public_together(
        self, answered: list[UUID], overheard: list[list[UUID]]
    ) -> None:
        listen()
        ring()
        assert overheard == [answered]

    def test_is_undone_with_them_and_said_again(self) -> None:
        tries: list[UUID] = []

        @events.reacts_to(Echoed)
        def fail_first(event: Echoed, event_id: UUID) -> None:
            tries.append(event_id)
            if len(tries) == 1:
                raise RuntimeError

        ring()
        kept = set(EventRow.objects.filter(type=Echoed.type).values_list("id", flat=True))
        assert kept == set(tries[1:])
        assert tries[0] not in kept
        assert owed_to("tests.echo") == [(DONE, 1)]
        assert owed_to("tests.fail_first") == [(DONE, 1)] * 2

    def test_is_not_heard_where_its_savepoint_was_undone(
        self, echo: dict[str, bool], answered: list[UUID], overheard: list[list[UUID]]
    ) -> None:
        listen()
        echo["in a savepoint"] = echo["undone"] = True
        ring()
        assert (answered, overheard) == ([], [])
        assert owed_to("tests.echo") == [(DONE, 1)]
        echo["undone"] = False
        ring()
        assert len(answered) == 2

    def test_waits_for_the_sweeper_above_the_share(self, answered: list[UUID]) -> None:
        with events.delivering_at_most(2):
            ring()
        assert len(answered) == 1
        assert owed_to("tests.answer") == [("done", 1), ("due", 0)]
        fall_due()
        events.sweep()
        assert len(answered) == 2


class TestThePublic:
    @staticmethod
    def echo(times: int = 1) -> list[UUID]:
        with transaction.atomic():
            return events.publish_many([Echoed(occurred_at=world.AT)] * times)

    def test_hears_where_somebody_listens(self, overheard: list[list[UUID]]) -> None:
        listen()
        assert overheard == [self.echo(3)]
        assert owed_to("tests.overhear") == [(DONE, 1)] * 3

    def test_is_owed_nothing_where_nobody_listens(
        self, overheard: list[list[UUID]], django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(3):  # BEGIN, the event with what is owed, COMMIT
            self.echo()
        assert overheard == []
        assert owed_to("tests.overhear") == []

    def test_hears_of_a_bulk_from_the_sweeper(self, overheard: list[list[UUID]]) -> None:
        listen()
        with events.delivering_at_most(0):
            rung = self.echo(inserting.FEW + 1)
        assert overheard == []
        fall_due()
        events.sweep()
        assert sorted(each for heard in overheard for each in heard) == sorted(rung)

    def test_that_fails_is_told_again_one_by_one(self) -> None:
        told: list[int] = []

        @events.reacts_to_public(lambda event_type: ("true", []))
        def stumble(heard: Sequence[tuple[Echoed, UUID]]) -> None:
            told.append(len(heard))
            if len(heard) > 1:
                raise RuntimeError

        self.echo(2)
        assert told == [2, 1, 1]
        assert owed_to("tests.stumble") == [(DONE, 1)] * 2


@pytest.fixture
def aged() -> Callable[..., UUID]:
    """An event made at an instant, with one reaction in a state."""

    def make(at: object, status: str = DONE, **given: object) -> UUID:
        made = ids.earliest_at(at).int | uuid7().int & (1 << 62) - 1
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
    limit = world.AT - outbox.KEPT_FOR
    aged(limit - timedelta(milliseconds=1))
    kept = {
        aged(limit),
        aged(limit - timedelta(days=1), PARKED),
        aged(limit - timedelta(days=1), DUE, next_attempt_at=world.AT),
    }
    assert outbox.purge(world.AT) == 1
    assert set(EventRow.objects.values_list("id", flat=True)) == kept
    assert ReactionRow.objects.count() == 3
