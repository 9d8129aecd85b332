"""What the OpenAPI document shows: one load of a file, from the queue to its end."""

from typing import Any

JOB_ID = "job_01h455vb4pex5vsknk084sn02q"
ERROR: dict[str, Any] = {
    "row": 41,
    "line": 43,
    "pointer": "/severity",
    "code": "bad_enum",
    "detail": "severity: Must be one of critical, high, medium, low.",
}
_TIMES: dict[str, Any] = {
    "started_at": "2026-01-05T10:02:12.019340Z",
    "finished_at": "2026-01-05T10:02:31.553102Z",
    "created_at": "2026-01-05T10:02:11.482913Z",
    "updated_at": "2026-01-05T10:02:31.553102Z",
}
_RESULT: dict[str, Any] = {
    "created": 20411,
    "duplicates": 13,
    "failed": 1,
    "stopped_early": False,
    "defaulted": {},
    "ignored_columns": ["region"],
}
_SHA256 = "d87709f467261f670e5e87f50549eaf98121b43c0839c72bc08d7c7d7ef462f6"
JOB: dict[str, Any] = {
    "id": JOB_ID,
    "celery_task_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "job_type": "import_outages",
    "target_type": "outages",
    "subject": "",
    "payload": {
        "kind": "csv",
        "consistency": "partial",
        "dry_run": False,
        "ignored_columns": ["region"],
        "options": {"settlement": "hold"},
    },
    "created_by": "usr_01h455vb4pex5vsknk084sn02q",
    "status": "success",
    "progress": 100,
    "progress_details": {
        "phase": "done",
        "rows_done": 20425,
        "rows_ok": 20411,
        "rows_failed": 1,
        "rows_duplicate": 13,
    },
    "partial_results": [],
    "per_item_errors": [ERROR],
    "result": _RESULT,
    "failure_kind": None,
    "failure_code": None,
    "error": None,
    "error_count": 1,
    "attempts": 1,
    "max_attempts": 3,
    "next_attempt_at": None,
    "retry_count": 0,
    "max_retries": 3,
    "last_retried_at": None,
    "lease_id": None,
    "lease_expires_at": None,
    "locked_by": "worker-1:4711",
    "cancel_requested_at": None,
    "file_name": "outages.csv",
    "file_sha256": _SHA256,
    "file_bytes": 4254880,
    "dedup_key": "eb7fb604ed6888d368e5de91e8f8d9e3db5232bea92279c02b2d3d536626217f",
    **_TIMES,
}
JOBS: dict[str, Any] = {
    "items": [JOB],
    "total": 1,
    "page": 1,
    "page_size": 50,
    "sort_by": "created_at",
    "sort_direction": "desc",
}
PROGRESS: dict[str, Any] = {
    "id": JOB_ID,
    "status": "started",
    "progress": 48,
    "progress_details": JOB["progress_details"] | {"phase": "loading"},
    "partial_results": [],
    "per_item_errors": [],
}
ERRORS: dict[str, Any] = {"items": [ERROR], "next_cursor": None, "has_more": False}
IMPORT: dict[str, Any] = {
    "id": JOB_ID,
    "target_type": "outages",
    "subject": "",
    "status": "success",
    "phase": "done",
    "consistency": "partial",
    "dry_run": False,
    "settlement": "hold",
    "progress": {
        "percent": 100,
        "rows_done": 20425,
        "rows_ok": 20411,
        "rows_failed": 1,
        "rows_duplicate": 13,
    },
    "error_count": 1,
    "errors": [ERROR],
    "stopped_early": False,
    "failure_code": None,
    "error": None,
    "file": {"name": "outages.csv", "bytes": 4254880, "sha256": _SHA256},
    "attempts": 1,
    "created_by": "usr_01h455vb4pex5vsknk084sn02q",
    **_TIMES,
    "result": _RESULT,
}
WAITING: dict[str, Any] = IMPORT | {
    "status": "pending",
    "phase": "waiting",
    "progress": dict.fromkeys(IMPORT["progress"], 0),
    "error_count": 0,
    "errors": [],
    "attempts": 0,
    "started_at": None,
    "finished_at": None,
    "result": None,
}
