"""How a file is read: its kind, its header, its cells. The same for every target."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from core import canonical
from core.errors import Fault, Invalid, Unsupported
from jobs.choices import FileKind

CELL_AT_MOST = 64 * 1024  # characters
ROW_AT_MOST = 1024 * 1024
DELIMITERS = (",", ";", "\t")

_KINDS = {
    ".csv": FileKind.CSV,
    ".json": FileKind.JSON,
    ".ndjson": FileKind.NDJSON,
    "text/csv": FileKind.CSV,
    "application/json": FileKind.JSON,
    "application/x-ndjson": FileKind.NDJSON,
}
_FOREIGN = {
    b"\x1f\x8b": "It is compressed (gzip). Send it unpacked.",
    b"PK\x03\x04": "It is a ZIP archive or a spreadsheet. Save it as CSV.",
    b"\xd0\xcf\x11\xe0": "It is a spreadsheet of an old program. Save it as CSV.",
    b"%PDF": "It is a PDF document.",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class UnsupportedFile(Unsupported):
    code = "unsupported_file"
    title = "Unsupported file"
    summary = "A file is CSV (.csv), a JSON array (.json) or JSON lines (.ndjson), uncompressed."


class BadHeader(Invalid):
    """Nothing was stored."""

    code = "bad_header"
    title = "Bad header"
    summary = "The columns of the file are not those that are loaded here."


class TooManyRows(Invalid):
    """Nothing was stored."""

    code = "too_many_rows"
    title = "Too many rows"


# How a line is cut into cells; the reader gives it, so that both cut alike.
Split = Callable[[str, str], Sequence[str]]


@dataclass(frozen=True)
class HeaderSet:
    """One set of columns that a target reads."""

    name: str
    required: frozenset[str]
    optional: frozenset[str] = frozenset()

    @property
    def known(self) -> frozenset[str]:
        return self.required | self.optional


@dataclass(frozen=True)
class Header:
    """The columns of one file: which set they are, and which of them nobody reads."""

    columns: tuple[str, ...]
    set_name: str
    ignored: tuple[str, ...] = ()
    delimiter: str = ","


def kind_of(file_name: str, content_type: str) -> FileKind:
    """The kind by the name's ending, else by the content type. Raises: UnsupportedFile."""
    ending = PurePath(file_name).suffix.lower()
    kind = _KINDS.get(ending)
    if kind is None and not ending:
        kind = _KINDS.get(content_type.partition(";")[0].strip().lower())
    if kind is None:
        raise UnsupportedFile
    return kind


def refuse_foreign(start: bytes) -> None:
    """Refuse what is no text of ours by its first bytes. Raises: UnsupportedFile, BadHeader."""
    for mark, words in _FOREIGN.items():
        if start.startswith(mark):
            raise UnsupportedFile(f"This file cannot be read. {words}")
    if start.startswith(_UTF16) or b"\x00" in start[:200]:
        raise BadHeader("The file is not UTF-8 (it looks like UTF-16). Save it as UTF-8.")


def read_header(line: str, sets: Sequence[HeaderSet], split: Split, *, strict: bool) -> Header:
    """Find the delimiter that yields the columns of a set.

    ``strict``: other columns are an error, else they are ignored. Raises: BadHeader, which names
    all that is missing, unknown or there twice.
    """
    tries = [(delimiter, _names(split(line, delimiter))) for delimiter in DELIMITERS]
    for delimiter, names in tries:
        if _set_of(names, sets) is not None:
            return _header(names, sets, delimiter, strict)
    known = frozenset[str]().union(*(each.known for each in sets))
    delimiter, names = max(tries, key=lambda each: len(known.intersection(each[1])))
    return _header(names, sets, delimiter, strict)


def header_of(names: Iterable[str], sets: Sequence[HeaderSet], *, strict: bool) -> Header:
    """The header that the members of a JSON object are. Raises: BadHeader."""
    return _header(list(names), sets, ",", strict)


def _names(cells: Iterable[str]) -> list[str]:
    return [cell.strip().lower() for cell in cells]


def _set_of(names: Collection[str], sets: Sequence[HeaderSet]) -> HeaderSet | None:
    return next((each for each in sets if each.required <= set(names)), None)


def _header(
    names: Sequence[str], sets: Sequence[HeaderSet], delimiter: str, strict: bool
) -> Header:
    doubled = sorted({name for name in names if names.count(name) > 1 and name})
    found = _set_of(names, sets)
    closest = found or max(sets, key=lambda each: len(each.required.intersection(names)))
    missing = sorted(closest.required - set(names))
    unknown = [name for name in names if name and name not in closest.known]
    faults = [_column("missing_column", name, "is missing") for name in missing]
    faults += [_column("doubled_column", name, "is there twice") for name in doubled]
    if strict:
        faults += [_column("unknown_column", name, "is not known") for name in unknown]
    if faults:
        raise BadHeader(_sentence(faults, closest, sets), faults=faults)
    ignored = tuple(dict.fromkeys(unknown))
    return Header(tuple(names), closest.name, ignored, delimiter)


def _column(code: str, name: str, words: str) -> Fault:
    pointer = "/" + name[:100].replace("~", "~0").replace("/", "~1")
    return Fault(pointer, code, f"The column {name[:100]!r} {words}.", "file")


def _sentence(faults: Sequence[Fault], closest: HeaderSet, sets: Sequence[HeaderSet]) -> str:
    said = " ".join(fault.detail for fault in faults[:5])
    others = f" ({len(faults) - 5} more.)" if len(faults) > 5 else ""
    needed = " or ".join(", ".join(sorted(each.required)) for each in sets)
    return f"{said}{others} Needed: {needed}."


def dedup_key(
    file_sha256: str,
    job_type: str,
    subject: str,
    *,
    submitter: str = "",
    options: Mapping[str, Any] | None = None,
) -> str:
    """What makes two uploads the same: SHA-256 of the canonical JSON of what is given of these."""
    document: dict[str, Any] = {
        "file_sha256": file_sha256,
        "job_type": job_type,
        "subject": subject,
    }
    if submitter:
        document["submitter"] = submitter
    if options:
        document["options"] = dict(options)
    return hashlib.sha256(canonical.dumps(document).encode()).hexdigest()
