"""What every test stands on: a database that can be emptied, and no way out of the machine."""

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from core import limits

LIMITS = (
    "RATE_LIMIT_USER_RPM", "RATE_LIMIT_RPM", "INGEST_RATE_LIMIT_RPM", "RATE_LIMIT_ANON_RPM",
    "RATE_LIMIT_HEAVY_RPM", "AUTH_RATE_LIMIT_REQUESTS",
)  # fmt: skip
UNLIMITED = 1_000_000_000


class WayOut(RuntimeError):
    """A test tried to reach another machine."""


@pytest.fixture(scope="session", autouse=True)
def no_way_out() -> Iterator[None]:
    """Sockets reach this machine only."""
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        original = getattr(socket.socket, name)

        def guarded(self: socket.socket, address: Any, original: Any = original) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
                raise WayOut(f"to {address[0]}:{address[1]}")
            return original(self, address)

        patch.setattr(socket.socket, name, guarded)
    yield
    patch.undo()


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def counted_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit that a test does not set, and nothing counted by another test."""
    for name in LIMITS:
        monkeypatch.setattr(settings, name, UNLIMITED)
    monkeypatch.setattr(limits, "PREFIX", f"noc:test:{uuid4().hex}")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let tests that commit be undone: empty what they filled, keep what migrations filled."""
    patch = pytest.MonkeyPatch()
    with django_db_blocker.unblock():
        _allow_truncating()
        seeds = _seeds()
    patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: _restore(seeds))
    yield
    patch.undo()


def _allow_truncating() -> None:
    """The append-only tables refuse TRUNCATE; in a database of tests they must not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, quote_ident(tgname) FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgtype & 32 <> 0"
        )
        for table, trigger in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname = current_schema() AND tablename <> 'django_migrations'"
            " ORDER BY tablename"
        )
        return [table for (table,) in cursor.fetchall()]


def _filled(tables: list[str]) -> list[str]:
    """Those that hold a row, found in one statement."""
    asked = " UNION ALL ".join(f"(SELECT '{table}' FROM {table} LIMIT 1)" for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return [table for (table,) in cursor.fetchall()]


def _columns(table: str) -> str:
    """The columns that can be written: not the generated ones."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attgenerated = ''",
            [table],
        )
        (columns,) = cursor.fetchone()
    return str(columns)


def _seeds() -> dict[str, bytes]:
    """The rows that migrations made, by ``table (columns)``."""
    seeds = {}
    with connection.cursor() as cursor:
        for table in _filled(_tables()):
            columns = _columns(table)
            with cursor.copy(f"COPY {table} ({columns}) TO STDOUT") as copy:
                seeds[f"{table} ({columns})"] = b"".join(bytes(part) for part in copy)
    return seeds


def _restore(seeds: dict[str, bytes]) -> None:
    """Leave the database as the migrations left it."""
    # Foreign keys are checked at the end, so the order of tables does not matter.
    with transaction.atomic(), connection.cursor() as cursor:
        emptied = sorted({*_filled(_tables()), *(target.partition(" ")[0] for target in seeds)})
        if emptied:
            cursor.execute(f"TRUNCATE {', '.join(emptied)} CASCADE")
        for target, rows in seeds.items():
            with cursor.copy(f"COPY {target} FROM STDIN") as copy:
                copy.write(rows)
