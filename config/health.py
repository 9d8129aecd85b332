"""Whether this process lives, and whether it and what it leans on can serve."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from drf_spectacular.utils import OpenApiResponse, extend_schema
from redis import Redis
from rest_framework import serializers
from rest_framework.request import Request

from core import outbox
from core.errors import Unavailable
from core.openapi import ProblemResponse, operation
from core.views import Answer, ApiView
from webhooks import queries as webhooks

log = logging.getLogger(__name__)

CHECK_SECONDS = 0.9
WAIT_SECONDS = 1.5
SHARED_SECONDS = 1.0
OLDEST_EVENT_SECONDS = 60
DEAD_LETTERS = 1000

# Whether the log has triggers in force against DELETE (8) and UPDATE (16) of its rows.
GUARDED = """
    SELECT coalesce(bit_or(tgtype::int), 0) & 24 = 24
      FROM pg_trigger
     WHERE tgrelid = to_regclass('audit_entry') AND NOT tgisinternal AND tgenabled IN ('A', 'O')
"""

Component = dict[str, Any]
Check = Callable[[], Component]

_draining = threading.Event()


class Draining(Unavailable):
    code = "draining"
    title = "Draining"
    summary = "This process is about to end. Ask another one."


def drain_on_sigterm(also: Callable[[], object] = lambda: None) -> None:
    """From SIGTERM on say that we are not ready, and leave the rest to the server's own handler."""
    former = signal.getsignal(signal.SIGTERM)

    def begin(number: int, frame: Any) -> None:
        _draining.set()
        also()
        if callable(former):
            former(number, frame)
        elif former is signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, begin)


def is_draining() -> bool:
    return _draining.is_set()


# Components. Each answers within a second or counts as down; none of their errors leaves the house.


def _on_own_connection(check: Check) -> Check:
    def run() -> Component:
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SET statement_timeout = {int(CHECK_SECONDS * 1000)}")
            return check()
        finally:
            connection.close()

    return run


@_on_own_connection
def _database() -> Component:
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {"status": "ok", "latency_ms": _since(started)}


@_on_own_connection
def _migrations() -> Component:
    applied = MigrationRecorder(connection).applied_migrations()
    pending = len(_shipped_migrations().difference(applied))
    return {"status": "down" if pending else "ok", "pending": pending}


@cache
def _shipped_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _redis() -> Component:
    started = time.perf_counter()
    _redis_client(settings.REDIS_URL).ping()
    return {"status": "ok", "latency_ms": _since(started)}


@lru_cache(maxsize=1)
def _redis_client(url: str) -> Redis:
    return Redis.from_url(url, socket_connect_timeout=CHECK_SECONDS, socket_timeout=CHECK_SECONDS)


@_on_own_connection
def _events() -> Component:
    seconds = round(outbox.oldest_due_seconds(), 1)
    return {
        "status": "warn" if seconds > OLDEST_EVENT_SECONDS else "ok",
        "oldest_due_seconds": seconds,
    }


@_on_own_connection
def _audit() -> Component:
    with connection.cursor() as cursor:
        cursor.execute(GUARDED)
        (guarded,) = cursor.fetchone()
    return {"status": "ok" if guarded else "down", "append_only": guarded}


@_on_own_connection
def _webhook_dlq() -> Component:
    count = webhooks.dead_letter_count()
    return {
        "status": "warn" if count > DEAD_LETTERS else "ok",
        "dead_letter_count": count,
        "warn_threshold": DEAD_LETTERS,
    }


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)


CHECKS: Mapping[str, Check] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
    "events": _events,
    "audit": _audit,
    "webhook_dlq": _webhook_dlq,
}
NEEDED = ("database", "migrations")


class Readiness:
    """Asks all components at once; what it learned is shared for a second."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self.checks = checks
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._report: dict[str, Any] = {}
        self._known_until = 0.0

    def report(self) -> dict[str, Any]:
        """The state of every component and what follows from it: ok, degraded or down."""
        with self._lock:
            if time.monotonic() >= self._known_until:
                self._report = self._ask()
                self._known_until = time.monotonic() + SHARED_SECONDS
            return self._report

    def _ask(self) -> dict[str, Any]:
        # Made on first use: threads do not survive the fork of a server's worker.
        if self._threads is None:
            self._threads = ThreadPoolExecutor(len(self.checks), thread_name_prefix="readiness")
        asked = {name: self._threads.submit(check) for name, check in self.checks.items()}
        wait(asked.values(), timeout=WAIT_SECONDS)
        components = {name: _outcome(name, future) for name, future in asked.items()}
        return {
            "status": _overall(components),
            "components": components,
            "timestamp": _now(),
        }


def _outcome(name: str, future: Future[Component]) -> Component:
    if not future.done():
        future.cancel()
        log.warning("readiness_check_too_slow", extra={"component": name})
        return {"status": "down"}
    error = future.exception()
    if error is not None:
        words = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        log.warning("readiness_check_failed", extra={"component": name, "error": words})
        return {"status": "down"}
    return future.result()


def _overall(components: Mapping[str, Component]) -> str:
    if any(components[name]["status"] != "ok" for name in NEEDED):
        return "down"
    return "ok" if all(each["status"] == "ok" for each in components.values()) else "degraded"


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


readiness = Readiness(CHECKS)


class LivenessResponse(serializers.Serializer[Any]):
    status = serializers.CharField()
    service = serializers.CharField()
    version = serializers.CharField()
    timestamp = serializers.CharField()


class ReadinessResponse(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["ok", "degraded", "down"])
    components = serializers.DictField(child=serializers.DictField())
    timestamp = serializers.CharField()


class _OpenView(ApiView):
    """For load balancers and probes: no sign-in, no limits, never cached."""

    authentication_classes = ()
    permission_classes = ()
    honours_idempotency_key = False
    cache_control = "no-store"
    bucket = None


class LivenessView(_OpenView):
    """The process answers. Touches nothing outside of it."""

    @operation("Tell whether this process lives", response=LivenessResponse, role=None)
    def get(self, _request: Request) -> Answer:
        return Answer(
            {
                "status": "ok",
                "service": "noc-iq",
                "version": settings.VERSION,
                "timestamp": _now(),
            }
        )


class ReadinessView(_OpenView):
    """The process and what it leans on can serve. 503 when not."""

    @extend_schema(
        summary="Tell whether requests can be served",
        description="Open to anyone.",
        auth=[],
        responses={
            200: OpenApiResponse(ReadinessResponse, "ok or degraded"),
            (503, "application/json"): OpenApiResponse(ReadinessResponse, "down"),
            (503, "application/problem+json"): OpenApiResponse(ProblemResponse, Draining.code),
        },
    )
    def get(self, _request: Request) -> Answer:
        if is_draining():
            raise Draining
        report = readiness.report()
        return Answer(report, status=503 if report["status"] == "down" else 200)
