"""Loading: one path for strict, partial and dry runs, inside one transaction of the caller's."""

import gc
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from core.actors import Actor
from core.errors import Fault
from jobs.choices import Consistency
from jobs.policy.moves import MOST_ERRORS
from jobs.services.imports.reading import Table
from jobs.services.imports.target import Context, Counts, ImportTarget, Outcome, Row

BATCH_ROWS = 5000
BATCH_BYTES = 8 * 1024 * 1024
MOST_FAULTS = 10_000  # of an atomic load; then the rest of the file is not read
MOST_VIOLATIONS = 100  # of constraints, singled out in one batch

Checkpoint = Callable[[int, Counts], None]


def _go_on(_bytes_read: int, _counts: Counts) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class RowFault:
    """One thing wrong with one row, in the codes of files."""

    row: int
    line: int | None
    pointer: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class RowReport:
    """One row with what became of it."""

    row: Row
    outcome: Outcome


@dataclass
class Report:
    """What a load did. ``faults`` are the first thousand; ``error_count`` counts all."""

    counts: Counts = field(default_factory=Counts)
    faults: list[RowFault] = field(default_factory=list)
    error_count: int = 0
    stopped_early: bool = False
    failure: str = ""  # the code of why nothing may be kept
    rows: list[RowReport] | None = None


class _TooManyViolations(Exception):
    """The batch contradicts the tables; singling out its rows one by one would take for ever."""


@dataclass
class _Batch:
    """Rows as they were read: the good ones parsed, the others with their faults."""

    rows: Sequence[Row]
    bytes_read: int
    good: list[tuple[Row, Any]] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)


def _read_ahead(batches: Iterator[_Batch]) -> Generator[_Batch]:
    """Have the next batch read and judged while PostgreSQL is busy with this one."""
    with ThreadPoolExecutor(1, thread_name_prefix="reading") as reader:
        try:
            coming = reader.submit(next, batches, None)
            while (batch := coming.result()) is not None:
                coming = reader.submit(next, batches, None)
                yield batch
        finally:
            reader.submit(_close_own_connection).result()


def _close_own_connection() -> None:
    """That of the calling thread, which it has if the file came from the database."""
    connection.close()


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """A batch is half a million objects that live to its end; the collector would walk through
    them again and again, which took a fifth of the time.
    """
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_at_work:
            gc.enable()


@dataclass
class Load:
    """One load of one file into one target."""

    table: Table
    target: ImportTarget
    context: Context
    consistency: Consistency
    actor: Actor
    at: datetime
    checkpoint: Checkpoint = _go_on
    keep_rows: bool = False

    def run(self) -> Report:
        """Read, judge and write every row. Whether it stands is the caller's to decide."""
        self.report = Report(rows=[] if self.keep_rows else None)
        limit = min(self.target.max_rows, settings.IMPORT_MAX_ROWS)
        with closing(_read_ahead(self._batches())) as batches:
            for batch in batches:
                if batch.rows[-1].number >= limit:
                    self.report.failure = "too_many_rows"
                    return self.report
                try:
                    with _collector_at_rest():
                        self._load(batch)
                except _TooManyViolations:
                    self.report.failure = "too_many_errors"
                    return self.report
                self.checkpoint(batch.bytes_read, self.report.counts)
                if self._has_too_many_faults():
                    self.report.stopped_early = True
                    break
        self.report.failure = self._failure()
        return self.report

    def _has_too_many_faults(self) -> bool:
        return self.consistency == Consistency.ATOMIC and self.report.error_count >= MOST_FAULTS

    def _failure(self) -> str:
        counts = self.report.counts
        if self.consistency == Consistency.ATOMIC:
            return "rows_invalid" if self.report.error_count else ""
        return "" if counts.ok or counts.duplicate else "no_valid_row"

    def _batches(self) -> Iterator[_Batch]:
        rows: list[Row] = []
        begun = self.table.bytes_read
        for row in self.table.rows:
            rows.append(row)
            if len(rows) >= BATCH_ROWS or self.table.bytes_read - begun >= BATCH_BYTES:
                yield self._judged(rows)
                rows, begun = [], self.table.bytes_read
        if rows:
            yield self._judged(rows)

    def _judged(self, rows: Sequence[Row]) -> _Batch:
        batch = _Batch(rows, self.table.bytes_read)
        for row in rows:
            parsed = list(row.faults) or self.target.parse(row, self.context)
            if isinstance(parsed, list):
                batch.outcomes[row.number] = Outcome(faults=tuple(parsed))
            else:
                batch.good.append((row, parsed))
        return batch

    def _load(self, batch: _Batch) -> None:
        self._violations = 0
        self._write(batch.good, batch.outcomes)
        self._note([RowReport(row, batch.outcomes[row.number]) for row in batch.rows])

    def _write(self, good: Sequence[tuple[Row, Any]], outcomes: dict[int, Outcome]) -> None:
        if not good:
            return
        try:
            with transaction.atomic():
                written = self.target.write(
                    [parsed for _, parsed in good], self.context, actor=self.actor, at=self.at
                )
        except IntegrityError as error:
            if len(good) > 1:
                middle = len(good) // 2
                self._write(good[:middle], outcomes)
                self._write(good[middle:], outcomes)
                return
            self._violations += 1
            if self._violations > MOST_VIOLATIONS:
                raise _TooManyViolations from None
            written = [Outcome(faults=(_violation(error),))]
        outcomes.update((row.number, out) for (row, _), out in zip(good, written, strict=True))

    def _note(self, batch: Sequence[RowReport]) -> None:
        report, counts = self.report, self.report.counts
        ok = sum(1 for each in batch if each.outcome.created)
        failed = [each for each in batch if each.outcome.faults]
        report.counts = Counts(
            counts.done + len(batch),
            counts.ok + ok,
            counts.failed + len(failed),
            counts.duplicate + len(batch) - ok - len(failed),
        )
        for each in failed:
            report.error_count += len(each.outcome.faults)
            report.faults += [
                RowFault(each.row.number, each.row.line, fault.pointer, fault.code, fault.detail)
                for fault in each.outcome.faults[: MOST_ERRORS - len(report.faults)]
            ]
        if report.rows is not None:
            report.rows += batch


def _violation(error: IntegrityError) -> Fault:
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or "unknown"
    return Fault("", f"constraint_{name}"[:64], "The row contradicts another record.")
