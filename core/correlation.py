"""One id that finds a request and everything it set in motion. Correlation only, never evidence."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from core.ids import uuid7

HEADER = "X-Correlation-ID"
_KEPT = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True)
class _Context:
    correlation_id: str
    source: str


_current: ContextVar[_Context | None] = ContextVar("correlation", default=None)


def choose(given: str | None) -> str:
    """Keep a well-formed id that came from outside, else make one."""
    return given if given and _KEPT.fullmatch(given) else str(uuid7())


def current() -> str:
    """The id of the work at hand; work that came without one gets its own."""
    context = _current.get()
    if context is None:
        context = _Context(str(uuid7()), "command")
        _current.set(context)
    return context.correlation_id


def source() -> str:
    """Through which door the work came: api, admin, task, command or reaction."""
    context = _current.get()
    return context.source if context else "command"


@contextmanager
def use(correlation_id: str, source: str) -> Iterator[None]:
    """Do work under this id and door."""
    token = _current.set(_Context(correlation_id, source))
    try:
        yield
    finally:
        _current.reset(token)
