"""What the OpenAPI document shows of the SLA: a critical outage of twenty-five minutes."""

from typing import Any

_RESULT_ID = "slr_01kemgyz00e8tb8r2nqxc1vd5h"

SLA_STATUS: dict[str, Any] = {
    "result_id": _RESULT_ID,
    "status": "violated",
    "rating": "poor",
    "amount": -1000,
    "payment_type": "penalty",
    "mttr_minutes": 25,
    "threshold_minutes": 15,
    "policy_version": "1.0",
    "time_remaining_minutes": 0,
    "assessed_at": "2026-01-05T10:25:00Z",
}
SLA_CLOCK: dict[str, Any] = {
    "state": "in_progress",
    "threshold_minutes": 15,
    "counted_seconds": 131,
    "time_remaining_minutes": 12,
    "breaches_at": "2026-01-05T10:15:00Z",
}
SLA_RESULT: dict[str, Any] = {
    "id": _RESULT_ID,
    "outage_id": "OUT-000123",
    "version": 1,
    "state": "current",
    "severity": "critical",
    "status": "violated",
    "mttr_minutes": 25,
    "mttr_source": "derived",
    "derived_mttr_minutes": None,
    "mttr_conflict_minutes": 0,
    "counted_seconds": 1500,
    "excluded_seconds": 0,
    "threshold_minutes": 15,
    "amount": -1000,
    "payment_type": "penalty",
    "rating": "poor",
    "policy_version": "1.0",
    "policy_id": "pol_0000000000e008000000000001",
    "threshold_source": "config",
    "config_version_hash": "1417728228875630226",
    "reason_code": "mttr_exceeded",
    "decision_trace": "25 min counted, threshold 15: 10 min over x 100 = -1000 "
    "(critical, config 1.0)",
    "compute_hash": "5b2f7d0a0f6f1f6f4a2b3c6d1e8a97a4f7d4d9f0c2f7a4c8f3e1d2b5a6978810",
    "cause": "resolved",
    "assessed_at": "2026-01-05T10:25:00Z",
    "superseded_at": None,
}
PREVIEW: dict[str, Any] = SLA_RESULT | {
    "id": None,
    "outage_id": "PREVIEW",
    "version": None,
    "state": None,
    "mttr_source": "declared",
    "compute_hash": None,
    "decision_trace": "25 min declared, threshold 15: 10 min over x 100 = -1000 "
    "(critical, config 1.0)",
    "cause": None,
}
TERMS: dict[str, Any] = {
    "threshold_minutes": 15,
    "penalty_per_minute": 100,
    "reward_base": 750,
}
CONFIG: dict[str, Any] = {
    "critical": TERMS,
    "high": {"threshold_minutes": 30, "penalty_per_minute": 50, "reward_base": 750},
    "medium": {"threshold_minutes": 60, "penalty_per_minute": 25, "reward_base": 750},
    "low": {"threshold_minutes": 120, "penalty_per_minute": 10, "reward_base": 600},
}
