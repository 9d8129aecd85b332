from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests import world
from tests.contracts import api
from tests.contracts.watch import Watch


@pytest.fixture
def things(
    db: None, django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[Any]]
) -> dict[str, str]:
    """One of everything that an address can name, by the name of its parameter."""
    with django_capture_on_commit_callbacks(execute=True):
        made = api.make_things()
    return made | api.followers_of(made)


@pytest.fixture
def watch(things: dict[str, str]) -> Iterator[Watch]:
    """An administrator who sends anything; in the end it must all have been as it should."""
    kept = Watch(world.client("admin"))
    kept.client.http.raise_request_exception = False
    yield kept
    # Reading leaves nothing behind but the audit entry of an export.
    left = {name for name, rows in world.everything().items() if rows != kept.before.get(name)}
    assert left <= {"audit_entry"}
    assert not kept.wrong, "\n".join(kept.wrong)
