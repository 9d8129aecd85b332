"""How often somebody may do something: moving windows of the `limits` library, kept in Redis.

While Redis is away or slow this process counts by itself, with the same numbers: several processes
let more through then, and nobody waits or is refused because of it.
Source: docs/adr/0021.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Any, TypeVar

from django.conf import settings
from limits.storage import MemoryStorage, RedisStorage
from redis import exceptions as redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.errors import TooMany

log = logging.getLogger(__name__)

PREFIX = "noc:limits"
ANSWERS_WITHIN_S = 0.25
ASKED_AGAIN_AFTER_S = 10.0
# Who may call thousands of times takes slots by the thousandth, and asks as much less often; what
# is left of them after some seconds is lost.
BUNDLES, MOST_IN_BUNDLE, BUNDLE_LASTS_S = 1000, 100, 5.0
MOST_BUNDLES = 10_000

T = TypeVar("T")


@dataclass(frozen=True)
class Limit:
    """So many within so many seconds, for each key."""

    name: str
    amount: int
    seconds: int = 60


@dataclass(frozen=True)
class Bucket:
    """What is counted together, and how many a minute by who calls: names of settings."""

    name: str
    person: str
    machine: str

    def of_person(self) -> Limit:
        return Limit(self.name, getattr(settings, self.person))

    def of_machine(self, own: int | None) -> Limit:
        """The limit of an API key; one that has a number of its own is ordinary calls' only."""
        if own is not None and self is CALLS:
            return Limit(self.name, own)
        return Limit(self.name, getattr(settings, self.machine))


CALLS = Bucket("calls", "RATE_LIMIT_USER_RPM", "RATE_LIMIT_RPM")
HEAVY = Bucket("heavy", "RATE_LIMIT_HEAVY_RPM", "RATE_LIMIT_HEAVY_RPM")


def of_stranger() -> Limit:
    """The limit of a client address that has not signed in."""
    return Limit("strangers", settings.RATE_LIMIT_ANON_RPM)


@dataclass(frozen=True)
class Count:
    """Where somebody stands. ``reset_s``: whole seconds until the oldest one counts no more."""

    limit: int
    remaining: int
    reset_s: int
    within: bool

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_s),
        }

    def require(self) -> None:
        """Refuse what was over the limit. Raises: TooMany."""
        if not self.within:
            raise TooMany(
                f"At most {self.limit} of these for now. Try again in {self.reset_s} s.",
                retry_after=self.reset_s,
            )


def take(limit: Limit, key: str, *, at: datetime) -> Count:
    """Count one more, unless the window is full."""
    return _windows(settings.REDIS_URL).ask(limit, _named(limit, key), at, taking=True)


def look(limit: Limit, key: str, *, at: datetime) -> Count:
    """Tell whether there is room for one more, without counting it."""
    return _windows(settings.REDIS_URL).ask(limit, _named(limit, key), at, taking=False)


def forget(limit: Limit, key: str) -> None:
    """Begin this window anew."""
    _windows(settings.REDIS_URL).forget(_named(limit, key))


def _named(limit: Limit, key: str) -> str:
    return f"{PREFIX}:{limit.name}:{_digest(key, settings.SECRET_KEY)}"


@lru_cache(maxsize=4096)
def _digest(key: str, secret: str) -> str:
    """What stands for a key: addresses are personal, and to count is to compare them only."""
    salt = secret.encode()[: blake2b.MAX_KEY_SIZE]
    return blake2b(key.encode(), key=salt, digest_size=12).hexdigest()


class _InRedis(RedisStorage):
    """The library's windows, asked for both of its answers in one round trip.

    Its own calls are a round trip each; and to lend a connection from the pool, with all that the
    client does around a command, takes Python as long as the rest, so each thread keeps its own.
    """

    # The library's two scripts as functions, whose arguments stand where the scripts look.
    SCRIPT_BOTH = f"""
        local function take(ARGV)
            {RedisStorage.SCRIPT_ACQUIRE_MOVING_WINDOW.decode()}
        end
        local function tell(ARGV)
            {RedisStorage.SCRIPT_MOVING_WINDOW.decode()}
        end
        local taken = take(ARGV)
        return {{taken, tell({{ARGV[1] - ARGV[3], redis.call('llen', KEYS[1])}})}}
    """

    def __init__(self, url: str) -> None:
        super().__init__(
            url,
            socket_connect_timeout=ANSWERS_WITHIN_S,
            socket_timeout=ANSWERS_WITHIN_S,
            retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]
        )
        self._script = self.storage.register_script(self.SCRIPT_BOTH)
        self._own = threading.local()

    def ask(self, key: str, limit: Limit, now: float, taken: int) -> tuple[bool, float, int]:
        """Whether so many were taken (none: always), and the oldest and number of those counted."""
        asked = ("EVALSHA", self._script.sha, 1, key, now, limit.amount, limit.seconds, taken)
        try:
            told = self._exchange(asked)
        except redis.NoScriptError:
            self.storage.script_load(self.SCRIPT_BOTH)
            told = self._exchange(asked)
        oldest, counted = (float(told[1][0]), int(told[1][1])) if len(told) > 1 else (now, 0)
        return bool(told[0]), oldest, counted

    def _exchange(self, asked: tuple[Any, ...]) -> list[Any]:
        line = self._line()
        try:
            line.send_packed_command(line.pack_command(*asked))
            told: list[Any] = line.read_response()
        except redis.ConnectionError:  # it rested, and the server closed it
            line.disconnect()
            line.send_packed_command(line.pack_command(*asked))
            told = line.read_response()
        return told

    def _line(self) -> Any:
        own = self._own
        if getattr(own, "pid", None) != os.getpid():  # a fork shares no connection
            pool = self.storage.connection_pool
            own.pid, own.line = os.getpid(), pool.connection_class(**pool.connection_kwargs)
        return own.line


class _Bundles:
    """Slots that this process has taken and not used yet, by key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[str, tuple[int, float, float, int]] = {}

    def use(self, key: str, now: float) -> tuple[bool, float, int] | None:
        """Use one; None: there is none."""
        with self._lock:
            left, taken_at, oldest, counted = self._of.pop(key, (0, 0.0, 0.0, 0))
            if left == 0 or not taken_at <= now <= taken_at + BUNDLE_LASTS_S:
                return None
            if left > 1:
                self._of[key] = left - 1, taken_at, oldest, counted
        return True, oldest, counted - left + 1

    def keep(self, key: str, left: int, now: float, oldest: float, counted: int) -> None:
        with self._lock:
            if len(self._of) >= MOST_BUNDLES:
                self._of.clear()
            self._of[key] = left, now, oldest, counted

    def forget(self, key: str) -> None:
        self._of.pop(key, None)


class _Windows:
    def __init__(self, url: str) -> None:
        self._redis = _InRedis(url)
        self._bundles = _Bundles()
        self._away_until = 0.0
        self._is_away = False

    @cached_property
    def _here(self) -> MemoryStorage:
        return MemoryStorage()

    def ask(self, limit: Limit, key: str, at: datetime, *, taking: bool) -> Count:
        now = at.timestamp()
        ask = self._take if taking else self._look
        found = self._try(lambda: ask(key, limit, now))
        if found is None:
            now = time.time()  # the library's own clock, which it takes no other for
            found = self._ask_here(limit, key, taking=taking)
        within, oldest, counted = found
        # Redis rounds an instant by a microsecond, which must not make it a second more.
        rest = max(1, math.ceil(oldest + limit.seconds - now - 0.001)) if counted else 0
        return Count(limit.amount, max(0, limit.amount - counted), rest, within)

    def _look(self, key: str, limit: Limit, now: float) -> tuple[bool, float, int]:
        _, oldest, counted = self._redis.ask(key, limit, now, 0)
        return counted < limit.amount, oldest, counted

    def _take(self, key: str, limit: Limit, now: float) -> tuple[bool, float, int]:
        many = min(limit.amount // BUNDLES, MOST_IN_BUNDLE)
        if many > 1:
            had = self._bundles.use(key, now)
            if had is not None:
                return had
            within, oldest, counted = self._redis.ask(key, limit, now, many)
            if within:
                self._bundles.keep(key, many - 1, now, oldest, counted)
                return True, oldest, counted - many + 1
        return self._redis.ask(key, limit, now, 1)

    def _ask_here(self, limit: Limit, key: str, *, taking: bool) -> tuple[bool, float, int]:
        taken = taking and self._here.acquire_entry(key, limit.amount, limit.seconds)
        oldest, counted = self._here.get_moving_window(key, limit.amount, limit.seconds)
        return taken if taking else counted < limit.amount, oldest, counted

    def forget(self, key: str) -> None:
        self._try(lambda: self._redis.storage.delete(key))
        self._bundles.forget(key)
        if "_here" in vars(self):
            self._here.clear(key)

    def _try(self, ask: Callable[[], T]) -> T | None:
        """Ask Redis, unless it was away a moment ago; None: it is."""
        if time.monotonic() < self._away_until:
            return None
        try:
            answer = ask()
        except (redis.RedisError, OSError) as error:
            self._away_until = time.monotonic() + ASKED_AGAIN_AFTER_S
            if not self._is_away:
                self._is_away = True
                log.warning("rate_limit_degraded", extra={"error": type(error).__name__})
            return None
        if self._is_away:
            self._is_away = False
            log.warning("rate_limit_restored")
        return answer


@lru_cache(maxsize=4)
def _windows(url: str) -> _Windows:
    return _Windows(url)
