"""Facts that leave a domain: published in the transaction of the change, delivered after it.

``publish`` writes the event and one row per reaction. A row is marked done in the transaction of
what its reaction did: for database effects exactly once. Delivery runs right after the commit, and
again from the sweeper until it succeeds or is parked.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone
from pydantic import TypeAdapter

from core import correlation, inserting, statements
from core.ids import earliest_at, uuid7
from core.models import EventRow, ReactionRow

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 12
IN_REQUEST_LIMIT = 20  # right after a commit; the rest of a bulk act is the sweeper's
KEPT_FOR = timedelta(days=90)  # as long as a subscriber may ask for what it missed
FIRST_SWEEP_AFTER = timedelta(seconds=5)  # leaves the request time to deliver by itself


@dataclass(frozen=True, kw_only=True)
class Event:
    """A frozen fact in the past tense. Subclasses are plain: field types JSON can carry."""

    type: ClassVar[str] = ""
    public: ClassVar[bool] = True
    subject: ClassVar[str] = ""

    occurred_at: datetime

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.type:
            _classes[cls.type] = cls

    def data(self) -> dict[str, Any]:
        """The event as JSON values."""
        values: dict[str, Any] = _adapter(type(self)).dump_python(self, mode="json")
        return values

    def context(self) -> dict[str, str]:
        """Its top-level ids, by which others narrow what they hear."""
        return {
            field.name: str(value)
            for field in fields(self)
            if field.name.endswith("_id") and (value := getattr(self, field.name)) is not None
        }


E = TypeVar("E", bound=Event)
Reaction = Callable[[Any, UUID], None]

_classes: dict[str, type[Event]] = {}
_adapters: dict[type[Event], TypeAdapter[Any]] = {}
_reactions: dict[str, dict[str, Reaction]] = {}
_public_reactions: dict[str, Reaction] = {}
_in_request: ContextVar[list[int] | None] = ContextVar("in_request_budget", default=None)
_announced: ContextVar[list[UUID] | None] = ContextVar("announced_by_reactions", default=None)


def _adapter(cls: type[Event]) -> TypeAdapter[Any]:
    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    return _adapters[cls]


def catalogue() -> dict[str, type[Event]]:
    """Every event class by its type."""
    return dict(sorted(_classes.items()))


def reacts_to(*classes: type[Event]) -> Callable[[Reaction], Reaction]:
    """Register a reaction ``f(event, event_id)``: one service call, safe to run again."""

    def register(reaction: Reaction) -> Reaction:
        for cls in classes:
            _reactions.setdefault(cls.type, {})[_name(reaction)] = reaction
        return reaction

    return register


def reacts_to_public(reaction: Reaction) -> Reaction:
    """Register a reaction to every public event."""
    _public_reactions[_name(reaction)] = reaction
    return reaction


def _name(reaction: Reaction) -> str:
    return f"{reaction.__module__.split('.')[0]}.{reaction.__name__}"


def reactions_of(cls: type[Event]) -> dict[str, Reaction]:
    """Who reacts to this event, in the order of delivery."""
    own = _reactions.get(cls.type, {})
    return own | (_public_reactions if cls.public else {})


class PublishedOutsideTransaction(RuntimeError):
    """A programming error: an event must commit with its change."""


def publish(event: Event) -> UUID:
    """Announce an event in the caller's transaction; returns its id."""
    return publish_many([event])[0]


def publish_many(events: Iterable[Event]) -> list[UUID]:
    """Announce events in the caller's transaction, one statement per table."""
    if not connection.in_atomic_block:
        raise PublishedOutsideTransaction
    correlation_id, next_attempt_at = correlation.current(), timezone.now() + FIRST_SWEEP_AFTER
    published = [(uuid7(), event) for event in events]
    names = {cls: list(_names_of_reactions(cls)) for cls in {type(each) for _, each in published}}
    owed = [
        (uuid7(), event_id, name) for event_id, event in published for name in names[type(event)]
    ]
    with inserting.together():
        inserting.insert(
            EventRow,
            ("id", "type", "subject", "payload", "correlation_id", "occurred_at"),
            published,
            lambda each: (each[0], *_event_columns(each[1]), correlation_id, each[1].occurred_at),
        )
        inserting.insert(
            ReactionRow,
            ("id", "event_id", "reaction", "status", "attempts", "next_attempt_at", "last_error"),
            owed,
            lambda each: (*each, ReactionRow.Status.DUE.value, 0, next_attempt_at, ""),
        )
    _deliver_here([reaction_id for reaction_id, _, _ in owed])
    return [event_id for event_id, _ in published]


def _event_columns(event: Event) -> tuple[str, str, str]:
    subject = str(getattr(event, event.subject, "")) if event.subject else ""
    return event.type, subject, _adapter(type(event)).dump_json(event).decode()


def _names_of_reactions(cls: type[Event]) -> Iterable[str]:
    yield from _reactions.get(cls.type, ())
    if cls.public:
        yield from _public_reactions


@contextmanager
def delivering_at_most(limit: int) -> Iterator[None]:
    """Deliver no more than this many reactions inside the block; the sweeper does the others."""
    token = _in_request.set([limit])
    try:
        yield
    finally:
        _in_request.reset(token)


def _deliver_here(owed: list[UUID]) -> None:
    """Deliver what the budget allows: after the commit, or with the reaction that announced it."""
    budget = _in_request.get() or [IN_REQUEST_LIMIT]
    # A bulk act owes hundreds of thousands; only what will be delivered here is remembered.
    here = owed[: budget[0]]
    budget[0] -= len(here)
    announced = _announced.get()
    if announced is not None:
        announced += here
    elif here:
        transaction.on_commit(lambda: deliver_together(here), robust=True)


def unit() -> transaction.Atomic:
    """The transaction of a verb that reactions call: theirs, which is undone as a whole, or one.

    Each savepoint would be two round trips for nothing.
    """
    return transaction.atomic(savepoint=_announced.get() is None)


def deliver(reaction_id: UUID) -> bool:
    """Run one owed reaction, unless another process has it; returns whether it was done."""
    claimed: list[_Owed] = []
    try:
        with transaction.atomic():
            claimed = _claim([reaction_id])
            for owed in claimed:
                _run(owed)
    # Whatever a reaction raises is its own affair: the change it hears of has committed.
    except Exception as error:
        if not claimed:
            raise
        _record_failure(claimed[0], error)
        return False
    return bool(claimed)


def deliver_together(reaction_ids: Sequence[UUID]) -> int:
    """Run owed reactions and those to what they announce, but for those another process has.

    All in one transaction, because next to always all succeed. If one fails, nothing of it stays,
    and each has a transaction of its own. Returns how many of the given ones were done.
    """
    claimed: list[_Owed] = []
    announced: list[UUID] = []
    token = _announced.set(announced)
    budget = _in_request.get() or [0]
    left = budget[0]
    try:
        with transaction.atomic():
            claimed = due = _claim(reaction_ids)
            while due:
                for owed in due:
                    _run(owed)
                due = _claim(announced) if announced else []
                announced.clear()
        return len(claimed)
    except Exception:
        if not claimed:
            raise
        budget[0] = left  # what it was spent for is gone with the transaction
    finally:
        _announced.reset(token)
    return sum(deliver(owed.id) for owed in claimed)


@dataclass(frozen=True)
class _Owed:
    """A reaction of ours: nobody else runs it before this transaction ends."""

    id: UUID
    reaction: str
    attempts: int
    event_id: UUID
    type: str
    payload: str
    correlation_id: str


# Done already, if what follows in the transaction does not fail.
_CLAIM = """
UPDATE core_reaction AS r
   SET status = 'done', attempts = r.attempts + 1, done_at = now(), next_attempt_at = NULL
  FROM core_event AS e
 WHERE e.id = r.event_id AND r.id IN (
       SELECT id FROM core_reaction WHERE id = ANY(%s) AND status = 'due' FOR UPDATE SKIP LOCKED)
RETURNING r.id, r.reaction, r.attempts, r.event_id, e.type, e.payload, e.correlation_id
"""


def _claim(reaction_ids: Sequence[UUID]) -> list[_Owed]:
    claimed = [_Owed(*row) for row in statements.fetch(_CLAIM, [statements.array(reaction_ids)])]
    return sorted(claimed, key=lambda owed: reaction_ids.index(owed.id))


def _run(owed: _Owed) -> None:
    cls = _classes[owed.type]
    reaction = reactions_of(cls).get(owed.reaction)
    if reaction is None:
        raise LookupError(f"no reaction is called {owed.reaction}")
    event = _adapter(cls).validate_json(owed.payload)
    with correlation.use(owed.correlation_id, "reaction"):
        reaction(event, owed.event_id)


def _record_failure(owed: _Owed, error: Exception) -> None:
    log.error(
        "reaction_failed",
        exc_info=error,
        extra={"reaction": owed.reaction, "event_id": str(owed.event_id)},
    )
    parked = owed.attempts >= MOST_ATTEMPTS
    # Somebody may have tried again since the rollback: then theirs is what counts.
    ReactionRow.objects.filter(
        id=owed.id, status=ReactionRow.Status.DUE, attempts=owed.attempts - 1
    ).update(
        attempts=owed.attempts,
        status=ReactionRow.Status.PARKED if parked else ReactionRow.Status.DUE,
        next_attempt_at=None if parked else timezone.now() + delay_after(owed.attempts),
        last_error=f"{type(error).__name__}: {error}".replace("\x00", "")[:500],
    )


def sweep(limit: int = 500, at: datetime | None = None) -> int:
    """Run reactions that are due (at ``at``), oldest first; returns how many were taken up."""
    due = ReactionRow.objects.filter(
        status=ReactionRow.Status.DUE, next_attempt_at__lte=at or timezone.now()
    ).order_by("next_attempt_at", "id")
    ids = list(due.values_list("id", flat=True)[:limit])
    with delivering_at_most(0):  # what these reactions announce waits for the next turn
        for start in range(0, len(ids), IN_REQUEST_LIMIT):
            deliver_together(ids[start : start + IN_REQUEST_LIMIT])
    return len(ids)


def retry_parked(reaction_id: UUID) -> bool:
    """Give a parked reaction twelve new attempts."""
    return bool(
        ReactionRow.objects.filter(id=reaction_id, status=ReactionRow.Status.PARKED).update(
            status=ReactionRow.Status.DUE, attempts=0, next_attempt_at=timezone.now()
        )
    )


def delay_after(attempts: int) -> timedelta:
    """How long a failed reaction rests: 5 s, doubling to 1 h."""
    return timedelta(seconds=min(3600, 5 * 2 ** (attempts - 1)))


def states_of(subject: str, event_type: str) -> dict[str, str]:
    """How far the reactions to the newest such event are: name to ``done pending parked``."""
    newest = EventRow.objects.filter(subject=subject, type=event_type).order_by("-id").first()
    if newest is None:
        return {}
    states = {ReactionRow.Status.DUE.value: "pending"}
    rows = newest.reactions.order_by("id").values_list("reaction", "status")
    return {reaction: states.get(status, status) for reaction, status in rows}


def count_due(at: datetime) -> int:
    """How many reactions are due at ``at``."""
    return ReactionRow.objects.filter(
        status=ReactionRow.Status.DUE, next_attempt_at__lte=at
    ).count()


def oldest_due_seconds() -> float:
    """Age of the oldest reaction past its time, in seconds; 0 when none is."""
    now = timezone.now()
    oldest = ReactionRow.objects.filter(
        status=ReactionRow.Status.DUE, next_attempt_at__lte=now
    ).aggregate(oldest=Min("next_attempt_at"))["oldest"]
    return (now - oldest).total_seconds() if oldest else 0.0


def purge(at: datetime) -> int:
    """Forget events older than 90 days whose reactions are all done; returns how many."""
    old = EventRow.objects.filter(id__lt=earliest_at(at - KEPT_FOR)).exclude(
        reactions__status__in=[ReactionRow.Status.DUE, ReactionRow.Status.PARKED]
    )
    forgotten = 0
    while ids := list(old.order_by("id").values_list("id", flat=True)[:5000]):
        with transaction.atomic():
            ReactionRow.objects.filter(event_id__in=ids).delete()
            forgotten += EventRow.objects.filter(id__in=ids).delete()[0]
    return forgotten
