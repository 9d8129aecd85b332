"""One word after the commit, whatever the request did; and who hears it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from core import events, notices
from core.notices import Listener
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True, kw_only=True)
class Shown(events.Event):
    type: ClassVar[str] = "sign.shown"
    public: ClassVar[bool] = False
    wakes_streams: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Hidden(events.Event):
    type: ClassVar[str] = "sign.hidden"
    public: ClassVar[bool] = False


@pytest.fixture(autouse=True)
def only_ours() -> Iterator[None]:
    """The events are known in this file only."""
    for cls in (Shown, Hidden):
        events._classes[cls.type] = cls
    yield
    for cls in (Shown, Hidden):
        events._classes.pop(cls.type)


def libpq() -> dict[str, Any]:
    of = connection.get_connection_params()
    named = ("dbname", "user", "password", "host", "port")
    return {name: of[name] for name in named if of.get(name)}


@pytest.fixture
def heard() -> Iterator[Any]:
    """How many notices came since the last time it was asked."""
    with psycopg.connect(autocommit=True, **libpq()) as line:
        line.execute(f"LISTEN {notices.CHANNEL}")
        yield lambda: len(list(line.notifies(timeout=0.3)))


def show(*, cls: type[events.Event] = Shown) -> None:
    events.publish(cls(occurred_at=world.AT))


def test_it_is_sent_after_the_commit_and_not_before(heard: Any) -> None:
    with transaction.atomic():
        show()
        assert heard() == 0
    assert heard() == 1


def test_nothing_is_said_of_what_was_undone(heard: Any) -> None:
    with transaction.atomic():
        show()
        transaction.set_rollback(True)
    assert heard() == 0
    with notices.one_for_all(), transaction.atomic():
        show()
        transaction.set_rollback(True)
    assert heard() == 0


def test_only_what_streams_hang_on_is_worth_a_word(heard: Any) -> None:
    with transaction.atomic():
        show(cls=Hidden)
    assert heard() == 0


def test_one_transaction_sends_one(heard: Any) -> None:
    with transaction.atomic():
        for _ in range(5):
            show()
    assert heard() == 1


def test_one_request_sends_one_at_its_end(heard: Any) -> None:
    with notices.one_for_all():
        for _ in range(3):
            with transaction.atomic():
                show()
        assert heard() == 0
    assert heard() == 1
    with pytest.raises(ValueError, match="late"), notices.one_for_all():  # noqa: PT012
        with transaction.atomic():
            show()
        raise ValueError("late")
    assert heard() == 1


def test_one_that_cannot_be_sent_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __enter__(self) -> Any:
            raise DatabaseError

        def __exit__(self, *_: object) -> None: ...

    with notices.one_for_all():
        with transaction.atomic():
            show()
        monkeypatch.setattr(notices.connection, "cursor", Broken)
    monkeypatch.undo()
    assert events.EventRow.objects.count() == 1


def following(listener: Listener, seconds: float, during: Any = None) -> list[bool]:
    """What a follower was told in this time."""
    told: list[bool] = []

    async def follow(is_beat: bool) -> None:
        told.append(is_beat)

    async def run() -> None:
        listener.follow(follow)
        running = asyncio.ensure_future(listener.run())
        await asyncio.sleep(0.5)
        if during:
            await asyncio.to_thread(during)
        await asyncio.sleep(seconds)
        running.cancel()

    asyncio.run(run())
    return told


def say(times: int) -> None:
    with psycopg.connect(autocommit=True, **libpq()) as line:
        for _ in range(times):
            line.execute(f"NOTIFY {notices.CHANNEL}")


def test_a_listener_looks_when_it_begins_and_at_each_notice() -> None:
    assert following(Listener(libpq(), beat_seconds=60), 0.3) == [False]
    told = following(Listener(libpq(), beat_seconds=60), 0.3, lambda: say(1))
    assert told == [False, False]


def test_many_notices_are_few_looks() -> None:
    told = following(Listener(libpq(), beat_seconds=60), 0.5, lambda: say(500))
    assert 2 <= len(told) <= 15


def test_it_looks_by_the_clock_when_there_is_no_database() -> None:
    nowhere = {"host": "127.0.0.1", "port": 1, "dbname": "x"}
    assert following(Listener(nowhere, beat_seconds=0.4), 0.8).count(True) in (2, 3)


def test_a_follower_that_fails_keeps_nobody_from_looking() -> None:
    listener = Listener(libpq(), beat_seconds=0.4)

    async def fail(is_beat: bool) -> None:
        raise RuntimeError("no")

    listener.follow(fail)
    assert following(listener, 0.8).count(True) in (2, 3)
