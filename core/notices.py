"""A word after the commit, "look": one that sends it, and one that hears it for a whole process.

PostgreSQL lets transactions that notify commit one after the other, so a notice is never part of a
domain's transaction: it is a short statement of its own, one for each request. It carries nothing;
whoever hears it reads the rows. It may get lost: whoever hears it also looks by the clock.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import DatabaseError, InterfaceError, connection, transaction

log = logging.getLogger(__name__)

CHANNEL = "noc_events"

# --- Those who send ------------------------------------------------------------------------------


@dataclass
class _Request:
    owes_notice: bool = False


_request: ContextVar[_Request | None] = ContextVar("request_that_may_owe_a_notice", default=None)


@contextmanager
def one_for_all() -> Iterator[None]:
    """Send one notice at the end of the block for all its transactions that want one."""
    request = _Request()
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)
        if request.owes_notice:
            _send()


def after_commit() -> None:
    """Have a notice sent when the transaction at hand has committed."""
    if not any(hook[1] is _committed for hook in connection.run_on_commit):
        transaction.on_commit(_committed, robust=True)


def _committed() -> None:
    request = _request.get()
    if request is None:
        _send()
    else:
        request.owes_notice = True


def _send() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")
    except (DatabaseError, InterfaceError):
        # What it would tell of has committed, and is found by the clock.
        log.warning("notice_not_sent", exc_info=True)


# --- The one who hears ---------------------------------------------------------------------------
Follower = Callable[[bool], Awaitable[None]]

RECONNECTS_AFTER_SECONDS = 1.0
LOOKS_AT_MOST_EVERY_SECONDS = 0.05
# A connection that says nothing for days must not be dead without anybody noticing.
KEPT_ALIVE = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


class Listener:
    """Wakes its followers at each notice, and at each beat of the clock, whatever gets lost.

    Many notices at once wake once. A follower gets whether this is the beat.
    """

    def __init__(self, database: Mapping[str, Any], *, beat_seconds: float) -> None:
        """``database`` are libpq's parameters, of the server itself: poolers break LISTEN."""
        self._database = database
        self._beat_seconds = beat_seconds
        self._followers: list[Follower] = []
        self._woken = asyncio.Event()

    def follow(self, follower: Follower) -> None:
        """Have this awaited, in the order of registration."""
        self._followers.append(follower)

    async def run(self) -> None:
        """Listen and wake until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._wake())

    async def _listen(self) -> None:
        parameters: dict[str, Any] = {"connect_timeout": 5, **KEPT_ALIVE, **self._database}
        while True:
            try:
                line = await psycopg.AsyncConnection.connect(autocommit=True, **parameters)
                async with line:
                    await line.execute(f"LISTEN {CHANNEL}")
                    self._woken.set()  # for what was said while nobody listened
                    async for _ in line.notifies():
                        self._woken.set()
            except psycopg.Error as error:
                log.warning("listener_lost_its_connection", extra={"error": type(error).__name__})
            await asyncio.sleep(RECONNECTS_AFTER_SECONDS)

    async def _wake(self) -> None:
        clock = asyncio.get_running_loop().time
        next_beat = clock() + self._beat_seconds
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(next_beat):
                    await self._woken.wait()
            self._woken.clear()
            is_beat = clock() >= next_beat
            if is_beat:
                next_beat = clock() + self._beat_seconds
            for follower in self._followers:
                try:
                    await follower(is_beat)
                # One that fails looks again at the next beat, and keeps nobody else from theirs.
                except Exception:
                    log.exception("follower_failed")
            await asyncio.sleep(LOOKS_AT_MOST_EVERY_SECONDS)
