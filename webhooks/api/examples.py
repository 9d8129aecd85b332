"""What the OpenAPI document shows of webhooks."""

from typing import Any

WEBHOOK = "whk_01h455vb4pex5vsknk084sn02q"
DELIVERY_ID = "dlv_01h455vb4pex5vsknk084sn02r"
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="  # noqa: S105 - bytes 0 to 31

SUBSCRIBE: dict[str, Any] = {
    "url": "https://hooks.example.com/noc",
    "events": ["outage.*", "sla.violation", "payment.requested"],
    "name": "Status page",
}
SUBSCRIPTION: dict[str, Any] = {
    "id": WEBHOOK,
    "name": "Status page",
    "url": "https://hooks.example.com/noc",
    "is_active": True,
    "active": True,
    "status": "active",
    "status_reason": None,
    "events": ["outage.*", "sla.violation", "payment.requested"],
    "match": {},
    "headers": {},
    "signature_version": 2,
    "max_attempts": 10,
    "max_retries": 9,
    "timeout_s": 15,
    "concurrency": 5,
    "rate_per_s": None,
    "schema_version": "1",
    "secret_version": 1,
    "last_secret_rotation_at": None,
    "failing_since": None,
    "disables_at": None,
    "host_state": "closed",
    "waiting": 0,
    "dead_letters": 0,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
}
CREATED: dict[str, Any] = SUBSCRIPTION | {"secret": SECRET}
ROTATED: dict[str, Any] = {
    "webhook_id": WEBHOOK,
    "key_id": "wsk_01h455vb4pex5vsknk084sn02s",
    "kind": "hmac",
    "new_secret": SECRET,
    "public_key": None,
    "secret_version": 2,
    "grace_expires_at": "2026-01-02T00:00:00Z",
    "message": "Former secrets sign beside the new one until 2026-01-02T00:00:00Z.",
}
DELIVERY: dict[str, Any] = {
    "id": DELIVERY_ID,
    "webhook_id": WEBHOOK,
    "message_id": "msg_01h455vb4pex5vsknk084sn02q",
    "event": "sla.violation",
    "kind": "event",
    "status": "success",
    "state": "success",
    "held_by": None,
    "attempt_count": 1,
    "run": 1,
    "response_status_code": 204,
    "response_code": 204,
    "last_outcome": "delivered",
    "error_message": None,
    "next_attempt_at": None,
    "delivered_at": "2026-01-01T00:25:01.203Z",
    "dead_lettered_at": None,
    "signature_version": 2,
    "correlation_id": "019b76da-a800-7000-8000-000000000001",
    "created_at": "2026-01-01T00:25:00Z",
}
ATTEMPT: dict[str, Any] = {
    "number": 1,
    "run": 1,
    "started_at": "2026-01-01T00:25:01.112Z",
    "finished_at": "2026-01-01T00:25:01.203Z",
    "outcome": "delivered",
    "status_code": 204,
    "latency_ms": 88,
    "remote_ip": "203.0.113.20",
    "response": "",
    "signature_version": 2,
}
DELIVERY_DETAIL: dict[str, Any] = DELIVERY | {
    "body": '{"data":{"outage_id":"OUT-000123"},"schema_version":"1",'
    '"timestamp":"2026-01-01T00:25:00Z","type":"sla.violation"}',
    "attempts": [ATTEMPT],
}
TEST_DELIVERY: dict[str, Any] = DELIVERY | {
    "event": "webhook.test",
    "kind": "test",
    "status": "pending",
    "state": "pending",
    "attempt_count": 0,
    "response_status_code": None,
    "response_code": None,
    "last_outcome": None,
    "next_attempt_at": "2026-01-01T00:25:00Z",
    "delivered_at": None,
}
EVENT_TYPE: dict[str, Any] = {
    "type": "outage.deleted",
    "version": 1,
    "description": "The outage was struck from the record; its row, results and payments stay.",
    "deprecated": False,
    "sunset_on": None,
    "schema": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"outage_id": {"type": "string"}},
    },
    "example": {"outage_id": "OUT-000123"},
}


def page_of(item: dict[str, Any], sort_by: str) -> dict[str, Any]:
    """One page of a list that holds this item alone."""
    return {
        "items": [item],
        "total": 1,
        "page": 1,
        "page_size": 20,
        "sort_by": sort_by,
        "sort_direction": "desc",
    }
