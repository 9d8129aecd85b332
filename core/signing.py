"""Signatures of outgoing requests: Standard Webhooks 1.0 (v1), and the older header set.

Deliberately not the package receivers verify with, so that it stays an independent oracle.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

PREFIX = "whsec_"
NEW_KEY_BYTES = 32
SHORTEST_KEY_BYTES = 24  # Source: Standard Webhooks 1.0, "Signature scheme"
LONGEST_KEY_BYTES = 64


class SecretMalformed(ValueError):
    """Not ``whsec_`` and the base64 of 24 to 64 bytes."""


def new_secret() -> str:
    """Make a signing secret of 32 random bytes, spelled ``whsec_<base64>``."""
    return PREFIX + base64.b64encode(secrets.token_bytes(NEW_KEY_BYTES)).decode()


def standard_key(secret: str) -> bytes:
    """The key bytes of a ``whsec_`` secret. Raises: SecretMalformed."""
    if not secret.startswith(PREFIX):
        raise SecretMalformed("It does not begin with whsec_.")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        raise SecretMalformed("What follows whsec_ is not base64.") from None
    if not SHORTEST_KEY_BYTES <= len(key) <= LONGEST_KEY_BYTES:
        raise SecretMalformed(f"The key has {len(key)} bytes; it needs 24 to 64.")
    return key


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Sign one request: ``v1,<base64>`` over id, Unix seconds and body, joined by dots."""
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def standard_headers(
    keys: Sequence[bytes], message_id: str, at: datetime, body: bytes
) -> dict[str, str]:
    """The headers that a receiver verifies; ``keys`` are the live ones, newest first."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(key, message_id, timestamp, body) for key in keys),
    }


def legacy_headers(
    keys: Sequence[bytes], message_id: str, at: datetime, body: bytes
) -> dict[str, str]:
    """The headers of signature version 1: HMAC-SHA256 in hex over the body alone."""
    newest, *previous = [
        "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest() for key in keys
    ]
    headers = {
        "webhook-id": message_id,
        "X-Webhook-Timestamp": at.astimezone(UTC).isoformat(),
        "X-Webhook-Signature": newest,
        "X-Webhook-Signature-Version": "1",
    }
    if previous:
        headers["X-Webhook-Signature-Previous"] = ",".join(previous)
    return headers
