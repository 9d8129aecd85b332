"""Reading files row by row: CSV, JSON arrays, JSON lines. Memory does not grow with the file."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import ijson
import orjson

from core.cells import unguarded
from core.errors import Fault
from jobs.choices import FileKind
from jobs.policy import files
from jobs.policy.files import CELL_AT_MOST, ROW_AT_MOST, BadHeader, Header, HeaderSet
from jobs.services.imports.target import Row

HEAD_BYTES = 64 * 1024
DEEPEST = 32
_BOM = b"\xef\xbb\xbf"
# What is no UTF-8 is read as these, so that the row that holds it can be named.
_UNDECODED = re.compile("[\udc80-\udcff]")
_NOT_UTF8 = "This is not UTF-8. Save the file as UTF-8."

# A cell above it would be cut into rows of nonsense; the process reads no other CSV.
csv.field_size_limit(CELL_AT_MOST)


@dataclass
class Table:
    """An opened file: its header, then its rows. Rows that cannot be read are rows with faults."""

    header: Header
    rows: Iterator[Row]
    source: "Source"

    @property
    def bytes_read(self) -> int:
        return self.source.count


class RowTooLong(Exception):
    """More bytes, or more levels, in one row than any row can need."""


class Source(io.RawIOBase):
    """A stream that counts, shows its beginning, and stops a row that never ends."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self.head = stream.read(HEAD_BYTES)
        self.count = 0
        self.allowed_to: int | None = None
        self._unread = self.head.removeprefix(_BOM)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._unread[: len(buffer)]
        self._unread = self._unread[len(data) :]
        if not data:
            if self.allowed_to is not None and self.count > self.allowed_to:
                raise RowTooLong
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


def open_table(
    stream: BinaryIO, kind: FileKind, sets: Sequence[HeaderSet], *, strict: bool
) -> Table:
    """Read the header of a file, and be ready for its rows.

    ``strict``: columns and members of no set are an error, else they are ignored.
    Raises: BadHeader, UnsupportedFile.
    """
    source = Source(stream)
    files.refuse_foreign(source.head)
    if kind == FileKind.CSV:
        header = _csv_header(source.head, sets, strict=strict)
        return Table(header, _csv_rows(source, header), source)
    objects = _array(source) if kind == FileKind.JSON else _lines(source)
    first = next(objects, None)
    if first is None:
        return Table(Header((), sets[0].name), iter(()), source)
    if first.faults or not isinstance(first.value, Mapping):
        raise BadHeader(
            f"The first item cannot be read. {first.faults[0].detail}"
            if first.faults
            else "A file of JSON holds objects, one for each row."
        )
    header = files.header_of(first.value, sets, strict=strict)
    known = next(each for each in sets if each.name == header.set_name).known
    return Table(header, _object_rows(first, objects, known, strict=strict), source)


# CSV


def _csv_header(head: bytes, sets: Sequence[HeaderSet], *, strict: bool) -> Header:
    text = head.removeprefix(_BOM).decode("utf-8", "replace")
    line = next((each for each in io.StringIO(text, newline="") if each.strip(" ,;\t\r\n")), "")
    if not line:
        raise BadHeader("The file is empty: its first line names the columns.")
    if "�" in line:
        raise BadHeader(_NOT_UTF8)
    try:
        return files.read_header(line, sets, _split, strict=strict)
    except csv.Error:
        raise BadHeader("The first line is no list of columns.") from None


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter))


class _Physical:
    """The lines of a CSV file, as its reader asks for them, one row's worth counted."""

    def __init__(self, source: Source) -> None:
        self._text = io.TextIOWrapper(
            io.BufferedReader(source, HEAD_BYTES),
            encoding="utf-8",
            errors="surrogateescape",
            newline="",
        )
        self.characters = 0
        self.undecoded = False

    def __iter__(self) -> "_Physical":
        return self

    def __next__(self) -> str:
        line = self._text.readline(ROW_AT_MOST)
        if not line:
            raise StopIteration
        self.characters += len(line)
        if len(line) == ROW_AT_MOST:
            self._skip_line(line)
            raise RowTooLong
        if self.characters > ROW_AT_MOST:
            raise RowTooLong
        if not line.isascii() and _UNDECODED.search(line):
            self.undecoded = True
        return line

    def _skip_line(self, line: str) -> None:
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(ROW_AT_MOST)


def _csv_rows(source: Source, header: Header) -> Iterator[Row]:
    lines = _Physical(source)
    reader = csv.reader(lines, delimiter=header.delimiter)
    ignored = frozenset(header.ignored)
    names = [name if name not in ignored else "" for name in header.columns]
    number, line, in_header = 0, 1, True
    while True:
        lines.characters, lines.undecoded = 0, False
        try:
            record = next(reader)
        except StopIteration:
            return
        except (csv.Error, RowTooLong):
            yield Row(number, line, {}, (_bad_row("it is too long, or a quote is not closed"),))
            number, line = number + 1, reader.line_num + 1
            continue
        begun, line = line, reader.line_num + 1
        # A line of nothing but delimiters is what spreadsheets write for an empty row.
        if not any(record) or not any(map(str.strip, record)):
            continue
        if in_header:
            in_header = False
            continue
        yield _csv_row(number, begun, record, names, undecoded=lines.undecoded)
        number += 1


def _csv_row(
    number: int, line: int, record: list[str], names: list[str], *, undecoded: bool
) -> Row:
    if len(record) != len(names):
        words = f"{len(record)} cells where the header has {len(names)}"
        return Row(number, line, {}, (_bad_row(words),))
    if undecoded:
        where = [name for name, cell in zip(names, record, strict=True) if _UNDECODED.search(cell)]
        name = where[0] if where else ""
        return Row(number, line, {}, (Fault(f"/{name}", "bad_encoding", _NOT_UTF8, "file"),))
    cells = {
        name: unguarded(cell)
        for name, cell in zip(names, record, strict=True)
        if cell and name and not cell.isspace()
    }
    return Row(number, line, cells)


def _bad_row(words: str) -> Fault:
    return Fault("", "bad_row", f"The row cannot be read: {words}.", "file")


# JSON


@dataclass(frozen=True, slots=True)
class _Item:
    value: Any = None
    faults: tuple[Fault, ...] = ()


def _array(source: Source) -> Iterator[_Item]:
    """The items of one array. What comes after a place that is no JSON cannot be found again."""
    if source.head.removeprefix(_BOM).lstrip()[:1] != b"[":
        raise BadHeader("A .json file holds one array of objects: [{...}, {...}].")
    items = _items(ijson.basic_parse(source, buf_size=HEAD_BYTES, use_float=True))
    while True:
        source.allowed_to = source.count + ROW_AT_MOST
        try:
            yield _Item(next(items))
        except StopIteration:
            return
        except RowTooLong:
            yield _Item(faults=(_bad_row("it is too long or too deep; reading ended here"),))
            return
        # Also a number beyond 64 bits; with ``use_float`` it does not take earlier items along.
        except (ijson.JSONError, ValueError):
            yield _Item(faults=(_bad_row("this is no JSON; reading ended here"),))
            return


def _items(events: Iterator[tuple[str, Any]]) -> Iterator[Any]:
    """Build the items of the outer array, each when it is complete.

    Not left to ijson: it keeps a path for every level, and 100,000 brackets take all memory.
    """
    next(events)  # the outer array begins
    stack: list[Any] = []
    keys: list[str] = []
    for event, given in events:
        value = given
        if event == "map_key":
            keys[-1] = value
            continue
        if event in ("start_map", "start_array"):
            if len(stack) == DEEPEST:
                raise RowTooLong
            stack.append({} if event == "start_map" else [])
            keys.append("")
            continue
        if event in ("end_map", "end_array"):
            if not stack:
                continue  # the outer array ends; the parser looks whether anything follows
            value = stack.pop()
            keys.pop()
        if not stack:
            yield value
        elif isinstance(stack[-1], dict):
            stack[-1][keys[-1]] = value
        else:
            stack[-1].append(value)


def _lines(source: Source) -> Iterator[_Item]:
    """The objects of JSON lines, blank ones left out."""
    stream = io.BufferedReader(source, HEAD_BYTES)
    while line := stream.readline(ROW_AT_MOST):
        if len(line) == ROW_AT_MOST and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = stream.readline(ROW_AT_MOST)
            yield _Item(faults=(_bad_row("it is too long"),))
        elif line.strip():
            yield _object_of(line)


def _object_of(line: bytes) -> _Item:
    try:
        return _Item(orjson.loads(line))
    except orjson.JSONDecodeError:
        try:
            line.decode()
        except UnicodeDecodeError:
            return _Item(faults=(Fault("", "bad_encoding", _NOT_UTF8, "file"),))
        return _Item(faults=(_bad_row("it is no JSON"),))


def _object_rows(
    first: _Item, others: Iterator[_Item], known: frozenset[str], *, strict: bool
) -> Iterator[Row]:
    number, item = 0, first
    while True:
        yield _object_row(number, item, known, strict=strict)
        try:
            item = next(others)
        except StopIteration:
            return
        number += 1


def _object_row(number: int, item: _Item, known: frozenset[str], *, strict: bool) -> Row:
    if item.faults:
        return Row(number, None, {}, item.faults)
    if not isinstance(item.value, Mapping):
        return Row(number, None, {}, (_bad_row("it is no object"),))
    unknown = [name for name in item.value if name not in known]
    if strict and unknown:
        faults = [
            Fault(f"/{name[:100]}", "unknown_field", f"{name[:100]!r} is not known here.", "file")
            for name in unknown
        ]
        return Row(number, None, {}, tuple(faults))
    for name, value in item.value.items():
        if isinstance(value, str) and len(value) > CELL_AT_MOST:
            return Row(number, None, {}, (_bad_row(f"{name[:100]!r} is too long"),))
    if unknown:
        return Row(number, None, {name: item.value[name] for name in item.value.keys() & known})
    return Row(number, None, item.value)
