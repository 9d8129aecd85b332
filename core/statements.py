"""SQL of ours, for what every request asks: prepared, and read without the ORM.

For one row the ORM took four to ten times as long to write a statement as PostgreSQL to answer
it, and PostgreSQL four times as long to plan it as to run it. A connection keeps the plan of what
it ran a few times, unless a pooler lends it to others meanwhile (config/settings.py).
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import psycopg
from django.db import connection, models

Parameters = Sequence[Any] | Mapping[str, Any]
M = TypeVar("M", bound=models.Model)


def fetch(statement: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
    """Run one statement, which returns rows, with the parameters bound by the server."""
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    cursor: Any = psycopg.Cursor(connection.connection)
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with wrap(cursor) as wrapped:
        wrapped.execute(statement, parameters)
        found: list[tuple[Any, ...]] = wrapped.fetchall()
    return found


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
    """Make an instance of a row of ``values``."""
    _, names = _select(model)
    return model.from_db(connection.alias, names, row)


@cache
def _select(model: type[models.Model]) -> tuple[str, list[str]]:
    fields = model._meta.concrete_fields
    if any(hasattr(field, "from_db_value") for field in fields):
        raise TypeError(f"{model.__name__} has columns that the ORM must read")
    quote = connection.ops.quote_name
    columns = ", ".join(f"t.{quote(str(field.column))}" for field in fields)
    select = f"SELECT {columns} FROM {quote(model._meta.db_table)} AS t"  # noqa: S608 - our names
    return select, [field.attname for field in fields]
