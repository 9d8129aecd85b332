"""SQL of ours: the first read of a request, on a connection that may be gone."""

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, ProgrammingError, connection

from core import statements

pytestmark = pytest.mark.django_db(transaction=True)
WHO = "SELECT pg_backend_pid()"


@pytest.fixture
def kept() -> int:
    """A connection that an earlier request left open; returns its backend."""
    with connection.cursor() as cursor:
        cursor.execute(WHO)
        (backend,) = cursor.fetchone()
    connection.health_check_enabled, connection.health_check_done = True, False
    return int(backend)


def end(backend: int) -> None:
    """What a restart of PostgreSQL does to a connection, and the closing of an idle one."""
    given = connection.get_connection_params()
    known = {name: given[name] for name in ("host", "port", "user", "password") if given.get(name)}
    database = settings.DATABASES["default"]["NAME"]
    with psycopg.connect(dbname=database, autocommit=True, **known) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])


def test_the_first_read_finds_the_connection_alive(kept: int) -> None:
    assert statements.fetch_first(WHO) == [(kept,)]
    assert connection.health_check_done


def test_the_first_read_makes_a_new_connection_for_one_that_is_gone(kept: int) -> None:
    end(kept)
    [(backend,)] = statements.fetch_first(WHO)
    assert backend != kept
    assert connection.is_usable()


def test_what_the_database_refuses_is_not_asked_twice(kept: int) -> None:
    with pytest.raises(ProgrammingError):
        statements.fetch_first("SELECT nothing")
    connection.health_check_done = False
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 50")
    connection.health_check_done = False
    with pytest.raises(OperationalError):
        statements.fetch_first("SELECT pg_sleep(5)")
    with connection.cursor() as cursor:
        cursor.execute("RESET statement_timeout")
    assert statements.fetch(WHO) == [(kept,)]


def test_a_second_read_is_tried_once(kept: int) -> None:
    connection.health_check_done = True
    end(kept)
    with pytest.raises(OperationalError):
        statements.fetch_first(WHO)
    connection.close()


def test_a_long_statement_is_given_its_values_in_order() -> None:
    rows = ", ".join(["(%s::int, %s)"] * 60)
    values = [value for n in range(60) for value in (n, f"100 % of {n}")]
    found = statements.fetch_long(f"SELECT * FROM (VALUES {rows}) AS given", values)
    assert found == [(n, f"100 % of {n}") for n in range(60)]
