"""Runners for tests, forgotten afterwards."""

from collections.abc import Callable
from typing import Any

import pytest

from jobs import services as jobs
from jobs.services import runs

Registering = Callable[..., Callable[[Callable[[jobs.Run], None]], Callable[[jobs.Run], None]]]


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Registering:
    """``jobs.runner`` for the length of a test."""
    jobs.runner_of("import_outages")  # whoever is there by himself stays
    monkeypatch.setattr(runs, "_runners", dict(runs._runners))

    def register(job_type: str, **given: Any) -> Any:
        return jobs.runner(job_type, **given)

    return register
