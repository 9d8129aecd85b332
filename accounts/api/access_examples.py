"""What the OpenAPI document shows of people, teams and rights."""

from typing import Any

USER_ID = "usr_01h455vb4pex5vsknk084sn02q"
ADMIN_ID = "usr_01h455vb4pex5vsknk084sn02r"
TEAM_ID = "tem_01h455vb4pex5vsknk084sn02q"
REGION_ID = "reg_01h455vb4pex5vsknk084sn02q"

ACCOUNT: dict[str, Any] = {
    "id": USER_ID,
    "kind": "person",
    "status": "active",
    "email": "ada@example.com",
    "full_name": "Ada Obi",
    "role": "engineer",
    "teams": [{"id": TEAM_ID, "name": "Core network"}],
    "two_factor": True,
    "stellar_wallet": None,
    "timezone": "Africa/Lagos",
    "last_login_at": "2026-01-05T06:00:00Z",
    "created_at": "2026-01-01T00:00:00Z",
}
GRANT: dict[str, Any] = {
    "id": "grt_01h455vb4pex5vsknk084sn02q",
    "role": "engineer",
    "scope_kind": "region",
    "scope_id": REGION_ID,
    "source": "manual",
    "valid_until": None,
    "user_id": USER_ID,
    "team_id": None,
    "valid_from": "2026-01-01T00:00:00Z",
    "granted_by": ADMIN_ID,
    "reason": "Joined the night shift.",
    "created_at": "2026-01-01T00:00:00Z",
    "ended_at": None,
    "ended_by": None,
}
NEW_GRANT: dict[str, Any] = {
    "role": "engineer",
    "scope_kind": "region",
    "scope_id": "lagos",
    "reason": "Joined the night shift.",
}
TEAM: dict[str, Any] = {
    "id": TEAM_ID,
    "name": "Core network",
    "member_count": 1,
    "created_at": "2026-01-01T00:00:00Z",
}
TEAM_DETAIL: dict[str, Any] = TEAM | {
    "members": [
        {"id": USER_ID, "email": "ada@example.com", "full_name": "Ada Obi", "status": "active"}
    ]
}
GROUP_MAPPING: dict[str, Any] = {
    "id": "gmp_01h455vb4pex5vsknk084sn02q",
    "provider": "corp",
    "claim_value": "noc-engineers",
    "role": "engineer",
    "scope_kind": "global",
    "scope_id": None,
    "created_by": ADMIN_ID,
    "created_at": "2026-01-01T00:00:00Z",
}
SESSION: dict[str, Any] = {
    "id": "ses_01h455vb4pex5vsknk084sn02q",
    "kind": "login",
    "created_at": "2026-01-05T06:00:00Z",
    "last_seen_at": "2026-01-05T10:00:00Z",
    "expires_at": "2026-01-19T10:00:00Z",
    "address": "192.0.2.7",
    "user_agent": "Mozilla/5.0",
    "methods": ["pwd", "otp"],
    "current": False,
}
OWN_DATA: dict[str, Any] = {
    "exported_at": "2026-01-05T10:00:00Z",
    "user": {name: value for name, value in ACCOUNT.items() if name != "teams"}
    | {"email_verified_at": None, "password_changed_at": None},
    "grants": [GRANT],
    "teams": ACCOUNT["teams"],
    "sessions": [SESSION | {"state": "live", "revoked_at": None}],
    "api_keys": [],
    "preferences": {},
    "two_factor": {
        "enabled": True,
        "confirmed_at": "2026-01-02T00:00:00Z",
        "backup_codes_left": 10,
    },
    "identities": [],
    "audit_entries": [
        {
            "id": "aud_01h455vb4pex5vsknk084sn02q",
            "at": "2026-01-01T00:00:00.000000Z",
            "action": "accounts.grant_role",
            "actor": {"id": ADMIN_ID, "kind": "person"},
            "subject": {"id": GRANT["id"], "kind": "grant"},
            "before": None,
            "after": {"role": "engineer", "scope_kind": "region", "scope_id": REGION_ID},
            "reason": "Joined the night shift.",
            "source": "api",
            "correlation_id": "019b76da-a800-7000-8000-000000000001",
            "links": [GRANT["id"], REGION_ID, USER_ID],
        }
    ],
    "entry_count": 1,
}
ERASED: dict[str, Any] = {
    "status": "erased",
    "user_id": USER_ID,
    "message": "Erased. The id stays, and what was typed into free text of outages and notes.",
}


def page_of(item: dict[str, Any], sort_by: str, direction: str = "desc") -> dict[str, Any]:
    """One page of a list that holds this item alone."""
    return {
        "items": [item],
        "total": 1,
        "page": 1,
        "page_size": 20,
        "sort_by": sort_by,
        "sort_direction": direction,
    }
