"""What the log holds about a person, and the note of their erasure."""

import pytest
from django.db import transaction

from audit import queries, services
from core.actors import Actor
from tests import world

pytestmark = pytest.mark.django_db
ADA, BEN = "usr_ada", "usr_ben"


def record(
    action: str, *, actor: str = "tests", subject: str = "thg_1", links: tuple[str, ...] = ()
) -> None:
    with transaction.atomic():
        services.record(
            action=action,
            subject=("thing", subject),
            actor=Actor(id=actor, kind="person"),
            at=world.AT,
            links=links,
        )


def about(person: str) -> list[str]:
    return list(queries.entries_about(person).values_list("action", flat=True))


def test_it_is_what_they_did_and_what_concerns_them_in_order_of_writing() -> None:
    record("things.make", actor=ADA)
    record("things.give", links=(ADA, BEN))
    record("things.take", actor=BEN)
    record("people.disable", actor=BEN, subject=ADA)
    record("things.lend", actor=ADA, links=(ADA,))
    assert about(ADA) == ["things.make", "things.give", "people.disable", "things.lend"]
    assert about(BEN) == ["things.give", "things.take", "people.disable"]
    assert about("usr_ad") == []


def test_what_an_impersonator_did_concerns_both() -> None:
    with transaction.atomic():
        services.record(
            action="things.make",
            subject=("thing", "thg_1"),
            actor=Actor(id=ADA, kind="person", impersonator=BEN),
            at=world.AT,
        )
    assert about(ADA) == about(BEN) == ["things.make"]


def test_an_erasure_is_noted_and_no_entry_changes() -> None:
    record("things.make", actor=ADA)
    before = list(queries.entries_about(ADA).values_list("body", flat=True))
    with transaction.atomic():
        services.erase_subject(ADA, actor=world.nobody(), at=world.AT, reason="asked us to")
    after = list(queries.entries_about(ADA).values_list("body", flat=True))
    assert after[:-1] == before
    assert about(ADA)[-1] == "audit.erase_subject"


@pytest.mark.django_db(transaction=True)
def test_an_erasure_is_noted_with_its_change_or_not_at_all() -> None:
    with pytest.raises(services.NotInTransaction):
        services.erase_subject(ADA, actor=world.nobody(), at=world.AT)
