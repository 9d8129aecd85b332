"""SQL of ours, for what every request asks: prepared, and read without the ORM.

For one row the ORM took four to ten times as long to write a statement as PostgreSQL to answer
it, and PostgreSQL four times as long to plan it as to run it. A connection keeps the plan of what
it ran a few times, unless a pooler lends it to others meanwhile (config/settings.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    OperationalError,
    connection,
    connections,
    models,
)
from django.db.models.base import ModelState

Parameters = Sequence[Any] | Mapping[str, Any]
M = TypeVar("M", bound=models.Model)


def fetch(statement: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
    """Run one statement, which returns rows, with the parameters bound by the server."""
    with _cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def fetch_first(statement: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
    """Run the first read of a request, which finds out whether the connection kept for it lives.

    Django would ask that with a statement of its own. Only for reads: a second try repeats it.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    unsure = (
        database.connection is not None
        and database.health_check_enabled
        and not database.health_check_done
        and not database.in_atomic_block
    )
    if not unsure:
        return fetch(statement, parameters)
    database.health_check_done = True
    try:
        return fetch(statement, parameters)
    except (OperationalError, InterfaceError):
        if database.is_usable():
            raise
        database.close()
        return fetch(statement, parameters)


def fetch_long(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement of many parameters, whose text psycopg would take apart each time."""
    with _cursor(psycopg.RawCursor) as cursor:
        raw = isinstance(cursor.cursor, psycopg.RawCursor)
        cursor.execute(_numbered(statement) if raw else statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


@lru_cache(maxsize=512)
def _numbered(statement: str) -> str:
    """The statement as PostgreSQL reads it: ``$1`` for the first ``%s``, and so on."""
    first, *others = statement.split("%s")
    return first + "".join(f"${n}{text}" for n, text in enumerate(others, start=1))


def _cursor(kind: type[psycopg.Cursor[Any]] = psycopg.Cursor) -> Any:
    database = connections[DEFAULT_DB_ALIAS]  # once: ``connection`` looks it up with every use
    if database.queries_logged:  # only Django's own cursors can tell what they ran
        return database.cursor()
    database.close_if_health_check_failed()
    database.ensure_connection()
    cursor: Any = kind(database.connection)
    return database.make_cursor(cursor)


def rows(model: type[M], rest: str, parameters: Parameters = ()) -> list[M]:
    """Read the rows of ``SELECT <columns> FROM <table> AS t`` and the SQL that ends it."""
    return [instance(model, row) for row in values(model, rest, parameters)]


def values(
    model: type[models.Model], rest: str, parameters: Parameters = ()
) -> list[tuple[Any, ...]]:
    """Read the same rows as they come, for ``instance``."""
    select, _ = _select(model)
    return fetch(f"{select} {rest}", parameters)


def instance(model: type[M], row: tuple[Any, ...]) -> M:
    """Make an instance of a row of ``values``, in a fifth of the time ``from_db`` takes."""
    _, names = _select(model)
    state = ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    made = model.__new__(model)
    made.__dict__ = {"_state": state, **dict(zip(names, row, strict=True))}
    return made


def array(ids: Iterable[UUID]) -> str:
    """Spell ids for ``= ANY(%s)``; psycopg would look at each one to learn its type."""
    return f"{{{','.join(map(str, ids))}}}"


@cache
def _select(model: type[models.Model]) -> tuple[str, list[str]]:
    fields = model._meta.concrete_fields
    if any(hasattr(field, "from_db_value") for field in fields):
        raise TypeError(f"{model.__name__} has columns that the ORM must read")
    quote = connection.ops.quote_name
    columns = ", ".join(f"t.{quote(str(field.column))}" for field in fields)
    select = f"SELECT {columns} FROM {quote(model._meta.db_table)} AS t"  # noqa: S608 - our names
    return select, [field.attname for field in fields]
