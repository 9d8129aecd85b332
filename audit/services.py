"""Recording: every writing verb leaves one entry, in its own transaction."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.utils import timezone

from audit.models import Entry
from core import canonical, correlation, inserting, redaction
from core.actors import Actor
from core.ids import uuid7

LARGEST_VALUE = 8 * 1024
LARGEST_BODY = 64 * 1024
MOST_LINKS = 50


class NotInTransaction(RuntimeError):
    """A programming error: an entry must commit with its change."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one entry says; see ``record``."""

    action: str
    subject: tuple[str, str]
    actor: Actor
    at: datetime
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str = ""
    links: Sequence[str] = ()


def record(
    *,
    action: str,
    subject: tuple[str, str],
    actor: Actor,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    links: Sequence[str] = (),
) -> UUID:
    """Write that ``actor`` did ``action`` to ``subject`` (kind, wire id); returns the entry's id.

    ``before`` and ``after`` hold only what changed; ``links`` are the wire ids of other things
    this concerns, so that their timelines find it. Never refuses for content.
    Raises: NotInTransaction.
    """
    return record_many(
        [
            Record(
                action=action,
                subject=subject,
                actor=actor,
                at=at,
                before=before,
                after=after,
                reason=reason,
                links=links,
            )
        ]
    )[0]


def record_many(records: Iterable[Record]) -> list[UUID]:
    """Write many entries in one statement. Raises: NotInTransaction."""
    if not connection.in_atomic_block:
        raise NotInTransaction
    recorded_at = _instant(timezone.now())
    entries = [(uuid7(), each) for each in records]
    inserting.insert(
        Entry,
        ("id", "body"),
        entries,
        lambda entry: (entry[0], _body(entry[0], entry[1], recorded_at)),
    )
    return [entry_id for entry_id, _ in entries]


def erase_subject(subject_id: str, *, actor: Actor, at: datetime, reason: str = "") -> UUID:
    """Note that what the log knows of a person is to be unreadable from now on; the entry's id.

    Entries hold ids alone today (``personal`` is always empty), so there is nothing to destroy.
    When they come to hold sealed envelopes, this destroys the person's key.
    Raises: NotInTransaction.
    """
    return record(
        action="audit.erase_subject",
        subject=("person", subject_id),
        actor=actor,
        at=at,
        reason=reason,
    )


def _body(entry_id: UUID, record: Record, recorded_at: str) -> str:
    before, after = _spelled(record.before), _spelled(record.after)
    body = _composed(entry_id, record, recorded_at, before, after)
    if len(body) * 4 > LARGEST_VALUE:  # only then can a value, in UTF-8, be above its limit
        before, after = _kept(before), _kept(after)
        body = _composed(entry_id, record, recorded_at, before, after)
        if len(body.encode()) > LARGEST_BODY:
            before, after = (canonical.dumps(_truncated(each)) for each in (before, after))
            body = _composed(entry_id, record, recorded_at, before, after)
    return body


def _composed(entry_id: UUID, record: Record, recorded_at: str, before: str, after: str) -> str:
    """The canonical JSON of an entry, its keys in canonical order; written out because the
    general way takes twice as long, and every change waits for it.
    """
    actor = record.actor
    kind, subject = record.subject
    always = {subject, actor.key_id, actor.impersonator} - {""}
    others = set(record.links) - always - {""}
    links = always.union(sorted(others)[: MOST_LINKS - len(always)])
    return (
        f'{{"action":{_quoted(record.action)}'
        f',"actor":{{"id":{_quoted(actor.id)},"kind":{_quoted(actor.kind)}}}'
        f',"after":{after},"at":"{_instant(record.at)}","before":{before}'
        f',"correlation_id":{_quoted(correlation.current())},"id":"{entry_id}"'
        f',"links":{canonical.dumps(sorted(links))},"personal":[]'
        f',"reason":{canonical.dumps(record.reason)},"recorded_at":"{recorded_at}"'
        f',"source":{_quoted(correlation.source())}'
        f',"subject":{{"id":{canonical.dumps(subject)},"kind":{_quoted(kind)}}},"v":1}}'
    )


_quoted = lru_cache(maxsize=1024)(canonical.dumps)


def _spelled(values: Mapping[str, Any] | None) -> str:
    spelled = canonical.dumps(values)
    if values is None or redaction.is_innocent(spelled):
        return spelled
    return canonical.dumps(redaction.redact(values))


def _kept(spelled: str) -> str:
    """The same values, those that are too large by their hash."""
    values = orjson.loads(spelled)
    if values is None:
        return spelled
    each = {name: canonical.dumps(value) for name, value in values.items()}
    return canonical.dumps(
        {
            name: _truncated(text) if len(text.encode()) > LARGEST_VALUE else values[name]
            for name, text in each.items()
        }
    )


def _truncated(spelled: str) -> dict[str, Any]:
    raw = spelled.encode()
    return {"truncated": True, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}


@lru_cache(maxsize=256)  # a bulk act has one instant
def _instant(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
