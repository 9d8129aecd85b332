"""What may be written to an outage, by JSON body and by file row alike."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from core import canonical, wire
from core.errors import Fault
from outages.choices import Cause, Severity, Status

RESERVED = frozenset(
    {
        # words of the routes
        "bulk", "import", "export", "violations", "batch", "history", "deleted", "search",
        # what the audit trail calls things that have no id
        "outages", "unknown",
    }
)  # fmt: skip
AHEAD_AT_MOST = timedelta(minutes=5)
MTTR_AT_MOST = 4294967295
BULK_AT_MOST = 1000  # outages in one body, rows of a file that are loaded while one waits
LOAD_AT_MOST = 20_000  # rows of a file that is loaded in one request, bad rows left out
FILE_AT_MOST = 50_000

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# An outage that is called like another thing's id would be found in its place, and its timeline
# would be that thing's.
_ID = re.compile(r"[a-z]{2,5}_[0-9a-z]{26}|[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_reference(text: str) -> bool:
    return bool(_REFERENCE.fullmatch(text))


def _reference(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not is_reference(value.strip()):
        raise wire.fault(
            "invalid_reference",
            "1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or digit.",
        )
    word = value.strip().lower()
    if word in RESERVED:
        raise wire.fault("reference_reserved", f"{value.strip()!r} is a word of the interface.")
    if _ID.fullmatch(word):
        raise wire.fault("reference_reserved", f"{value.strip()!r} has the form of an id.")
    return value.strip()


class Location(wire.Input):
    latitude: Annotated[Decimal, wire.decimal_number(Decimal(-90), Decimal(90), 6)]
    longitude: Annotated[Decimal, wire.decimal_number(Decimal(-180), Decimal(180), 6)]


Reference = Annotated[
    str | None,
    wire.Reading(_reference, {"type": ["string", "null"], "pattern": _REFERENCE.pattern}),
]
MttrMinutes = Annotated[int, wire.whole(0, MTTR_AT_MOST, "mttr_out_of_range")]
SiteCode = Annotated[str | None, wire.nullable_text(64)]
Services = Annotated[list[str], wire.texts(100, 255)]
Subscribers = Annotated[int, wire.whole(0, 2147483647)]


class OutageFacts(wire.Input):
    """The members of an outage that can be written at its birth."""

    id: Reference = None
    site_name: Annotated[str, wire.text(1, 255)]
    site_id: SiteCode = None
    severity: Annotated[str, wire.choice(Severity.values)]
    detected_at: wire.Instant
    description: Annotated[str, wire.text(1, 5000)]
    status: Annotated[str, wire.choice(Status.values)] = Status.OPEN.value
    cause: Annotated[str, wire.choice(Cause.values)] = Cause.UNKNOWN.value
    affected_services: Services = Field(default_factory=list)
    affected_subscribers: Subscribers | None = None
    assigned_to: Annotated[str | None, wire.nullable_text(255)] = None
    location: Location | None = None
    root_cause: Annotated[str | None, wire.nullable_text(5000)] = None
    resolution_notes: Annotated[str | None, wire.nullable_text(5000)] = None
    resolved_at: wire.Instant | None = None
    mttr_minutes: MttrMinutes | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.resolved_at is not None and self.resolved_at < self.detected_at:
            raise wire.fault(
                "resolved_before_detected",
                "it lies before detected_at.",
                pointer="/resolved_at",
            )
        given = self.resolved_at is not None or self.mttr_minutes is not None
        if self.status == Status.RESOLVED and not given:
            raise wire.fault(
                "resolution_required",
                "a resolved outage needs resolved_at or mttr_minutes.",
                pointer="/status",
            )
        if self.status == Status.OPEN and given:
            raise wire.fault(
                "resolution_of_open",
                "an open outage has no resolved_at and no mttr_minutes.",
                pointer="/status",
            )
        return self

    @property
    def site_text(self) -> str:
        return self.site_id or self.site_name

    @cached_property
    def birth_key(self) -> str:
        """What makes two births the same: SHA-256 of the canonical first facts."""
        document = {
            "affected_services": self.affected_services,
            "description": self.description,
            "detected_at": self.detected_at,
            "site": self.site_text.lower(),
        }
        return hashlib.sha256(canonical.dumps(document).encode()).hexdigest()


class OutageChanges(wire.Input):
    """What PUT and PATCH may change; only members that are given count, null clears."""

    id: Reference = None
    site_name: Annotated[str, wire.text(1, 255)] = ""
    site_id: SiteCode = None
    severity: Annotated[str, wire.choice(Severity.values)] = ""
    status: Annotated[str, wire.choice(Status.values)] = ""
    cause: Annotated[str, wire.choice(Cause.values)] = ""
    detected_at: wire.Instant = datetime.min.replace(tzinfo=UTC)
    resolved_at: wire.Instant | None = None
    declared_mttr_minutes: MttrMinutes | None = None
    description: Annotated[str, wire.text(1, 5000)] = ""
    affected_services: Services = Field(default_factory=list)
    affected_subscribers: Subscribers | None = None
    assigned_to: Annotated[str | None, wire.nullable_text(255)] = None
    location: Location | None = None
    root_cause: Annotated[str | None, wire.nullable_text(5000)] = None
    resolution_notes: Annotated[str | None, wire.nullable_text(5000)] = None
    created_by: str | None = None
    source: str | None = None
    settlement: str | None = None

    def given(self) -> dict[str, Any]:
        """The members that the caller named, with their values."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Resolution(wire.Input):
    """How an outage ended, as far as the caller says."""

    resolved_at: wire.Instant | None = None
    mttr_minutes: MttrMinutes | None = None
    root_cause: Annotated[str | None, wire.nullable_text(5000)] = None
    resolution_notes: Annotated[str | None, wire.nullable_text(5000)] = None
    cause: Annotated[str, wire.choice(Cause.values)] | None = None


class Reopening(wire.Input):
    """Why a restoration did not hold, and whether service was up in between."""

    reason: Annotated[str, wire.text(3, 500)]
    restored_between: wire.Flag = False


def ahead_fault(facts: Mapping[str, Any], at: datetime) -> Fault | None:
    """The first instant of these facts that lies too far ahead of the clock."""
    for name in ("detected_at", "resolved_at"):
        instant = facts.get(name)
        if instant is not None and instant > at + AHEAD_AT_MOST:
            detail = f"{name}: lies more than 5 minutes ahead of the clock."
            return Fault(f"/{name}", "in_the_future", detail)
    return None
