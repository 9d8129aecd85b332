from datetime import UTC, datetime, timedelta

import pytest

from audit.models import Entry
from core.actors import NotPermitted
from core.errors import ValidationFailed
from core.models import EventRow
from outages import services
from outages.models import Outage
from outages.services.births import ReferenceTaken
from tests import world

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def test_an_opened_outage_gets_a_made_reference() -> None:
    outage, created = services.open_outage(world.facts(), actor=world.actor("operator"), at=AT)
    assert created
    assert outage.reference.startswith("OUT-")
    assert len(outage.reference) >= 10


def test_a_made_reference_steps_over_one_that_is_taken() -> None:
    operator = world.actor("operator")
    first, _ = services.open_outage(world.facts(), actor=operator, at=AT)
    after = f"OUT-{int(first.reference.removeprefix('OUT-')) + 1:06d}"
    services.open_outage(world.facts(id=after, description="taken"), actor=operator, at=AT)
    made, created = services.open_outage(world.facts(description="next"), actor=operator, at=AT)
    assert created
    assert made.reference not in {first.reference, after}
    assert Outage.objects.get(id=made.id).reference == made.reference


def test_opening_is_audited_and_announced_in_the_same_commit() -> None:
    outage, _ = services.open_outage(world.facts(), actor=world.actor("operator"), at=AT)
    entry = Entry.objects.get(subject_id=outage.reference)
    event = EventRow.objects.get(type="outage.created")
    assert entry.action == "outages.open"
    assert event.subject == str(outage.id)


def test_the_same_birth_again_is_the_same_outage_and_writes_nothing() -> None:
    first, _ = services.open_outage(world.facts(), actor=world.actor("operator"), at=AT)
    before = world.everything()
    second, created = services.open_outage(world.facts(), actor=world.actor("operator"), at=AT)
    assert (second.id, created) == (first.id, False)
    assert world.everything() == before


def test_a_reference_in_use_with_other_content_is_taken() -> None:
    services.open_outage(world.facts(id="OUT-7A"), actor=world.actor("operator"), at=AT)
    before = world.everything()
    with pytest.raises(ReferenceTaken) as refused:
        services.open_outage(
            world.facts(id="out-7a", description="another"), actor=world.actor("operator"), at=AT
        )
    assert refused.value.members == {"existing_id": "OUT-7A"}
    assert world.everything() == before


def test_a_deleted_reference_stays_taken() -> None:
    outage, _ = services.open_outage(world.facts(id="OUT-7A"), actor=world.actor("operator"), at=AT)
    services.delete_outage(outage.reference, None, actor=world.actor("manager"), at=AT)
    with pytest.raises(ReferenceTaken):
        services.open_outage(world.facts(id="OUT-7A"), actor=world.actor("operator"), at=AT)


def test_a_viewer_opens_nothing() -> None:
    viewer = world.actor("viewer")
    before = world.everything()
    with pytest.raises(NotPermitted):
        services.open_outage(world.facts(), actor=viewer, at=AT)
    assert world.everything() == before


def test_an_outage_from_tomorrow_is_refused() -> None:
    ahead = (AT + timedelta(minutes=5, seconds=1)).isoformat()
    with pytest.raises(ValidationFailed) as refused:
        services.open_outage(world.facts(detected_at=ahead), actor=world.actor("operator"), at=AT)
    assert refused.value.faults[0].code == "in_the_future"
    assert not Outage.objects.exists()


def test_an_unknown_site_never_rejects_an_outage() -> None:
    outage, _ = services.open_outage(
        world.facts(site_id="NEW-SITE-9"), actor=world.actor("operator"), at=AT
    )
    assert outage.site is not None
    assert outage.site.status == "unverified"


def test_a_site_code_of_another_alphabet_stays_text() -> None:
    outage, _ = services.open_outage(
        world.facts(site_id="söme site"), actor=world.actor("operator"), at=AT
    )
    assert (outage.site_id, outage.site_code) == (None, "söme site")


def test_an_outage_may_be_born_resolved() -> None:
    outage, _ = services.open_outage(
        world.facts(status="resolved", resolved_at="2026-01-05T10:25:00Z"),
        actor=world.actor("engineer"),
        at=AT,
    )
    assert outage.lives.get().resolved_at == datetime(2026, 1, 5, 10, 25, tzinfo=UTC)
    assert EventRow.objects.filter(type="outage.resolved").count() == 1


def test_declared_minutes_at_birth_take_an_engineer() -> None:
    operator = world.actor("operator")
    with pytest.raises(NotPermitted):
        services.open_outage(world.facts(status="resolved", mttr_minutes=5), actor=operator, at=AT)
    assert not Outage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_twenty_equal_births_at_once_make_one_outage() -> None:
    actor = world.actor("operator")
    made = world.at_once(20, lambda _: services.open_outage(world.facts(), actor=actor, at=AT))
    assert sorted(created for _, created in made) == [False] * 19 + [True]
    assert Outage.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_reference_for_two_outages_at_once_is_taken_by_one() -> None:
    actor = world.actor("operator")

    def birth(number: int) -> str:
        facts = world.facts(id="OUT-7A", description=f"outage {number}")
        try:
            services.open_outage(facts, actor=actor, at=AT)
        except ReferenceTaken:
            return "taken"
        return "opened"

    assert sorted(world.at_once(20, birth)) == ["opened"] + ["taken"] * 19


@pytest.mark.django_db(transaction=True)
def test_made_references_are_distinct_under_many_writers() -> None:
    actor = world.actor("operator")

    def births(number: int) -> list[str]:
        return [
            services.open_outage(world.facts(description=f"{number}-{n}"), actor=actor, at=AT)[
                0
            ].reference
            for n in range(5)
        ]

    references = [each for made in world.at_once(16, births) for each in made]
    assert len(set(references)) == 80
