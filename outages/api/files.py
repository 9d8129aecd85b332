"""The wire forms of files of outages: what an import answers, and what an export holds."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field
from rest_framework import serializers

from core import wire
from core.exports import MEDIA_TYPES, Form, Layout
from core.pagination import ListQuery
from jobs import queries as jobs
from jobs.api.serializers import error_form
from jobs.choices import Consistency, Status
from jobs.services import Job
from outages import queries
from outages.api.filters import OutageQuery
from outages.api.serializers import LocationResponse, OpenedResponse, location_form, outage_forms
from outages.choices import Cause, Settlement, Severity
from outages.choices import Status as OutageStatus
from outages.models import Outage
from sla import queries as sla
from sla.api.serializers import SlaStatusResponse

HISTORY_ERRORS = 100
MOST_ERRORS = 1000

SettlementWord = Annotated[str, wire.choice(Settlement.values)]


class LoadQuery(wire.Input):
    """How a file of POST /outages/bulk is loaded; as query or form fields."""

    settlement: SettlementWord = Field(
        Settlement.HOLD.value, description="What becomes of the money."
    )


class ImportQuery(LoadQuery):
    """How a file of POST /outages/import is loaded; as query or form fields."""

    consistency: Annotated[str, wire.choice(Consistency.values)] = Consistency.ATOMIC.value
    dry_run: wire.Flag = Field(False, description="Load nothing; say what would be.")
    again: wire.Flag = Field(False, description="Load a file once more that was loaded before.")


class HistoryQuery(ListQuery):
    """Paging of the import history."""


class ExportQuery(OutageQuery):
    """The filters of the list, and the kind of file."""

    format: Annotated[str, wire.choice(tuple(MEDIA_TYPES))] = "csv"

    def filters(self) -> dict[str, Any]:
        return {name: value for name, value in super().filters().items() if name != "format"}


class FileRequest(serializers.Serializer[Any]):
    """A file as one part of a form."""

    file = serializers.FileField(help_text=".csv, .json (an array) or .ndjson, UTF-8")


class ListRequest(serializers.Serializer[Any]):
    """A list of outages, all or none."""

    outages = serializers.ListField(
        child=serializers.DictField(), help_text="1 to 1,000, each as in POST /outages"
    )
    settlement = serializers.ChoiceField(Settlement.choices, required=False)


class FileFaultResponse(serializers.Serializer[Any]):
    row = serializers.IntegerField()
    line = serializers.IntegerField(allow_null=True)
    pointer = serializers.CharField(allow_blank=True)
    field = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    type = serializers.CharField()
    detail = serializers.CharField()
    message = serializers.CharField()


class ImportRowResponse(serializers.Serializer[Any]):
    row = serializers.IntegerField()
    line = serializers.IntegerField(allow_null=True)
    id = serializers.CharField(allow_null=True, help_text="As the file gives it")
    status = serializers.ChoiceField(["ok", "error"])
    errors = FileFaultResponse(many=True)  # type: ignore[assignment]
    outage_id = serializers.CharField(allow_null=True)
    persisted = serializers.BooleanField()
    duplicate = serializers.BooleanField()
    existing_id = serializers.CharField(allow_null=True)


class ImportResponse(serializers.Serializer[Any]):
    """What became of a file that was loaded at once."""

    mode = serializers.ChoiceField(["import", "dry_run"])
    consistency = serializers.ChoiceField(Consistency.choices)
    settlement = serializers.ChoiceField(Settlement.choices)
    total_rows = serializers.IntegerField()
    persisted = serializers.IntegerField()
    validated = serializers.IntegerField()
    duplicate_count = serializers.IntegerField()
    error_count = serializers.IntegerField()
    defaulted = serializers.DictField(child=serializers.IntegerField())
    ignored_columns = serializers.ListField(child=serializers.CharField())
    errors = FileFaultResponse(many=True)  # type: ignore[assignment]
    rows = ImportRowResponse(many=True)
    job_id = serializers.CharField()


class LoadErrorResponse(serializers.Serializer[Any]):
    row = serializers.IntegerField()
    line = serializers.IntegerField(allow_null=True)
    field = serializers.CharField(allow_blank=True)
    message = serializers.CharField()
    code = serializers.CharField()


class LoadResponse(serializers.Serializer[Any]):
    """What became of the rows of a file."""

    imported = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="Duplicates and rows with errors")
    errors = LoadErrorResponse(many=True)  # type: ignore[assignment]
    settlement = serializers.ChoiceField(Settlement.choices)
    job_id = serializers.CharField()


class ListedResponse(serializers.Serializer[Any]):
    """The outages of a list, in its order."""

    count = serializers.IntegerField()
    persisted = serializers.IntegerField()
    items = OpenedResponse(many=True)
    settlement = serializers.ChoiceField(Settlement.choices)
    job_id = serializers.CharField()


class HistoryResponse(serializers.Serializer[Any]):
    """One load of the past."""

    id = serializers.CharField()
    filename = serializers.CharField(allow_null=True)
    imported = serializers.IntegerField()
    skipped = serializers.IntegerField()
    error_count = serializers.IntegerField()
    errors = LoadErrorResponse(many=True)  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()


class ExportedResponse(serializers.Serializer[Any]):
    """One outage of an exported file."""

    id = serializers.CharField()
    site_name = serializers.CharField()
    site_id = serializers.CharField(allow_null=True)
    severity = serializers.ChoiceField(Severity.choices)
    status = serializers.ChoiceField(OutageStatus.choices)
    detected_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    description = serializers.CharField()
    affected_services = serializers.ListField(child=serializers.CharField())
    affected_subscribers = serializers.IntegerField(allow_null=True)
    assigned_to = serializers.CharField(allow_null=True)
    created_by = serializers.CharField()
    location = LocationResponse(allow_null=True)
    sla_status = SlaStatusResponse(allow_null=True)
    cause = serializers.ChoiceField(Cause.choices)
    declared_mttr_minutes = serializers.IntegerField(allow_null=True)
    root_cause = serializers.CharField(allow_null=True)
    resolution_notes = serializers.CharField(allow_null=True)


def _fault_form(row: int, line: int | None, fault: dict[str, Any]) -> dict[str, Any]:
    return {
        "row": row,
        "line": line,
        "pointer": fault["pointer"],
        "field": fault["pointer"].rpartition("/")[2],
        "code": fault["code"],
        "type": fault["code"],
        "detail": fault["detail"],
        "message": fault["detail"],
    }


def _load_error_form(error: dict[str, Any]) -> dict[str, Any]:
    return {
        "row": error["row"],
        "line": error["line"],
        "field": error["pointer"].rpartition("/")[2],
        "message": error["detail"],
        "code": error["code"],
    }


def import_report(job: Job) -> dict[str, Any]:
    """What became of a file that was loaded at once, row by row."""
    result, payload, details = job.result or {}, job.payload, job.progress_details
    rows = [
        row | {"errors": [_fault_form(row["row"], row["line"], fault) for fault in row["errors"]]}
        for row in result["rows"]
    ]
    return {
        "mode": "dry_run" if payload["dry_run"] else "import",
        "consistency": payload["consistency"],
        "settlement": payload["options"]["settlement"],
        "total_rows": details["rows_done"],
        "persisted": result["created"],
        "validated": details["rows_ok"] + details["rows_duplicate"],
        "duplicate_count": details["rows_duplicate"],
        "error_count": job.error_count,
        "defaulted": result["defaulted"],
        "ignored_columns": result["ignored_columns"],
        "errors": [fault for row in rows for fault in row["errors"]],
        "rows": rows,
        "job_id": job.wire_id,
    }


def load_report(job: Job) -> dict[str, Any]:
    """What became of the rows of a file, in numbers."""
    result = job.result or {}
    errors = jobs.first_errors([job.id], MOST_ERRORS)[job.id]
    return {
        "imported": result["created"],
        "skipped": job.progress_details["rows_done"] - result["created"],
        "errors": [_load_error_form(error_form(error)) for error in errors],
        "settlement": job.payload["options"]["settlement"],
        "job_id": job.wire_id,
    }


def list_report(job: Job) -> dict[str, Any]:
    """The outages of a list, in its order, each as it is now."""
    result = job.result or {}
    outages = queries.by_reference(result["references"])
    forms = outage_forms([outages[each] for each in result["references"] if each in outages])
    for form in forms:
        if form["import_id"] != job.wire_id:
            form["duplicate"] = True
    return {
        "count": len(forms),
        "persisted": result["created"],
        "items": forms,
        "settlement": job.payload["options"]["settlement"],
        "job_id": job.wire_id,
    }


def history_forms(loads: Sequence[Job]) -> list[dict[str, Any]]:
    """The loads of the past, with their first errors."""
    errors = jobs.first_errors([load.id for load in loads if load.error_count], HISTORY_ERRORS)
    return [
        {
            "id": load.wire_id,
            "filename": load.file_name,
            "imported": (load.result or {}).get("created", 0),
            "skipped": _skipped(load),
            "error_count": load.error_count,
            "errors": [_load_error_form(error_form(each)) for each in errors.get(load.id, [])],
            "created_at": wire.instant(load.created_at),
            "created_by": load.created_by,
        }
        for load in loads
    ]


def _skipped(load: Job) -> int:
    if load.status not in (Status.SUCCESS, Status.FAILURE):
        return 0
    done: int = load.progress_details.get("rows_done", 0)
    return done - int((load.result or {}).get("created", 0))


def layout(kind: str) -> Layout[Outage]:
    """What a file of outages holds; a cell has room for one word of the SLA result."""
    return Layout(
        "outages",
        tuple(map(str, ExportedResponse().fields)),
        _export_words if kind == "csv" else _export_forms,
    )


def _export_forms(outages: list[Outage]) -> list[Form]:
    # Open ones have a clock and no result; the file shows results.
    states = sla.status_for([outage for outage in outages if outage.resolved_at is not None])
    return [
        {
            "id": outage.reference,
            "site_name": outage.site_name,
            "site_id": outage.site_code,
            "severity": outage.severity,
            "status": outage.status,
            "detected_at": wire.instant(outage.detected_at),
            "resolved_at": wire.instant(outage.resolved_at),
            "description": outage.description,
            "affected_services": outage.affected_services,
            "affected_subscribers": outage.affected_subscribers,
            "assigned_to": outage.assigned_to,
            "created_by": outage.created_by,
            "location": location_form(outage),
            "sla_status": states[outage.id].sla_status if outage.id in states else None,
            "cause": outage.cause,
            "declared_mttr_minutes": outage.declared_mttr_minutes,
            "root_cause": outage.root_cause,
            "resolution_notes": outage.resolution_notes,
        }
        for outage in outages
    ]


def _export_words(outages: list[Outage]) -> list[Form]:
    return [
        {**form, "sla_status": form["sla_status"] and form["sla_status"]["status"]}
        for form in _export_forms(outages)
    ]
