"""Loading outages from files and lists, and noting that they were taken out as a file."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from audit import services as audit
from core.actors import Actor
from core.errors import Fault, ValidationFailed
from core.ids import encode, uuid7
from jobs import services as jobs
from jobs.choices import Consistency, FileKind
from outages.choices import Settlement, Source
from outages.policy import intake, moves, rows
from outages.policy.intake import OutageFacts
from outages.services.births import Opened, open_outages

TARGET, JOB_TYPE = "outages", "import_outages"


@dataclass(frozen=True)
class Taken:
    """What became of a file: the job that tells of it, whether it is new, and whether queued."""

    job: jobs.Job
    is_new: bool = True
    is_queued: bool = False


class OutageTarget:
    """How rows of files become outages."""

    name: str = TARGET
    sets: Sequence[jobs.HeaderSet] = tuple(
        jobs.HeaderSet(each, rows.REQUIRED[each], rows.OPTIONAL[each])
        for each in (rows.RECORD, rows.SERVICE)
    )
    max_rows: int = intake.FILE_AT_MOST
    ignore_unknown: bool = True

    def __init__(self, settlement: Settlement) -> None:
        self._settlement = settlement
        self.defaulted: Counter[str] = Counter()

    def parse(self, row: jobs.Row, context: jobs.Context) -> OutageFacts | list[Fault]:
        reading = rows.read_row(row.cells, context.set_name, is_text=context.kind == FileKind.CSV)
        self.defaulted.update(reading.defaulted)
        if reading.facts is None:
            return list(reading.faults)
        reading.facts.birth_key  # noqa: B018 - made here, while PostgreSQL writes earlier rows
        return reading.facts

    def write(
        self,
        batch: Sequence[OutageFacts],
        context: jobs.Context,
        *,
        actor: Actor,
        at: datetime,
    ) -> list[jobs.Outcome]:
        opened = open_outages(
            batch,
            actor=actor,
            at=at,
            source=Source.IMPORT,
            settlement=self._settlement,
            import_job=context.job_id,
        )
        return [_outcome(each) for each in opened]

    def finish(
        self,
        counts: jobs.Counts,
        file: jobs.FileFacts,
        context: jobs.Context,
        *,
        actor: Actor,
        at: datetime,
    ) -> Mapping[str, Any]:
        told = {"file_name": file.name, "file_sha256": file.sha256, "file_bytes": file.bytes}
        _record(context.job_id, counts, self._settlement, told, actor, at)
        return {"defaulted": dict(self.defaulted), "ignored_columns": list(context.ignored)}


def _outcome(opened: Opened) -> jobs.Outcome:
    if opened.outage is None:
        return jobs.Outcome(faults=(opened.fault,) if opened.fault else ())
    return jobs.Outcome(opened.outage.reference, opened.created)


def _record(
    job_id: UUID,
    counts: jobs.Counts,
    settlement: Settlement,
    told: Mapping[str, Any],
    actor: Actor,
    at: datetime,
) -> None:
    """The audit entry of the load as one act; each outage has its own beside it."""
    audit.record(
        action="outages.import",
        subject=("import", encode("job", job_id)),
        actor=actor,
        at=at,
        after={
            **told,
            "created": counts.ok,
            "duplicates": counts.duplicate,
            "failed": counts.failed,
            "settlement": settlement.value,
        },
    )


def import_outages(
    upload: jobs.Upload,
    *,
    consistency: Consistency,
    dry_run: bool,
    again: bool,
    settlement: Settlement,
    later: bool,
    actor: Actor,
    at: datetime,
) -> Taken:
    """Load a file of outages: at once up to 1,000 rows, else (or ``later``) as a job.

    Emits what the outages emit, ``bulk``. Audits outages.import. Raises: NotPermitted, BadHeader,
    UnsupportedFile, TooManyRows, TooManyJobs.
    """
    require_may_import(actor)
    target = OutageTarget(settlement)
    count = jobs.count_rows(upload, target, intake.FILE_AT_MOST)
    if count > intake.FILE_AT_MOST:
        raise jobs.TooManyRows(
            f"A file holds at most {intake.FILE_AT_MOST} rows.", limit=intake.FILE_AT_MOST
        )
    wish = jobs.Wish(
        consistency=consistency,
        dry_run=dry_run,
        again=again,
        options={"settlement": settlement.value},
    )
    if later or count > intake.BULK_AT_MOST:
        job, is_new = jobs.submit_import(target, upload, wish, actor=actor, at=at)
        return Taken(job, is_new=is_new, is_queued=True)
    return Taken(_import_now(target, upload, wish, actor, at, keep_rows=True))


def load_outages(
    upload: jobs.Upload, *, settlement: Settlement, actor: Actor, at: datetime
) -> Taken:
    """Load the good rows of a file of at most 20,000 at once.

    Emits and audits as ``import_outages``. Raises: NotPermitted, BadHeader, UnsupportedFile,
    TooManyRows.
    """
    require_may_import(actor)
    target = OutageTarget(settlement)
    if jobs.count_rows(upload, target, intake.LOAD_AT_MOST) > intake.LOAD_AT_MOST:
        raise jobs.TooManyRows(
            f"At most {intake.LOAD_AT_MOST} rows here; send the file to /outages/import.",
            limit=intake.LOAD_AT_MOST,
        )
    wish = jobs.Wish(consistency=Consistency.PARTIAL, options={"settlement": settlement.value})
    return Taken(_import_now(target, upload, wish, actor, at, keep_rows=False))


def _import_now(
    target: OutageTarget,
    upload: jobs.Upload,
    wish: jobs.Wish,
    actor: Actor,
    at: datetime,
    *,
    keep_rows: bool,
) -> jobs.Job:
    job_id = uuid7()
    with transaction.atomic():
        loaded = jobs.import_now(
            target, upload, wish, actor=actor, at=at, job_id=job_id, keep_rows=keep_rows
        )
        result = dict(loaded.result)
        result |= {"defaulted": dict(target.defaulted), "ignored_columns": loaded.ignored}
        if loaded.report.rows is not None:
            made = not loaded.report.failure and not wish.dry_run
            result["rows"] = _row_forms(loaded.report.rows, made=made)
        return jobs.keep_ended_import(
            target, upload, wish, loaded, result, actor=actor, at=at, job_id=job_id
        )


def _row_forms(reports: Sequence[jobs.RowReport], *, made: bool) -> list[dict[str, Any]]:
    """What became of each row; ``made``: what was written stands."""
    written = {each.outcome.wire_id for each in reports if each.outcome.created}
    forms = []
    for each in reports:
        outcome, given = each.outcome, each.row.cells.get("id")
        known = not outcome.created and not outcome.faults
        existing = outcome.wire_id if known else None
        for fault in outcome.faults:
            existing = fault.more.get("existing_id", existing)
        # What this very file made and lost again is nothing that exists.
        if existing in written and not made:
            existing = None
        forms.append(
            {
                "row": each.row.number,
                "line": each.row.line,
                "id": str(given)[:64] if given is not None else None,
                "status": "error" if outcome.faults else "ok",
                "errors": [
                    {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail}
                    for fault in outcome.faults
                ],
                "outage_id": outcome.wire_id if outcome.created and made else None,
                "persisted": outcome.created and made,
                "duplicate": known,
                "existing_id": existing,
            }
        )
    return forms


def open_listed_outages(
    births: Sequence[OutageFacts], *, settlement: Settlement, actor: Actor, at: datetime
) -> jobs.Job:
    """Open a list of outages, all or none; the job that tells of it holds their references.

    Emits and audits as ``import_outages``. Raises: NotPermitted, ValidationFailed with pointers
    into ``/outages``.
    """
    require_may_import(actor)
    job_id = uuid7()
    with transaction.atomic():
        opened = open_outages(
            births,
            actor=actor,
            at=at,
            source=Source.IMPORT,
            settlement=settlement,
            import_job=job_id,
        )
        faults = [
            each.fault.within(f"/outages/{index}")
            for index, each in enumerate(opened)
            if each.fault is not None
        ]
        if faults:
            raise ValidationFailed(faults=faults)
        created = sum(each.created for each in opened)
        counts = jobs.Counts(len(opened), created, 0, len(opened) - created)
        _record(job_id, counts, settlement, {}, actor, at)
        return jobs.keep_ended_job(
            JOB_TYPE,
            {
                "kind": "list",
                "consistency": Consistency.ATOMIC.value,
                "dry_run": False,
                "options": {"settlement": settlement.value},
            },
            {
                "created": counts.ok,
                "duplicates": counts.duplicate,
                "failed": 0,
                "references": [each.outage.reference for each in opened if each.outage],
            },
            actor=actor,
            at=at,
            job_id=job_id,
            details=jobs.progress_of(counts),
        )


def export_outages(filters: Mapping[str, Any], count: int, *, actor: Actor, at: datetime) -> None:
    """Note that the outages of these filters leave as a file, before the first byte does.

    Audits. Raises: NotPermitted.
    """
    require_may_export(actor)
    with transaction.atomic():
        audit.record(
            action="outages.export",
            subject=("export", "outages"),
            actor=actor,
            at=at,
            after={"filters": dict(filters), "count": count},
        )


def require_may_import(actor: Actor) -> None:
    """Pass engineers, wherever; each row asks for its site. Raises: NotPermitted."""
    moves.require(moves.may_act(actor, "engineer", None), "engineer")


def require_may_export(actor: Actor) -> None:
    """Pass engineers, wherever; they see their own sites. Raises: NotPermitted."""
    moves.require(moves.may_act(actor, "engineer", None, moves.READ), "engineer", moves.READ)
