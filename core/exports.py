"""Files on the way out: CSV, JSON and NDJSON of any number of rows.

One snapshot, read by key in pieces, so that a file of a million rows takes the memory of one
piece. An error midway breaks the connection: a file never ends politely short.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any, Generic, TypeVar

from django.db import connection, transaction
from django.db.models import Model, QuerySet
from django.http import StreamingHttpResponse

from core import rendering
from core.cells import guarded

PIECE = 2000
LONGEST = "600s"

T = TypeVar("T", bound=Model)
Form = Mapping[str, Any]

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
}


@dataclass(frozen=True)
class Layout(Generic[T]):
    """What a file of these rows holds. ``forms`` makes the rows of a whole piece at once."""

    name: str
    columns: Sequence[str]
    forms: Callable[[list[T]], list[Form]]


class Export(Generic[T]):
    """The bytes of one file, read from one snapshot; to be closed."""

    def __init__(self, rows: QuerySet[T], layout: Layout[T], kind: str) -> None:
        self._rows = rows.order_by("pk")
        self._layout = layout
        self._write = _WRITERS[kind]
        self._transaction = transaction.atomic()
        self._transaction.__enter__()
        self._open = True
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                cursor.execute(f"SET LOCAL statement_timeout = '{LONGEST}'")
            self.total: int = rows.order_by().count()
            # Whatever is wrong with the question shows now, while it can still be refused.
            self._first = self._piece(None)
        except BaseException:
            self.close()
            raise
        self._bytes = self._write(layout.columns, self._pieces())

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._bytes)

    def close(self) -> None:
        """Give the snapshot back."""
        if self._open:
            self._open = False
            self._transaction.__exit__(None, None, None)

    def _pieces(self) -> Iterator[list[Form]]:
        piece = self._first
        while piece:
            yield self._layout.forms(piece)
            piece = self._piece(piece[-1].pk) if len(piece) == PIECE else []

    def _piece(self, after: Any) -> list[T]:
        rows = self._rows if after is None else self._rows.filter(pk__gt=after)
        return list(rows[:PIECE])


def respond(rows: QuerySet[T], layout: Layout[T], kind: str) -> StreamingHttpResponse:
    """Answer with a file of these rows; ``kind`` is csv, json or ndjson."""
    export = Export(rows, layout, kind)
    response = StreamingHttpResponse(export, content_type=MEDIA_TYPES[kind])
    response["Content-Disposition"] = f'attachment; filename="{layout.name}.{kind}"'
    response["X-Total-Count"] = str(export.total)
    response["Cache-Control"] = "no-store"
    return response


def _csv(columns: Sequence[str], pieces: Iterator[list[Form]]) -> Iterator[bytes]:
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    yield buffer.getvalue().encode()
    for piece in pieces:
        buffer.seek(0)
        buffer.truncate()
        writer.writerows([_cell(form[name]) for name in columns] for form in piece)
        yield buffer.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str):
        return guarded(value)
    if isinstance(value, (list, dict)):
        return rendering.dumps(value).decode()
    return value


def _json(columns: Sequence[str], pieces: Iterator[list[Form]]) -> Iterator[bytes]:
    before = b"["
    for piece in pieces:
        yield before + b",\n".join(_objects(columns, piece))
        before = b",\n"
    yield b"[]\n" if before == b"[" else b"]\n"


def _ndjson(columns: Sequence[str], pieces: Iterator[list[Form]]) -> Iterator[bytes]:
    for piece in pieces:
        yield b"\n".join(_objects(columns, piece)) + b"\n"


def _objects(columns: Sequence[str], piece: list[Form]) -> Iterator[bytes]:
    return (rendering.dumps({name: form[name] for name in columns}) for form in piece)


_WRITERS: dict[str, Callable[[Sequence[str], Iterator[list[Form]]], Iterator[bytes]]] = {
    "csv": _csv,
    "json": _json,
    "ndjson": _ndjson,
}
