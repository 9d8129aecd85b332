"""What the OpenAPI document shows: one outage from its opening to its reopening."""

from typing import Any

from payments.api.examples import PAYMENT
from sla.api.examples import SLA_CLOCK, SLA_RESULT, SLA_STATUS

OPEN: dict[str, Any] = {
    "site_id": "ACC-HUB-01",
    "site_name": "Accra Hub",
    "severity": "critical",
    "detected_at": "2026-01-05T10:00:00Z",
    "description": "Fibre cut between Accra Hub and Tema.",
    "affected_services": ["Transit", "VoIP"],
    "affected_subscribers": 1200,
}
OUTAGE: dict[str, Any] = {
    "id": "OUT-000123",
    "site_name": "Accra Hub",
    "site_id": "ACC-HUB-01",
    "severity": "critical",
    "status": "open",
    "cause": "unknown",
    "detected_at": "2026-01-05T10:00:00Z",
    "resolved_at": None,
    "duration_minutes": None,
    "declared_mttr_minutes": None,
    "description": "Fibre cut between Accra Hub and Tema.",
    "affected_services": ["Transit", "VoIP"],
    "affected_subscribers": 1200,
    "assigned_to": None,
    "assignee_id": None,
    "created_by": "usr_01h455vb4pex5vsknk084sn02q",
    "location": None,
    "root_cause": None,
    "resolution_notes": None,
    "source": "person",
    "settlement": "normal",
    "import_id": None,
    "version": 1,
    "reopened_count": 0,
    "created_at": "2026-01-05T10:02:11.482913Z",
    "updated_at": "2026-01-05T10:02:11.482913Z",
    "sla_status": None,
    "sla_clock": SLA_CLOCK,
    "payment": None,
}
KNOWN = OUTAGE | {"duplicate": True}
OUTAGE_LIST: dict[str, Any] = {
    "items": [OUTAGE],
    "total": 1,
    "page": 1,
    "page_size": 20,
    "sort_by": "detected_at",
    "sort_direction": "desc",
}
RESOLVED: dict[str, Any] = {
    "outage": OUTAGE
    | {
        "status": "resolved",
        "resolved_at": "2026-01-05T10:25:00Z",
        "duration_minutes": 25,
        "root_cause": "Fibre cut by road works.",
        "version": 2,
        "sla_status": SLA_STATUS,
        "sla_clock": None,
        "payment": PAYMENT,
    },
    "sla": SLA_RESULT,
    "payment": PAYMENT,
    "sla_state": "done",
    "payment_state": "done",
}
REOPENED: dict[str, Any] = {
    "outage": OUTAGE | {"version": 3, "reopened_count": 1},
    "sla": None,
    "payment": None,
    "sla_state": "none",
    "payment_state": "none",
}
TRANSITIONS: dict[str, Any] = {
    "outage_id": "OUT-000123",
    "current_status": "open",
    "valid_next_states": ["resolved"],
    "actions": [
        {"action": "edit", "allowed": True, "reason": "ok"},
        {"action": "resolve", "allowed": True, "reason": "ok"},
        {"action": "reopen", "allowed": False, "reason": "outage_not_resolved"},
        {"action": "delete", "allowed": False, "reason": "role_too_low"},
        {"action": "raise_severity", "allowed": True, "reason": "ok"},
    ],
}
TIMELINE: dict[str, Any] = {
    "items": [
        {
            "id": "aud_01kdwdn9p8f8srp5b5w4a2ke3e",
            "outage_id": "OUT-000123",
            "event_type": "resolved",
            "schema_version": "1",
            "actor": "usr_01h455vb4pex5vsknk084sn02q",
            "detail": {
                "changes": {"status": ["open", "resolved"]},
                "reason": "",
                "subject": "OUT-000123",
            },
            "correlation_id": "019b76da-a800-7000-8000-000000000001",
            "occurred_at": "2026-01-05T10:25:00.000000Z",
        }
    ],
    "total": 1,
    "page": 1,
    "page_size": 20,
    "sort_by": "occurred_at",
    "sort_direction": "asc",
}
JOB_ID = "job_01h455vb4pex5vsknk084sn02q"
_BAD_SEVERITY: dict[str, Any] = {
    "row": 1,
    "line": 3,
    "pointer": "/severity",
    "field": "severity",
    "code": "bad_enum",
    "type": "bad_enum",
    "detail": "severity: Must be one of critical, high, medium, low.",
    "message": "severity: Must be one of critical, high, medium, low.",
}
IMPORTED: dict[str, Any] = {
    "mode": "import",
    "consistency": "partial",
    "settlement": "hold",
    "total_rows": 2,
    "persisted": 1,
    "validated": 1,
    "duplicate_count": 0,
    "error_count": 1,
    "defaulted": {"description": 2},
    "ignored_columns": ["region"],
    "errors": [_BAD_SEVERITY],
    "rows": [
        {
            "row": 0,
            "line": 2,
            "id": None,
            "status": "ok",
            "errors": [],
            "outage_id": "OUT-000124",
            "persisted": True,
            "duplicate": False,
            "existing_id": None,
        },
        {
            "row": 1,
            "line": 3,
            "id": None,
            "status": "error",
            "errors": [_BAD_SEVERITY],
            "outage_id": None,
            "persisted": False,
            "duplicate": False,
            "existing_id": None,
        },
    ],
    "job_id": JOB_ID,
}
LIST: dict[str, Any] = {"outages": [OPEN], "settlement": "hold"}
LISTED: dict[str, Any] = {
    "count": 1,
    "persisted": 1,
    "items": [OUTAGE | {"source": "import", "settlement": "hold", "import_id": JOB_ID}],
    "settlement": "hold",
    "job_id": JOB_ID,
}
HISTORY: dict[str, Any] = {
    "items": [
        {
            "id": JOB_ID,
            "filename": "outages.csv",
            "imported": 1,
            "skipped": 1,
            "error_count": 1,
            "errors": [
                {
                    "row": 1,
                    "line": 3,
                    "field": "severity",
                    "message": "severity: Must be one of critical, high, medium, low.",
                    "code": "bad_enum",
                }
            ],
            "created_at": "2026-01-05T10:02:11.482913Z",
            "created_by": "usr_01h455vb4pex5vsknk084sn02q",
        }
    ],
    "total": 1,
    "page": 1,
    "page_size": 20,
    "sort_by": "created_at",
    "sort_direction": "desc",
}
