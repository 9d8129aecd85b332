"""Idempotency-Key: one key, one effect. The row commits with the work; refusals keep nothing."""

import hashlib
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, OperationalError, connection, models, transaction
from django.utils.crypto import salted_hmac
from psycopg import errors as pg
from rest_framework.request import Request

from core.actors import Actor
from core.errors import Conflict, Fault, Invalid
from core.models import IdempotencyKey

WAIT_SECONDS = 5
_POLL_SECONDS = 0.05


class IdempotencyKeyReused(Invalid):
    code = "idempotency_key_reused"
    title = "Idempotency key reused"
    summary = "This Idempotency-Key was used for another request. Use a new one."


class IdempotencyInProgress(Conflict):
    code = "idempotency_in_progress"
    title = "First request still running"
    summary = "The first request with this Idempotency-Key is still running."


class MalformedIdempotencyKey(Invalid):
    code = "malformed_idempotency_key"
    title = "Malformed Idempotency-Key"


@dataclass(frozen=True)
class Use:
    """One request's use of a key."""

    actor_id: str
    method: str
    path: str
    key: str
    fingerprint: str


@dataclass(frozen=True)
class Earlier:
    """What the first request with this key answered; ``body`` is None if it was lost."""

    status: int
    location: str
    subject: str
    body: bytes | None


def wanted(request: Request) -> Use | None:
    """The key of this request, if it carries one and has somebody to answer to."""
    key = request.headers.get("Idempotency-Key") or request.headers.get("X-Idempotency-Key")
    actor: object = request.user
    if key is None or not isinstance(actor, Actor):
        return None
    if not 1 <= len(key) <= 255 or any(not " " <= character <= "~" for character in key):
        detail = "An Idempotency-Key is 1 to 255 printable ASCII characters."
        raise MalformedIdempotencyKey(
            faults=[Fault("/Idempotency-Key", "malformed_idempotency_key", detail, "header")]
        )
    return Use(
        actor_id=f"{actor.id}:{actor.impersonator}" if actor.impersonator else actor.id,
        method=request.method or "",
        path=request.path.rstrip("/")[:500],
        key=key,
        fingerprint=_fingerprint(request),
    )


def _fingerprint(request: Request) -> str:
    # With our key: a body may hold a password, which a plain hash would let guess from a copy.
    digest = salted_hmac("core.idempotency", b"", algorithm="sha256")
    content_type = (request.content_type or "").partition(";")[0].strip().lower()
    for part in (request.META.get("QUERY_STRING", ""), content_type):
        digest.update(part.encode() + b"\n")
    if content_type == "multipart/form-data":
        for name, values in sorted(request.POST.lists()):
            digest.update(repr((name, values)).encode())
        for name, files in sorted(request.FILES.lists()):
            for file in files:
                digest.update(repr((name, file.name, _file_hash(file))).encode())
    else:
        digest.update(request._request.body)
    return digest.hexdigest()


def _file_hash(file: "UploadedFile[Any]") -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def claim(use: Use) -> Earlier | None:
    """Take the key in the caller's transaction, or find what its first use answered.

    Waits up to five seconds for a first use that still runs.
    Raises: IdempotencyInProgress, IdempotencyKeyReused.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'")
            IdempotencyKey.objects.create(
                actor_id=use.actor_id,
                method=use.method,
                path=use.path,
                key=use.key,
                fingerprint=use.fingerprint,
            )
    except IntegrityError:
        return _earlier(use)
    except OperationalError as error:
        if isinstance(error.__cause__, pg.LockNotAvailable):
            raise IdempotencyInProgress(retry_after=1) from None
        raise
    return None


def _earlier(use: Use) -> Earlier:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        row = _rows(use).get()
        if row.fingerprint != use.fingerprint:
            raise IdempotencyKeyReused
        fresh = row.created_at > _now_in_database() - timedelta(seconds=WAIT_SECONDS)
        if row.body is not None or not fresh or time.monotonic() > deadline:
            body = None if row.body is None else bytes(row.body)
            return Earlier(row.status or 200, row.location, row.subject, body)
        time.sleep(_POLL_SECONDS)


def _now_in_database() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)  # noqa: S101 - for the type checker
    return now


def keep(use: Use, status: int, location: str, subject: str) -> None:
    """Complete the row in the transaction of the work."""
    _rows(use).update(status=status, location=location, subject=subject)


def keep_body(use: Use, body: bytes) -> None:
    """Keep the rendered answer, after the commit."""
    _rows(use).update(body=body)


def forget_bodies(person: str, subjects: Collection[str]) -> None:
    """Forget what this person was answered, and every answer that tells of these subjects.

    A repeat is told of them as they are then.
    """
    own = models.Q(actor_id=person) | models.Q(actor_id__startswith=f"{person}:")
    IdempotencyKey.objects.filter(own | models.Q(subject__in=subjects)).update(body=None)


def _rows(use: Use) -> models.QuerySet[IdempotencyKey]:
    return IdempotencyKey.objects.filter(
        actor_id=use.actor_id, method=use.method, path=use.path, key=use.key
    )


def purge(at: datetime) -> int:
    """Forget keys older than ``IDEMPOTENCY_KEY_TTL_HOURS``; returns how many."""
    limit = at - timedelta(hours=settings.IDEMPOTENCY_KEY_TTL_HOURS)
    deleted, _ = IdempotencyKey.objects.filter(created_at__lt=limit).delete()
    return deleted
