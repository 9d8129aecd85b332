"""The bytes that leave: the same for every attempt of a message under one signature version."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

SCHEMA_VERSION = "1"
LARGEST_DATA_BYTES = 256 * 1024
USER_AGENT = "NOC-IQ-Webhooks/1"
LEGACY, STANDARD = 1, 2


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """One claimed delivery with all that its attempt needs. Shows no secret when printed."""

    delivery_id: UUID
    subscription_id: UUID
    claim_token: UUID
    number: int
    message_id: str
    event_type: str
    url: str
    body: bytes = field(repr=False)
    timeout_s: int
    signature_version: int
    keys: tuple[bytes, ...] = field(repr=False)  # newest first; none: they do not open
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    lease_expires_at: datetime


def envelope(signature_version: int, event_type: str, occurred_at: datetime, data: str) -> bytes:
    """The body, from ``data`` in canonical JSON: keys sorted, no blanks, UTF-8."""
    instant = occurred_at.astimezone(UTC).isoformat()
    word = json.dumps(event_type)
    if signature_version == LEGACY:
        text = f'{{"data":{data},"event":{word},"schema_version":"{SCHEMA_VERSION}","timestamp":'
        text += f'"{instant}"}}'
    else:
        instant = instant.replace("+00:00", "Z")
        text = f'{{"data":{data},"schema_version":"{SCHEMA_VERSION}","timestamp":"{instant}",'
        text += f'"type":{word}}}'
    return text.encode()
