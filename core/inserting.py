"""Writing many rows in few statements. Django's own ``bulk_create`` took 30 times a bare COPY."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar

from django.db import IntegrityError, connection, models, transaction

from core import statements

# Below this a COPY costs more round trips than it saves.
FEW = 50

Row = Sequence[Any]
T = TypeVar("T")

# The text, its values, and what is done if it wrote something.
_Statement = tuple[str, list[Any], Callable[[], None] | None]
_waiting: ContextVar[list[_Statement] | None] = ContextVar("waiting", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Send the small writes of the block as one statement at its end; nothing in it may read them.

    A round trip costs as much as a small write. What they refer to in each other is checked at
    the commit, as all our foreign keys are; a row can be written once in a block.
    """
    if _waiting.get() is not None:
        yield
        return
    waiting: list[_Statement] = []
    token = _waiting.set(waiting)
    try:
        yield
        _send(waiting)
    finally:
        _waiting.reset(token)


def _write(statement: str, values: list[Any], then: Callable[[], None] | None = None) -> None:
    waiting = _waiting.get()
    if waiting is None:
        _send([(statement, values, then)])
    else:
        waiting.append((statement, values, then))


def _send(written: list[_Statement]) -> None:
    if not written:
        return
    statement = _as_one(tuple(text for text, _, _ in written))
    [counts] = statements.fetch_long(statement, _flat([values for _, values, _ in written]))
    for count, (_, _, then) in zip(counts, written, strict=True):
        if count and then is not None:
            then()
    written.clear()


@lru_cache(maxsize=512)
def _as_one(texts: tuple[str, ...]) -> str:
    """One statement that runs these, and returns how many rows each of them wrote."""
    parts = ", ".join(f"w{n} AS ({text} RETURNING 1)" for n, text in enumerate(texts))
    counts = ", ".join(f"(SELECT count(*) FROM w{n})" for n in range(len(texts)))  # noqa: S608
    return f"WITH {parts} SELECT {counts}"


def itself(row: Any) -> Row:
    """A thing that is a row already."""
    made: Row = row
    return made


def insert(
    model: type[models.Model],
    columns: Sequence[str],
    things: Sequence[T],
    row: Callable[[T], Row] = itself,
) -> None:
    """Insert one row per thing, in one statement however many they are.

    Rows are made while they are sent, so that PostgreSQL works at the same time.
    """
    if not things:
        return
    table, names = _quoted(model._meta.db_table), ", ".join(map(_quoted, columns))
    if len(things) <= FEW:
        rows = [row(thing) for thing in things]
        _write(f"INSERT INTO {table} ({names}) {_values(rows)}", _flat(rows))
        return
    if waiting := _waiting.get():
        _send(waiting)  # in the order given: rows may refer to those before
    with connection.cursor() as cursor:
        _copy(cursor, f"{table} ({names})", map(row, things))


def insert_where(
    model: type[models.Model],
    columns: Sequence[str],
    row: Row,
    condition: tuple[str, Sequence[Any]],
    then: Callable[[], None],
) -> None:
    """Insert one row if a condition in SQL, given with its parameters, holds; ``then`` is called.

    With the other writes of ``together``, so that ``then`` may come later than the return.
    """
    table, names = _quoted(model._meta.db_table), ", ".join(map(_quoted, columns))
    where, parameters = condition
    given = ", ".join(["%s"] * len(row))
    _write(
        f"INSERT INTO {table} ({names}) SELECT {given} WHERE {where}",
        [*row, *parameters],
        then,
    )


def update(model: type[models.Model], key: Any, values: Mapping[str, Any]) -> None:
    """Set these columns of one row."""
    table, pk = _quoted(model._meta.db_table), _quoted(model._meta.pk.column)
    assigned = ", ".join(f"{_quoted(column)} = %s" for column in values)
    statement = f"UPDATE {table} SET {assigned} WHERE {pk} = %s"  # noqa: S608 - our own names
    _write(statement, [*values.values(), key])


def insert_whole(instance: models.Model) -> None:
    """Insert one new instance with all its columns."""
    names, columns = _columns(type(instance))
    insert(type(instance), columns, [instance], attrgetter(*names))


@cache
def _columns(model: type[models.Model]) -> tuple[list[str], list[str]]:
    """The attributes and the columns that can be written."""
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    return [field.attname for field in fields], [str(field.column) for field in fields]


def insert_new(
    model: type[models.Model],
    columns: Sequence[str],
    things: Sequence[T],
    row: Callable[[T], Row] = itself,
) -> set[Any]:
    """Insert those rows that collide with no unique index; returns their primary keys.

    Waits for another transaction that is inserting the same, and then counts as the second.
    """
    if not things:
        return set()
    table, names = _quoted(model._meta.db_table), ", ".join(map(_quoted, columns))
    ending = f"ON CONFLICT DO NOTHING RETURNING {_key(model)}"
    rows = [row(thing) for thing in things]
    if len(rows) <= FEW:
        insertion = f"INSERT INTO {table} ({names}) {_values(rows)} {ending}"
        return {key for (key,) in statements.fetch(insertion, _flat(rows))}
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                _copy(cursor, f"{table} ({names})", rows)
        except IntegrityError:  # some are there already; which ones, the index says below
            staged = _quoted(f"staged_{model._meta.db_table}")
            shape = f"SELECT {names} FROM {table} WITH NO DATA"  # noqa: S608 - our own names
            cursor.execute(f"CREATE TEMPORARY TABLE {staged} ON COMMIT DROP AS {shape}")
            _copy(cursor, f"{staged} ({names})", rows)
            cursor.execute(
                f"INSERT INTO {table} ({names}) SELECT {names} FROM {staged} {ending}"  # noqa: S608
            )
            new = {key for (key,) in cursor.fetchall()}
            cursor.execute(f"DROP TABLE {staged}")
            return new
    key_at = list(columns).index(str(model._meta.pk.column))
    return {each[key_at] for each in rows}


def _copy(cursor: Any, target: str, rows: Iterable[Row]) -> None:
    with connection.wrap_database_errors, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        write_row = copy.write_row
        for row in rows:
            write_row(row)


def _values(rows: Sequence[Row]) -> str:
    row = f"({', '.join(['%s'] * len(rows[0]))})"
    return f"VALUES {', '.join([row] * len(rows))}"


def _flat(rows: Sequence[Row]) -> list[Any]:
    return list(chain.from_iterable(rows))


@cache
def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _key(model: type[models.Model]) -> str:
    return _quoted(str(model._meta.pk.column))
