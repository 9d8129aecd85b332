"""Files of outages as people send them, and what tables look like before and after."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse

from tests import world

REAL = Path(settings.BASE_DIR) / "outages/data/outages_gcp_2017_2020.csv"
HEADER = "id,site_name,site_id,severity,detected_at,resolved_at,description,affected_services"
SERVICE_HEADER = "service_id,start_time,end_time,severity,site_name"
# The rows that a load may leave though it kept nothing: the job that tells of it.
OF_JOBS = ("jobs_", "core_event", "core_reaction", "core_idempotencykey", "webhooks_")


def row(n: int, **given: str) -> dict[str, str]:
    """A good row of the record set."""
    return {
        "id": f"FILE-{n:05d}",
        "site_name": f"Mast {n % 7}",
        "site_id": f"MAST-{n % 7}",
        "severity": ("critical", "high", "medium", "low")[n % 4],
        "detected_at": f"2026-01-{1 + n % 28:02d}T10:{n % 60:02d}:00Z",
        "resolved_at": "" if n % 3 == 0 else f"2026-01-{1 + n % 28:02d}T12:00:00Z",
        "description": f"Light lost on span {n}",
        "affected_services": "Transit|VoIP",
    } | given


def sheet(rows: list[dict[str, str]], delimiter: str = ",", newline: str = "\r\n") -> bytes:
    """Rows as a CSV file."""
    text = io.StringIO()
    names = list(dict.fromkeys(name for each in rows for name in each))
    writer = csv.DictWriter(text, names, delimiter=delimiter, lineterminator=newline)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def rows_of(count: int, **given: str) -> list[dict[str, str]]:
    return [row(n, **given) for n in range(count)]


def send(
    content: bytes,
    path: str = "/outages/import",
    *,
    name: str = "outages.csv",
    client: world.Client | None = None,
    headers: dict[str, str] | None = None,
    query: dict[str, Any] | None = None,
    **fields: Any,
) -> HttpResponse:
    """Upload a file as a form."""
    client = client or world.client("engineer")
    media = {"csv": "text/csv", "json": "application/json"}.get(name.rpartition(".")[2], "")
    return client.http.post(
        settings.API_V1_PREFIX + path,
        {"file": SimpleUploadedFile(name, content, media or "application/octet-stream"), **fields},
        headers=client.headers | (headers or {}),
        query_params=query,
    )


def answer(response: HttpResponse, status: int = 200) -> dict[str, Any]:
    """The body of an answer that has this status."""
    assert response.status_code == status, response.content[:2000]
    body: dict[str, Any] = json.loads(response.content)
    return body


def kept(leaving_out: tuple[str, ...] = OF_JOBS) -> dict[str, str]:
    """What the tables of the domains hold, as one hash each."""
    return {
        table: digest
        for table, digest in world.everything().items()
        if not table.startswith((*leaving_out, "accounts_session"))
    }
