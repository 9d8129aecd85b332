import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis.connection
from django.conf import settings as configured
from pytest_django import Settings
from redis import Redis

from core import limits
from core.callers import counted_address
from core.errors import TooMany
from core.limits import Limit
from tests import world

AT = world.AT
THREE = Limit("tests", 3, 60)


@pytest.fixture(autouse=True)
def unused() -> Iterator[None]:
    """Whether Redis is away is known anew in each test."""
    limits._windows.cache_clear()
    yield
    limits._windows.cache_clear()


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def test_the_amount_is_let_through_and_one_more_is_not() -> None:
    told = [limits.take(THREE, "ada", at=AT + seconds(n)) for n in range(4)]
    assert [each.within for each in told] == [True, True, True, False]
    assert [each.remaining for each in told] == [2, 1, 0, 0]
    assert [each.reset_s for each in told] == [60, 59, 58, 57]
    assert {each.limit for each in told} == {3}


def test_the_window_moves_so_that_a_slot_is_free_when_the_oldest_is_past() -> None:
    for n in (0, 30, 40):
        limits.take(THREE, "ada", at=AT + seconds(n))
    assert not limits.take(THREE, "ada", at=AT + seconds(59)).within
    assert limits.take(THREE, "ada", at=AT + seconds(60.5)).within
    refused = limits.take(THREE, "ada", at=AT + seconds(61))
    assert (refused.within, refused.reset_s) == (False, 29)


def test_what_is_refused_is_not_counted() -> None:
    for n in range(3):
        limits.take(THREE, "ada", at=AT + seconds(n))
    for n in range(3, 50):
        limits.take(THREE, "ada", at=AT + seconds(n))
    assert limits.take(THREE, "ada", at=AT + seconds(60.5)).within


def test_each_key_and_each_name_has_its_own_window() -> None:
    for _ in range(3):
        limits.take(THREE, "ada", at=AT)
    assert limits.take(THREE, "bob", at=AT).within
    assert limits.take(Limit("others", 3, 60), "ada", at=AT).within


def test_looking_counts_nothing() -> None:
    for _ in range(5):
        assert limits.look(THREE, "ada", at=AT) == limits.Count(3, 3, 0, within=True)
    for _ in range(3):
        limits.take(THREE, "ada", at=AT)
    assert limits.look(THREE, "ada", at=AT) == limits.Count(3, 0, 60, within=False)


def test_a_window_is_forgotten() -> None:
    for _ in range(3):
        limits.take(THREE, "ada", at=AT)
    limits.forget(THREE, "ada")
    assert limits.take(THREE, "ada", at=AT).remaining == 2


def test_the_refusal_says_when_to_come_again() -> None:
    for _ in range(3):
        limits.take(THREE, "ada", at=AT)
    with pytest.raises(TooMany) as refused:
        limits.take(THREE, "ada", at=AT).require()
    assert refused.value.members == {"retry_after": 60}


@pytest.mark.django_db
def test_of_many_at_once_no_more_than_the_amount_pass() -> None:
    told = world.at_once(16, lambda _: limits.take(Limit("tests", 5, 60), "ada", at=AT).within)
    assert sum(told) == 5


def test_counting_is_one_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    limits.take(THREE, "ada", at=AT)
    sent: list[Any] = []
    original = redis.connection.AbstractConnection.send_packed_command

    def counting(self: Any, *given: Any, **named: Any) -> Any:
        sent.append(given)
        return original(self, *given, **named)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", counting)
    limits.take(THREE, "ada", at=AT)
    assert len(sent) == 1


def test_a_redis_that_forgot_the_scripts_learns_them_again() -> None:
    Redis.from_url(configured.REDIS_URL).script_flush()
    assert [limits.take(THREE, "ada", at=AT).remaining for _ in range(2)] == [2, 1]


def test_nothing_that_is_kept_names_an_address() -> None:
    limits.take(THREE, "192.0.2.77", at=AT)
    kept = Redis.from_url(configured.REDIS_URL).keys(f"{limits.PREFIX}:*")
    assert len(kept) == 1
    assert b"192.0.2.77" not in kept[0]


# --- Bundles -------------------------------------------------------------------------------------
MANY = Limit("tests", 5000, 60)


def test_who_may_call_thousands_of_times_asks_less_often_and_hears_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    windows = limits._windows(configured.REDIS_URL)
    original = windows._redis.ask
    monkeypatch.setattr(
        windows._redis, "ask", lambda *given: asked.append(given[-1]) or original(*given)
    )
    told = [limits.take(MANY, "ada", at=AT) for _ in range(12)]
    assert [each.remaining for each in told] == list(range(4999, 4987, -1))
    assert asked == [5, 5, 5]


def test_no_more_than_the_amount_pass_by_bundles_too() -> None:
    limit = Limit("tests", 2001, 60)
    told = [limits.take(limit, "ada", at=AT).within for _ in range(2003)]
    assert told == [True] * 2001 + [False] * 2


def test_what_is_left_of_a_bundle_is_lost_after_some_seconds() -> None:
    limits.take(MANY, "ada", at=AT)
    later = AT + seconds(limits.BUNDLE_LASTS_S + 1)
    assert limits.take(MANY, "ada", at=later).remaining == 5000 - 5 - 1
    limits.forget(MANY, "ada")
    assert limits.take(MANY, "ada", at=later).remaining == 4999


@pytest.mark.django_db
def test_a_bundle_is_shared_by_threads_and_used_up_once() -> None:
    told = world.at_once(16, lambda _: limits.take(MANY, "ada", at=AT).remaining)
    assert len(set(told)) == 16


# --- Redis away ----------------------------------------------------------------------------------
def test_without_redis_the_same_numbers_are_counted_here_and_it_is_told_once(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    told = [limits.take(THREE, "ada", at=AT) for _ in range(4)]
    assert [(each.within, each.remaining) for each in told] == [
        (True, 2),
        (True, 1),
        (True, 0),
        (False, 0),
    ]
    assert told[3].reset_s in (59, 60)
    assert not limits.look(THREE, "ada", at=AT).within
    assert [each.getMessage() for each in caplog.records].count("rate_limit_degraded") == 1
    limits.forget(THREE, "ada")
    assert limits.take(THREE, "ada", at=AT).within


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def test_a_silent_redis_holds_one_request_shortly_and_the_next_not_at_all(
    settings: Settings, silent: str
) -> None:
    settings.REDIS_URL = silent
    took = []
    for _ in range(3):
        began = time.perf_counter()
        assert limits.take(THREE, "ada", at=AT).within
        took.append(time.perf_counter() - began)
    assert took[0] < 4 * limits.ANSWERS_WITHIN_S
    assert max(took[1:]) < limits.ANSWERS_WITHIN_S / 2


def test_a_redis_that_is_back_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    windows = limits._windows(configured.REDIS_URL)

    def refusing(*_: Any) -> Any:
        raise redis.exceptions.ConnectionError

    with monkeypatch.context() as away:
        away.setattr(windows._redis, "ask", refusing)
        limits.take(THREE, "ada", at=AT)
    monkeypatch.setattr(windows, "_away_until", 0.0)
    assert limits.take(THREE, "ada", at=AT).remaining == 2
    told = [each.getMessage() for each in caplog.records]
    assert told.count("rate_limit_restored") == 1


def test_a_connection_that_the_server_closed_is_made_anew() -> None:
    limits.take(THREE, "ada", at=AT)
    limits._windows(configured.REDIS_URL)._redis._line()._sock.shutdown(socket.SHUT_RDWR)
    assert limits.take(THREE, "ada", at=AT).remaining == 1


def test_a_fork_opens_a_connection_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    limits.take(THREE, "ada", at=AT)
    windows = limits._windows(configured.REDIS_URL)._redis
    ours = windows._line()
    monkeypatch.setattr(limits.os, "getpid", lambda: -1)
    assert windows._line() is not ours


# --- Addresses -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.2", "192.0.2.2"),
        (None, "0.0.0.0"),
        ("", "0.0.0.0"),
    ],
)
def test_an_ipv6_address_counts_as_its_network(address: str | None, counted: str) -> None:
    assert counted_address(address) == counted
