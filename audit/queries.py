"""Reading the log: timelines of a thing, and who had a hand in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db.models import Q, QuerySet

from audit.models import Entry
from core import statements
from core.ids import encode


@dataclass(frozen=True)
class EntryView:
    """One entry as its text says it. ``at`` is the fixed-width UTC text."""

    id: str
    at: str
    action: str
    actor: dict[str, str]
    subject: dict[str, str]
    before: Any
    after: Any
    reason: str
    source: str
    correlation_id: str
    links: list[str]


INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"  # fixed width: text order is time order


def view(entry: Entry) -> EntryView:
    body = orjson.loads(entry.body)
    return EntryView(
        id=encode("aud", entry.id),
        at=body["at"],
        action=body["action"],
        actor=body["actor"],
        subject=body["subject"],
        before=body["before"],
        after=body["after"],
        reason=body["reason"],
        source=body["source"],
        correlation_id=body["correlation_id"],
        links=body["links"],
    )


def timeline(
    link: str,
    actions: Sequence[str] = (),
    since: str | None = None,
    until: str | None = None,
) -> QuerySet[Entry]:
    """The entries whose links hold this wire id, oldest first. Instants are fixed-width text."""
    entries = Entry.objects.filter(links__contains=[link])
    if actions:
        entries = entries.filter(action__in=actions)
    if since:
        entries = entries.filter(at__gte=since)
    if until:
        entries = entries.filter(at__lte=until)
    return entries.order_by("at", "id")


def entries_about(person_id: str) -> QuerySet[Entry]:
    """The entries that a person (``usr_...``) caused or that concern them, in order of writing."""
    about = Q(actor_id=person_id) | Q(links__contains=[person_id])
    return Entry.objects.filter(about).order_by("id")


_TOUCHED = """
SELECT DISTINCT person
  FROM audit_entry,
       LATERAL (SELECT actor_id UNION ALL SELECT jsonb_array_elements_text(links)) AS named (person)
 WHERE links @> jsonb_build_array(%s::text) AND starts_with(person, 'usr_')
"""


def who_touched(link: str) -> set[str]:
    """The ids of the persons who acted on this thing, impersonators included."""
    return {person for (person,) in statements.fetch(_TOUCHED, [link])}
