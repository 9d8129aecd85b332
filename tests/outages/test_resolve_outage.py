from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.actors import NotPermitted
from core.errors import PreconditionFailed, ValidationFailed
from core.models import EventRow
from outages import services
from outages.models import Outage, OutageLife
from outages.policy.intake import Resolution
from outages.services.moves import OutageAlreadyResolved
from tests import world

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def resolve(outage: Outage, role: str = "engineer", at: datetime = AT, **given: Any) -> Outage:
    return services.resolve_outage(
        outage.reference, Resolution.model_validate(given), actor=world.actor(role), at=at
    )


def test_resolving_records_the_end_as_now() -> None:
    outage = resolve(world.outage(), "operator")
    assert (outage.status, outage.resolved_at) == ("resolved", AT)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (AT, None)),
        ({"resolved_at": "2026-01-05T10:25:00Z"}, (AT.replace(hour=10, minute=25), None)),
        ({"mttr_minutes": 25}, (AT, 25)),
        (
            {"resolved_at": "2026-01-05T10:25:00Z", "mttr_minutes": 5},
            (AT.replace(hour=10, minute=25), 5),
        ),
    ],
)
def test_the_end_is_what_was_given(given: dict[str, Any], expected: tuple[Any, Any]) -> None:
    outage = resolve(world.outage(), **given)
    assert (outage.resolved_at, outage.declared_mttr_minutes) == expected


def test_each_resolution_is_a_life() -> None:
    outage = resolve(world.outage(), mttr_minutes=25)
    life = OutageLife.objects.get(outage=outage)
    assert (life.n, life.resolved_at, life.declared_mttr_minutes) == (1, AT, 25)


def test_the_same_facts_again_change_nothing() -> None:
    outage = resolve(world.outage(), mttr_minutes=25)
    before = world.everything()
    resolve(outage, mttr_minutes=25, at=AT + timedelta(minutes=9))
    resolve(outage, at=AT + timedelta(minutes=9))
    assert world.everything() == before


def test_other_facts_are_refused() -> None:
    outage = resolve(world.outage())
    before = world.everything()
    with pytest.raises(OutageAlreadyResolved):
        resolve(outage, mttr_minutes=5)
    assert world.everything() == before


@pytest.mark.parametrize("given", [{"mttr_minutes": 5}, {"resolved_at": "2026-01-05T10:25:00Z"}])
def test_declared_or_backdated_time_takes_an_engineer(given: dict[str, Any]) -> None:
    outage = world.outage()
    world.actor("operator")
    before = world.everything()
    with pytest.raises(NotPermitted):
        resolve(outage, "operator", **given)
    assert world.everything() == before


def test_an_end_before_the_beginning_is_refused() -> None:
    outage = world.outage()
    world.actor("engineer")
    before = world.everything()
    with pytest.raises(ValidationFailed):
        resolve(outage, resolved_at="2026-01-05T09:59:59Z")
    assert world.everything() == before


def test_another_version_is_refused() -> None:
    outage = world.outage()
    with pytest.raises(PreconditionFailed) as refused:
        services.resolve_outage(
            outage.reference, Resolution(), actor=world.actor("operator"), at=AT, expected=9
        )
    assert refused.value.members["current_version"] == 1


@pytest.mark.django_db(transaction=True)
def test_forty_resolves_at_once_are_one() -> None:
    outage, actor = world.outage(), world.actor("operator")
    world.at_once(
        40,
        lambda _: services.resolve_outage(outage.reference, Resolution(), actor=actor, at=AT),
    )
    assert EventRow.objects.filter(type="outage.resolved").count() == 1
    assert OutageLife.objects.count() == 1
