"""A table of lots, as a domain would read it: for the tests of the reader and the engine."""

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO

from core.actors import Actor
from core.errors import Fault
from jobs.choices import FileKind
from jobs.policy.files import HeaderSet
from jobs.services.imports.reading import Table, open_table
from jobs.services.imports.target import Context, Counts, FileFacts, Outcome, Row

SETS = (
    HeaderSet("lots", frozenset({"code", "quantity"}), frozenset({"note"})),
    HeaderSet("serials", frozenset({"serial"}), frozenset({"note"})),
)


def table(
    content: bytes | BinaryIO,
    kind: FileKind = FileKind.CSV,
    *,
    strict: bool = True,
    sets: Sequence[HeaderSet] = SETS,
) -> Table:
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    return open_table(stream, kind, sets, strict=strict)


def rows(content: bytes, kind: FileKind = FileKind.CSV, *, strict: bool = True) -> list[Row]:
    return list(table(content, kind, strict=strict).rows)


def cells(
    content: bytes, kind: FileKind = FileKind.CSV, *, strict: bool = True
) -> list[Mapping[str, Any]]:
    """The cells of rows that are all readable."""
    found = rows(content, kind, strict=strict)
    assert [each.faults for each in found if each.faults] == []
    return [each.cells for each in found]


def codes(content: bytes, kind: FileKind = FileKind.CSV, *, strict: bool = True) -> list[str]:
    """For each row the code of what is wrong with it, or ``ok``."""
    return [
        each.faults[0].code if each.faults else "ok" for each in rows(content, kind, strict=strict)
    ]


class Shelf:
    """A target that keeps rows in a list: quantities are numbers, codes are unique."""

    name = "lots"
    sets: Sequence[HeaderSet] = SETS
    max_rows = 1_000_000
    ignore_unknown = False

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.batches: list[int] = []

    def parse(self, row: Row, context: Context) -> Any | list[Fault]:
        quantity = str(row.cells.get("quantity", ""))
        if not quantity.isdecimal():
            return [Fault("/quantity", "bad_number", "quantity: must be a whole number.")]
        return str(row.cells["code"]), quantity

    def write(
        self, batch: Sequence[Any], context: Context, *, actor: Actor, at: datetime
    ) -> list[Outcome]:
        self.batches.append(len(batch))
        outcomes = []
        for code, quantity in batch:
            known = self.kept.get(code)
            if known is None:
                self.kept[code] = quantity
                outcomes.append(Outcome(code, created=True))
            elif known == quantity:
                outcomes.append(Outcome(code))
            else:
                fault = Fault("/code", "conflict", "code: another lot has it.")
                outcomes.append(Outcome(faults=(fault,)))
        return outcomes

    def finish(
        self, counts: Counts, file: FileFacts, context: Context, *, actor: Actor, at: datetime
    ) -> Mapping[str, Any]:
        return {"file": file.name}
