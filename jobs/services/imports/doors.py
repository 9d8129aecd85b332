"""The ways in for a file: into the queue, or at once inside the caller's transaction."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Any, BinaryIO
from uuid import UUID

from django.db import connection, transaction

from core.actors import Actor
from core.errors import DomainError, Invalid
from core.wire import is_clean
from jobs.choices import Consistency, FileKind
from jobs.models import Job
from jobs.policy import files, moves
from jobs.policy.files import TooManyRows
from jobs.services.endings import Problem
from jobs.services.imports.engine import Load, Report
from jobs.services.imports.reading import Table, open_table
from jobs.services.imports.target import Context, Counts, FileFacts, ImportTarget
from jobs.services.runs import Run
from jobs.services.submission import JobFile, keep_ended_job, submit_job

CHUNK = 1024 * 1024
LONGEST = "600s"  # one statement of a load inside a request


class RowsInvalid(Invalid):
    code = "rows_invalid"
    title = "Rows invalid"
    summary = "Some rows are wrong, and all were to be loaded or none: nothing was."


class NoValidRow(Invalid):
    code = "no_valid_row"
    title = "No valid row"
    summary = "No row of the file could be loaded."


class TooManyErrors(Invalid):
    code = "too_many_errors"
    title = "Too many errors"
    summary = "Too many rows contradict other records. Nothing was loaded."


_FAILURES: dict[str, type[DomainError]] = {
    each.code: each for each in (RowsInvalid, NoValidRow, TooManyErrors, TooManyRows)
}


@dataclass(frozen=True)
class Upload:
    """A file as it came in: rewound, hashed, its kind known."""

    stream: BinaryIO
    facts: FileFacts
    kind: FileKind


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How a file is to be loaded. ``options`` are the target's own."""

    consistency: Consistency = Consistency.ATOMIC
    dry_run: bool = False
    again: bool = False  # load what was loaded before once more
    options: Mapping[str, Any] = field(default_factory=dict)


def receive(stream: BinaryIO, name: str, content_type: str = "") -> Upload:
    """Take a file in: its kind by name, else by content type; its hash. Raises: UnsupportedFile."""
    name = "".join(filter(is_clean, PurePath(name.replace("\\", "/")).name))[-255:]
    kind = files.kind_of(name, content_type)
    digest, size = hashlib.sha256(), 0
    stream.seek(0)
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
    stream.seek(0)
    return Upload(stream, FileFacts(name, digest.hexdigest(), size), kind)


def count_rows(upload: Upload, target: ImportTarget, most: int) -> int:
    """Count the rows, and stop one beyond ``most``. Raises: BadHeader, UnsupportedFile."""
    count = 0
    for _row in _open(upload.stream, upload.kind, target).rows:
        count += 1
        if count > most:
            break
    return count


def submit_import(
    target: ImportTarget,
    upload: Upload,
    wish: Wish,
    *,
    actor: Actor,
    at: datetime,
    subject: str = "",
) -> tuple[Job, bool]:
    """Put a file into the queue; returns the job, and whether it is new.

    The same bytes of the same submitter, to be loaded in the same way, that wait, run or were
    loaded without an error are that job, unless ``again``.
    Raises: BadHeader, UnsupportedFile, TooManyJobs, Busy.
    """
    header = _open(upload.stream, upload.kind, target).header
    job_type = moves.import_of(target.name)
    once = not (wish.dry_run or wish.again)
    key = None
    if once:
        key = files.dedup_key(
            upload.facts.sha256,
            job_type,
            subject,
            submitter=actor.id,
            options={**wish.options, "consistency": wish.consistency.value},
        )
    upload.stream.seek(0)
    return submit_job(
        job_type,
        payload_of(upload.kind, wish, header.ignored),
        actor=actor,
        at=at,
        subject=subject,
        file=JobFile(upload.facts, upload.stream),
        dedup_key=key,
    )


class _Discarded(Exception):
    """Rolls back what a load wrote."""


def run_import(run: Run, target: ImportTarget) -> None:
    """Load the file of a job. What is written and the end of the job commit as one, or neither."""
    job = run.job
    wish = Wish(
        consistency=Consistency(run.payload["consistency"]),
        dry_run=run.payload["dry_run"],
        options=run.payload["options"],
    )
    file = FileFacts(job.file_name or "", job.file_sha256 or "", job.file_bytes or 0)

    def checkpoint(done: int, counts: Counts) -> None:
        run.checkpoint(done, file.bytes, "loading", **progress_of(counts))

    try:
        with run.data():
            kind = FileKind(run.payload["kind"])
            table = _open(run.open_file(), kind, target)
            load = Load(
                table=table,
                target=target,
                context=_context(table, job.id, job.subject, kind, wish),
                consistency=wish.consistency,
                actor=run.actor,
                at=run.at,
                checkpoint=checkpoint,
            )
            report = load.run()
            run.details = {"phase": "done", **progress_of(report.counts)}
            run.problems(_problems(report), report.error_count)
            if report.failure or wish.dry_run:
                raise _Discarded
            run.result = _kept(load, report, file)
    except _Discarded:
        run.result = _discarded(report, dry_run=wish.dry_run)
        run.conclude(None if wish.dry_run else _FAILURES[report.failure]())


@dataclass(frozen=True)
class Loaded:
    """What a load at once did, and what a job would say of it."""

    report: Report
    result: Mapping[str, Any]
    ignored: Sequence[str]


def import_now(
    target: ImportTarget,
    upload: Upload,
    wish: Wish,
    *,
    actor: Actor,
    at: datetime,
    job_id: UUID,
    subject: str = "",
    keep_rows: bool = False,
) -> Loaded:
    """Load a file at once, inside the caller's transaction; a load that fails leaves no trace.

    The caller keeps the job that tells of it (``keep_ended_import``).
    Raises: BadHeader, UnsupportedFile.
    """
    table = _open(upload.stream, upload.kind, target)
    load = Load(
        table=table,
        target=target,
        context=_context(table, job_id, subject, upload.kind, wish),
        consistency=wish.consistency,
        actor=actor,
        at=at,
        keep_rows=keep_rows,
    )
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = '{LONGEST}'")
            report = load.run()
            if report.failure or wish.dry_run:
                raise _Discarded
            result = _kept(load, report, upload.facts)
    except _Discarded:
        result = _discarded(report, dry_run=wish.dry_run)
    return Loaded(report, result, table.header.ignored)


def keep_ended_import(
    target: ImportTarget,
    upload: Upload,
    wish: Wish,
    loaded: Loaded,
    result: Mapping[str, Any],
    *,
    actor: Actor,
    at: datetime,
    job_id: UUID,
    subject: str = "",
) -> Job:
    """Keep the job of a load that ran at once, as it ended. Emits JobFinished."""
    report = loaded.report
    failed = None if wish.dry_run or not report.failure else _FAILURES[report.failure]()
    return keep_ended_job(
        moves.import_of(target.name),
        payload_of(upload.kind, wish, loaded.ignored),
        result,
        actor=actor,
        at=at,
        job_id=job_id,
        subject=subject,
        file=upload.facts,
        failed=failed,
        details={"phase": "done", **progress_of(report.counts)},
        problems=_problems(report),
        error_count=report.error_count,
    )


def payload_of(kind: FileKind, wish: Wish, ignored: Sequence[str]) -> dict[str, Any]:
    """What a job remembers of how its file is to be loaded."""
    return {
        "kind": kind.value,
        "consistency": wish.consistency.value,
        "dry_run": wish.dry_run,
        "ignored_columns": list(ignored),
        "options": dict(wish.options),
    }


def progress_of(counts: Counts) -> dict[str, int]:
    """The counts as the status of an import tells them."""
    return {
        "rows_done": counts.done,
        "rows_ok": counts.ok,
        "rows_failed": counts.failed,
        "rows_duplicate": counts.duplicate,
    }


def _open(stream: BinaryIO, kind: FileKind, target: ImportTarget) -> Table:
    if stream.seekable():
        stream.seek(0)
    return open_table(stream, kind, target.sets, strict=not target.ignore_unknown)


def _context(table: Table, job_id: UUID, subject: str, kind: FileKind, wish: Wish) -> Context:
    return Context(
        job_id=job_id,
        subject=subject,
        kind=kind,
        set_name=table.header.set_name,
        ignored=table.header.ignored,
        options=wish.options,
    )


def _kept(load: Load, report: Report, file: FileFacts) -> dict[str, Any]:
    finished = load.target.finish(report.counts, file, load.context, actor=load.actor, at=load.at)
    return {
        "created": report.counts.ok,
        "duplicates": report.counts.duplicate,
        "failed": report.counts.failed,
        "stopped_early": False,
        **finished,
    }


def _discarded(report: Report, *, dry_run: bool) -> dict[str, Any]:
    result = {
        "created": 0,
        "duplicates": report.counts.duplicate,
        "failed": report.counts.failed,
        "stopped_early": report.stopped_early,
    }
    return result | ({"would_create": report.counts.ok} if dry_run else {})


def _problems(report: Report) -> list[Problem]:
    return [
        Problem(fault.row, fault.code, fault.detail, fault.pointer, fault.line)
        for fault in report.faults
    ]
