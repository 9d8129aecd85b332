"""The sender: claim, send, record, around one client call. The rows are the queue.

One event loop sends; one thread with its own database connection claims and records. Nothing is
decided here: the policy says what an answer means, the services what becomes of the row.
"""

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.db import (
    InterfaceError,
    OperationalError,
    close_old_connections,
    connections,
    transaction,
)
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerUnavailable
from redis.exceptions import RedisError

from core import egress
from core.ids import encode
from webhooks import queries, services
from webhooks.clients import receiver
from webhooks.policy.attempts import LEASE
from webhooks.policy.envelope import Parcel
from webhooks.services import Result

log = logging.getLogger(__name__)

BUSY_POLL_S, IDLE_POLL_S, IDLE_AFTER_S = 0.05, 0.25, 30
BATCH_S, MOST_IN_A_BATCH = 0.02, 200
DATABASE_AWAY_S = 1
# A task claims for this long, and beyond it while requests are under way.
TASK_S, LONGEST_TASK_S = 8, 60
LEFT_TO_OTHERS_S = 2  # what the task of the clock leaves to those who were told at once
BATON, BATON_S, BATON_KEPT_EVERY_S = "webhooks.sender", 15, 3
CLOCK_S = 10  # between two ticks of webhooks.deliver_due
BELL = "webhooks.bell"  # rung: a task is on its way that has not looked yet

T = TypeVar("T")


@shared_task(name="webhooks.deliver_due")
def deliver_due(*, min_age_s: float = LEFT_TO_OTHERS_S) -> int:
    """Send what is due, unless another worker is at it; returns how many results were kept.

    One at a time, so that receivers who do not answer never hold more than one worker.
    """
    baton = _Baton()
    with suppress(RedisError):
        cache.delete(BELL)  # what commits from now on rings again
    kept, deadline = 0, time.monotonic() + TASK_S
    while queries.is_anything_due(timezone.now(), min_age_s):
        if time.monotonic() > deadline:
            _ask_for_delivery()
            break
        if not baton.take():
            break
        try:
            sent = asyncio.run(Sender(deadline=deadline, each_turn=baton.keep).run())
        finally:
            baton.give()
        # Look again: somebody may have found the baton taken just before it was given.
        kept, min_age_s = kept + sent, 0
        if not sent:  # all that is due has its lane full
            time.sleep(IDLE_POLL_S)
    return kept


def send_soon() -> None:
    """Have what this transaction owes sent right after its commit; else the clock's task does."""
    transaction.on_commit(_ask_for_delivery, robust=True)


_asked_at = 0.0


def _ask_for_delivery() -> None:
    global _asked_at  # noqa: PLW0603 - per process: most of one act's transactions ask together
    now = time.monotonic()
    if now - _asked_at < BUSY_POLL_S:
        return  # whoever was asked looks twice, this long apart
    _asked_at = now
    rung = False
    try:
        rung = cache.add(BELL, 1, TASK_S)
        if rung:
            deliver_due.apply_async(kwargs={"min_age_s": 0}, retry=False, expires=TASK_S)
    except (BrokerUnavailable, RedisError, OSError):
        # Nobody can be asked; trying again at each commit would hold every request that owes.
        _asked_at = time.monotonic() + CLOCK_S
        if rung:
            with suppress(RedisError):
                cache.delete(BELL)


class _Baton:
    """Whoever holds it sends. Only a kindness between workers: without Redis all may send."""

    def __init__(self) -> None:
        self._mark = uuid4().hex
        self._kept_at = 0.0

    def take(self) -> bool:
        self._kept_at = time.monotonic()
        with suppress(RedisError):
            return cache.add(BATON, self._mark, BATON_S)
        return True

    def keep(self) -> None:
        if time.monotonic() - self._kept_at > BATON_KEPT_EVERY_S:
            self._kept_at = time.monotonic()
            with suppress(RedisError):
                cache.touch(BATON, BATON_S)

    def give(self) -> None:
        with suppress(RedisError):
            if cache.get(BATON) == self._mark:
                cache.delete(BATON)


class Sender:
    """Sends what is due until nothing is, or for ever.

    ``deadline`` (monotonic seconds) ends claiming as soon as nothing is under way; ``stop`` ends
    it at once. What was claimed is always sent and recorded.
    """

    def __init__(
        self,
        *,
        deadline: float | None = None,
        forever: bool = False,
        stop: threading.Event | None = None,
        each_turn: Callable[[], None] | None = None,
        lease: timedelta = LEASE,
    ) -> None:
        self._deadline = deadline
        self._forever = forever
        self._stop = stop or threading.Event()
        self._each_turn = each_turn
        self._lease = lease
        self._worker = f"{socket.gethostname()}:{os.getpid()}"[:100]
        self._running: set[asyncio.Task[Result]] = set()
        self._last_work = time.monotonic()
        self._recorded = 0

    async def run(self) -> int:
        """Returns how many results were kept."""
        with ThreadPoolExecutor(1, thread_name_prefix="webhooks-database") as self._thread:
            try:
                async with egress.Session() as session:
                    await self._turn(session)
            finally:
                await self._in_database(connections.close_all)
        return self._recorded

    async def _turn(self, session: egress.Session) -> None:
        while True:
            claimed = await self._claim()
            for parcel in claimed:
                self._running.add(asyncio.create_task(self._send(session, parcel)))
            if self._running:
                self._last_work = time.monotonic()
                await self._record_some()
            elif not self._forever or self._stop.is_set():
                return
            else:
                idle = time.monotonic() - self._last_work > IDLE_AFTER_S
                await asyncio.sleep(IDLE_POLL_S if idle else BUSY_POLL_S)

    async def _claim(self) -> list[Parcel]:
        free = settings.WEBHOOK_SLOTS - len(self._running)
        if free <= 0 or not self._may_claim():
            return []
        try:
            return await self._in_database(self._claim_now, free)
        except (OperationalError, InterfaceError):
            log.warning("webhook_claim_failed", exc_info=True)
            await asyncio.sleep(DATABASE_AWAY_S)
            return []

    def _may_claim(self) -> bool:
        if self._stop.is_set():
            return False
        if self._deadline is None:
            return True
        late = time.monotonic() - self._deadline
        return late <= 0 or (bool(self._running) and late <= LONGEST_TASK_S - TASK_S)

    def _claim_now(self, free: int) -> list[Parcel]:
        if self._each_turn is not None:
            self._each_turn()
        return services.claim_deliveries(free, at=timezone.now(), lease=self._lease)

    async def _send(self, session: egress.Session, parcel: Parcel) -> Result:
        started_at = timezone.now()
        answer = await receiver.send(session, parcel, started_at)
        return Result(parcel, started_at, timezone.now(), answer)

    async def _record_some(self) -> None:
        """Wait a moment for answers, and keep those that came."""
        done, self._running = await asyncio.wait(
            self._running, timeout=BUSY_POLL_S, return_when=asyncio.FIRST_COMPLETED
        )
        if done and self._running:
            more, self._running = await asyncio.wait(self._running, timeout=BATCH_S)
            done |= more
        results = []
        for task in done:
            if error := task.exception():
                # Its lease runs out, which is noted as an interrupted try.
                log.error("webhook_send_failed", exc_info=error)
            else:
                results.append(task.result())
        while results:
            batch, results = results[:MOST_IN_A_BATCH], results[MOST_IN_A_BATCH:]
            await self._record(batch)

    async def _record(self, batch: list[Result]) -> None:
        """Keep results; while the database is away, as long as their leases last.

        What cannot be stored is left to its lease, alone.
        """
        while batch:
            try:
                self._recorded += await self._in_database(
                    services.record_attempts, batch, worker=self._worker
                )
                return
            except (OperationalError, InterfaceError):
                log.warning("webhook_record_failed", exc_info=True)
                await asyncio.sleep(DATABASE_AWAY_S)
                now = timezone.now()
                lost = [each for each in batch if each.parcel.lease_expires_at <= now]
                batch = [each for each in batch if each.parcel.lease_expires_at > now]
                for each in lost:
                    log.error(
                        "webhook_result_lost",
                        extra={"delivery": encode("dlv", each.parcel.delivery_id)},
                    )
            # One result that the database refuses must not take the others with it.
            except Exception:
                if len(batch) == 1:
                    log.exception(
                        "webhook_result_refused",
                        extra={"delivery": encode("dlv", batch[0].parcel.delivery_id)},
                    )
                    return
                for each in batch:
                    await self._record([each])
                return

    async def _in_database(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        def run() -> T:
            close_old_connections()
            return work(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)
