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
from functools import partial
from typing import Any, ClassVar, NamedTuple, TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from pydantic import TypeAdapter

from core import correlation, inserting, notices, statements
from core.ids import uuid7
from core.models import EventRow, ReactionRow

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 12
IN_REQUEST_LIMIT = 20  # right after a commit; the rest of a bulk act is the sweeper's
FIRST_SWEEP_AFTER = timedelta(seconds=5)  # leaves the request time to deliver by itself


@dataclass(frozen=True, kw_only=True)
class Event:
    """A frozen fact in the past tense. Subclasses are plain: field types JSON can carry.

    ``wakes_streams``: open streams hang on it, so they are told to look when it has committed.
    """

    type: ClassVar[str] = ""
    public: ClassVar[bool] = True
    wakes_streams: ClassVar[bool] = False
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
PublicReaction = Callable[[Sequence[tuple[Any, UUID]]], None]
Condition = tuple[str, Sequence[Any]]  # in SQL, with its parameters


class _Owed(NamedTuple):
    """A reaction of ours: nobody else runs it before this transaction ends."""

    id: UUID
    event_id: UUID
    reaction: str
    attempts: int
    correlation_id: str
    event: Callable[[], Event]  # one that cannot be read is the failure of its reactions alone


_classes: dict[str, type[Event]] = {}
_adapters: dict[type[Event], TypeAdapter[Any]] = {}
_reactions: dict[str, dict[str, Reaction]] = {}
_public_reactions: dict[str, tuple[PublicReaction, Callable[[str], Condition]]] = {}
_in_request: ContextVar[list[int] | None] = ContextVar("in_request_budget", default=None)
_announced: ContextVar[list[_Owed] | None] = ContextVar("announced_by_reactions", default=None)


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


def reacts_to_public(
    wanted: Callable[[str], Condition],
) -> Callable[[PublicReaction], PublicReaction]:
    """Register a reaction ``f([(event, event_id), ...])`` to every public event.

    It is told at once of what one transaction announced. ``wanted(event type)`` says in SQL
    whether anybody listens when an event is published; where nobody does, nothing is owed.
    """

    def register(reaction: PublicReaction) -> PublicReaction:
        _public_reactions[_name(reaction)] = (reaction, wanted)
        return reaction

    return register


def _name(reaction: Reaction | PublicReaction) -> str:
    return f"{reaction.__module__.split('.')[0]}.{reaction.__name__}"


def reactions_of(cls: type[Event]) -> list[str]:
    """Who reacts to this event, in the order of delivery."""
    return [*_reactions.get(cls.type, ()), *(_public_reactions if cls.public else ())]


class PublishedOutsideTransaction(RuntimeError):
    """A programming error: an event must commit with its change."""


def publish(event: Event) -> UUID:
    """Announce an event in the caller's transaction; returns its id."""
    return publish_many([event])[0]


def publish_many(events: Iterable[Event]) -> list[UUID]:
    """Announce events in the caller's transaction, one statement per table."""
    if not connection.in_atomic_block:
        raise PublishedOutsideTransaction
    correlation_id = correlation.current()
    published = [(uuid7(), event) for event in events]
    names = {cls: reactions_of(cls) for cls in {type(each) for _, each in published}}
    owed = [
        (uuid7(), event_id, name, event)
        for event_id, event in published
        for name in names[type(event)]
    ]
    with inserting.together():
        inserting.insert(
            EventRow,
            ("id", "type", "subject", "payload", "correlation_id", "occurred_at"),
            published,
            lambda each: (each[0], *_event_columns(each[1]), correlation_id, each[1].occurred_at),
        )
        _owe(owed, correlation_id)
    if any(cls.wakes_streams for cls in names):
        notices.after_commit()
    return [event_id for event_id, _ in published]


_OWED = (
    "id", "event_id", "reaction", "status", "attempts", "next_attempt_at", "last_error", "done_at"
)  # fmt: skip


def _owe(owed: Sequence[tuple[UUID, UUID, str, Event]], correlation_id: str) -> None:
    """Store what is owed, and have delivered here what the budget allows.

    That is after the commit, unless a reaction announced it: then with that reaction, in its
    transaction, so that it is done as soon as it is stored.
    """
    now, budget = timezone.now(), _in_request.get() or [IN_REQUEST_LIMIT]
    due = (ReactionRow.Status.DUE.value, 0, now + FIRST_SWEEP_AFTER, "", None)
    ours: tuple[object, ...] = due
    here = _announced.get()
    # What a savepoint announced may be undone with it, so that it waits for the commit.
    if here is not None and not any(connection.savepoint_ids):
        ours = (ReactionRow.Status.DONE.value, 1, None, "", now)
    else:
        here = _deliver_after_commit()
    # A bulk act owes hundreds of thousands; only what will be delivered here is remembered.
    certain, most = [], min(budget[0], len(owed))
    budget[0] -= most
    for reaction_id, event_id, name, event in owed[:most]:
        each = _Owed(reaction_id, event_id, name, 1, correlation_id, partial(_itself, event))
        row = (reaction_id, event_id, name, *ours)
        if public := _public_reactions.get(name):
            _, wanted = public
            inserting.insert_where(
                ReactionRow, _OWED, row, wanted(event.type), partial(here.append, each)
            )
        else:
            certain.append(row)
            here.append(each)
    inserting.insert(ReactionRow, _OWED, certain)
    inserting.insert(ReactionRow, _OWED, owed[most:], lambda each: (*each[:3], *due))


def _deliver_after_commit() -> list[_Owed]:
    """Returns the list of what will be."""
    here: list[_Owed] = []

    def deliver() -> None:
        if here:
            deliver_together([each.id for each in here])

    transaction.on_commit(deliver, robust=True)
    return here


def _event_columns(event: Event) -> tuple[str, str, str]:
    subject = str(getattr(event, event.subject, "")) if event.subject else ""
    return event.type, subject, _adapter(type(event)).dump_json(event).decode()


@contextmanager
def delivering_at_most(limit: int) -> Iterator[None]:
    """Deliver no more than this many reactions inside the block; the sweeper does the others."""
    token = _in_request.set([limit])
    try:
        yield
    finally:
        _in_request.reset(token)


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
            _run(claimed)
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
    announced: list[_Owed] = []
    token = _announced.set(announced)
    budget = _in_request.get() or [0]
    left = budget[0]
    try:
        with transaction.atomic():
            claimed = waiting = _claim(reaction_ids)
            while waiting:
                waiting = _run(waiting) + announced
                announced.clear()
        return len(claimed)
    except Exception:
        if not claimed:
            raise
        budget[0] = left  # what it was spent for is gone with the transaction
    finally:
        _announced.reset(token)
    return sum(deliver(owed.id) for owed in claimed)


# Done already, if what follows in the transaction does not fail. The rows are found by their keys,
# first: the index of what is due holds all that was, until it is vacuumed.
_CLAIM = """
WITH ours AS MATERIALIZED (
     SELECT id, status FROM core_reaction WHERE id = ANY(%s) FOR UPDATE SKIP LOCKED)
UPDATE core_reaction AS r
   SET status = 'done', attempts = r.attempts + 1, done_at = now(), next_attempt_at = NULL
  FROM ours, core_event AS e
 WHERE r.id = ours.id AND ours.status = 'due' AND e.id = r.event_id
RETURNING r.id, r.event_id, r.reaction, r.attempts, e.correlation_id, e.type, e.payload
"""


def _claim(reaction_ids: Sequence[UUID]) -> list[_Owed]:
    rows = statements.fetch(_CLAIM, [statements.array(reaction_ids)])
    claimed = [_Owed._make([*row[:5], partial(_read, *row[5:])]) for row in rows]
    return sorted(claimed, key=lambda owed: reaction_ids.index(owed.id))


def _read(event_type: str, payload: str) -> Event:
    event: Event = _adapter(_classes[event_type]).validate_json(payload)
    return event


def _itself(event: Event) -> Event:
    return event


def _run(waiting: Sequence[_Owed]) -> list[_Owed]:
    """Run those that hear of one event each; if there are none, the public ones, and no other.

    Returns what is left: the public ones, because what others announce is told with it.
    """
    public = [owed for owed in waiting if owed.reaction in _public_reactions]
    if len(public) < len(waiting):
        for owed in waiting:
            if owed.reaction not in _public_reactions:
                _tell(owed)
        return public
    told: dict[tuple[str, str], list[tuple[Event, UUID]]] = {}
    for owed in public:
        heard = told.setdefault((owed.reaction, owed.correlation_id), [])
        heard.append((owed.event(), owed.event_id))
    for (name, correlation_id), heard in told.items():
        with correlation.use(correlation_id, "reaction"):
            _public_reactions[name][0](heard)
    return []


def _tell(owed: _Owed) -> None:
    event = owed.event()
    reaction = _reactions.get(event.type, {}).get(owed.reaction)
    if reaction is None:
        raise LookupError(f"no reaction is called {owed.reaction}")
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


def delay_after(attempts: int) -> timedelta:
    """How long a failed reaction rests: 5 s, doubling to 1 h."""
    return timedelta(seconds=min(3600, 5 * 2 ** (attempts - 1)))
