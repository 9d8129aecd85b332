"""What a domain promises so that files can be loaded into it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from core.actors import Actor
from core.errors import Fault
from jobs.choices import FileKind
from jobs.policy.files import HeaderSet


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file. Cells that are empty are absent. CSV cells are text."""

    number: int  # from 0, blank lines not counted
    line: int | None  # physical line of a CSV file, from 1
    cells: Mapping[str, Any]
    faults: tuple[Fault, ...] = ()  # why it could not be read


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one good row: written, known before, or refused."""

    wire_id: str = ""
    created: bool = False
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the rows of one file share."""

    job_id: UUID
    subject: str
    kind: FileKind
    set_name: str  # which of the target's header sets the file has
    ignored: Sequence[str] = ()  # columns that nobody reads
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FileFacts:
    """What is remembered of a file when its bytes are gone."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Counts:
    """How the rows of a file fared: done = ok + failed + duplicate."""

    done: int = 0
    ok: int = 0
    failed: int = 0
    duplicate: int = 0


class ImportTarget(Protocol):
    """One kind of rows. ``parse`` is pure; ``write`` is set-based and runs in a savepoint."""

    name: str
    sets: Sequence[HeaderSet]
    max_rows: int
    ignore_unknown: bool

    def parse(self, row: Row, context: Context) -> Any | list[Fault]:
        """The row as the domain writes it, or what is wrong with it, in the codes of files."""

    def write(
        self, batch: Sequence[Any], context: Context, *, actor: Actor, at: datetime
    ) -> list[Outcome]:
        """Write parsed rows; one outcome for each, in order."""

    def finish(
        self, counts: Counts, file: FileFacts, context: Context, *, actor: Actor, at: datetime
    ) -> Mapping[str, Any]:
        """Audit the load as one act; what is returned joins the job's result."""
