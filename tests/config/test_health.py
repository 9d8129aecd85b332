import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError
from django.db.backends.postgresql.base import DatabaseWrapper
from django.test import Client

from config import health
from config.health import Component, Readiness

OK: Component = {"status": "ok"}
NEEDED = {"database": lambda: OK, "migrations": lambda: OK}


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No report of an earlier test is shared."""
    monkeypatch.setattr(health, "readiness", Readiness(health.CHECKS))


@pytest.fixture
def not_draining() -> Iterator[None]:
    former = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, former)
    health._draining.clear()


@pytest.mark.parametrize("path", ["/health", "/health/", "/health/liveness", "/api/v1/health/"])
def test_a_living_process_says_so_without_asking_anybody(path: str, client: Client) -> None:
    # No database mark: a query would fail the test.
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.content.startswith(b'{"status":"ok","service":"noc-iq","version":"')
    assert answer.json()["timestamp"].endswith("Z")
    assert answer["Cache-Control"] == "no-store"
    assert client.head(path).status_code == 200


def test_other_methods_are_refused_with_what_is_allowed(client: Client) -> None:
    answer = client.post("/health")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in answer["Allow"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("path", ["/health/readiness", "/health/ready/"])
def test_everything_is_ready(path: str, client: Client) -> None:
    answer = client.get(path)
    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "ok")
    assert set(body["components"]) == {
        "database",
        "migrations",
        "redis",
        "events",
        "audit",
        "webhook_dlq",
    }
    assert body["components"]["migrations"] == {"status": "ok", "pending": 0}
    assert body["components"]["webhook_dlq"]["warn_threshold"] == 1000


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("fresh")
def test_an_unapplied_migration_is_down(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = health._shipped_migrations() | {("outages", "9999_to_come")}
    monkeypatch.setattr(health, "_shipped_migrations", lambda: shipped)
    answer = client.get("/health/readiness")
    assert (answer.status_code, answer.json()["status"]) == (503, "down")
    assert answer.json()["components"]["migrations"] == {"status": "down", "pending": 1}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("fresh")
def test_an_absent_database_is_down_and_its_error_stays_here(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("connection to host s3cret failed")

    monkeypatch.setattr(DatabaseWrapper, "get_new_connection", fail)
    answer = client.get("/health/readiness")
    assert (answer.status_code, answer.json()["status"]) == (503, "down")
    assert answer.json()["components"]["database"] == {"status": "down"}
    assert b"s3cret" not in answer.content


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("fresh")
def test_an_absent_redis_is_degraded_and_still_serves(client: Client, settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/health/readiness")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["components"]["redis"] == {"status": "down"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("fresh")
def test_late_events_and_dead_letters_are_warnings(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health.outbox, "oldest_due_seconds", lambda: 60.2)
    monkeypatch.setattr(health.webhooks, "dead_letter_count", lambda: 1001)
    answer = client.get("/health/readiness")
    components = answer.json()["components"]
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert components["events"] == {"status": "warn", "oldest_due_seconds": 60.2}
    assert components["webhook_dlq"]["status"] == "warn"


def test_a_component_that_hangs_is_down_and_holds_up_nobody() -> None:
    release = threading.Event()

    def hang() -> Component:
        release.wait(30)
        return OK

    started = time.monotonic()
    report = Readiness(NEEDED | {"slow": hang}).report()
    release.set()
    assert time.monotonic() - started < 2
    assert report["components"]["slow"] == {"status": "down"}
    assert report["status"] == "degraded"


def test_what_was_learned_is_shared_for_a_second() -> None:
    asked: list[int] = []

    def count() -> Component:
        asked.append(1)
        time.sleep(0.05)
        return OK

    readiness = Readiness(NEEDED | {"counted": count})
    with ThreadPoolExecutor(8) as threads:
        reports = list(threads.map(lambda _: readiness.report(), range(8)))
    assert len(asked) == 1
    assert all(report is reports[0] for report in reports)
    readiness._known_until = 0
    readiness.report()
    assert len(asked) == 2


@pytest.mark.usefixtures("not_draining")
def test_from_sigterm_on_it_is_not_ready_and_the_server_hears_of_it_too(client: Client) -> None:
    heard: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    health.drain_on_sigterm()
    os.kill(os.getpid(), signal.SIGTERM)
    assert heard == [signal.SIGTERM]
    answer = client.get("/health/readiness")
    assert (answer.status_code, answer.json()["code"]) == (503, "draining")
    assert int(answer["Retry-After"]) >= 1
    assert client.get("/health/liveness").status_code == 200
