"""Many rows in few statements: what is written, and what collides."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from core import inserting
from core.ids import uuid7
from core.models import EventRow, IdempotencyKey, ReactionRow
from tests import world

COLUMNS = ("id", "type", "subject", "payload", "correlation_id", "occurred_at")
KEY_COLUMNS = ("id", "actor_id", "method", "path", "key", "fingerprint", "location", "subject")
FEW_AND_MANY = pytest.mark.parametrize("count", [1, 3, inserting.FEW, inserting.FEW + 1, 400])


def events(count: int, text: str = "x") -> list[tuple[Any, ...]]:
    return [(uuid7(), "thing.changed", f"{text} {n}", text, "c", world.AT) for n in range(count)]


def keys(count: int, start: int = 0) -> list[tuple[Any, ...]]:
    return [(uuid7(), "usr_1", "POST", "/x", f"k{start + n}", "f", "", "") for n in range(count)]


@pytest.mark.django_db
@FEW_AND_MANY
def test_every_row_is_written_as_given(count: int) -> None:
    rows = events(count, "tab\t, newline\n, \\N, \\. and \U0001f600")
    inserting.insert(EventRow, COLUMNS, rows)
    stored = EventRow.objects.values_list("id", "subject", "payload", "occurred_at")
    assert set(stored) == {(row[0], row[2], row[3], row[5]) for row in rows}
    inserting.insert(EventRow, COLUMNS, [])


@pytest.mark.django_db
@pytest.mark.parametrize("count", [3, 400])
def test_it_takes_one_statement(count: int, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        inserting.insert(EventRow, COLUMNS, events(count))


@pytest.mark.django_db
@FEW_AND_MANY
def test_what_is_new_is_written_and_named(count: int) -> None:
    known, new = keys(count), keys(count, start=count)
    inserting.insert(IdempotencyKey, KEY_COLUMNS, known)
    again = [(uuid7(), *row[1:]) for row in known]
    written = inserting.insert_new(IdempotencyKey, KEY_COLUMNS, [*again, *new, *again])
    assert written == {row[0] for row in new}
    assert IdempotencyKey.objects.count() == 2 * count
    assert inserting.insert_new(IdempotencyKey, KEY_COLUMNS, again) == set()


@pytest.mark.django_db
@FEW_AND_MANY
def test_where_nothing_is_known_all_is_written(count: int) -> None:
    rows = keys(count)
    assert inserting.insert_new(IdempotencyKey, KEY_COLUMNS, rows) == {row[0] for row in rows}


@pytest.mark.django_db
@pytest.mark.parametrize("count", [2, 400])
def test_a_broken_rule_is_an_integrity_error_and_undoes_all(count: int) -> None:
    rows = keys(count)
    for write in (inserting.insert, inserting.insert_new):
        with pytest.raises(IntegrityError), transaction.atomic():
            write(IdempotencyKey, KEY_COLUMNS, [*rows, (uuid7(), None, *rows[0][2:])])
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_insert_the_same_one_does() -> None:
    def call(_: int) -> int:
        with transaction.atomic():
            return len(inserting.insert_new(IdempotencyKey, KEY_COLUMNS, keys(300)))

    assert sorted(world.at_once(3, call)) == [0, 0, 300]
    assert IdempotencyKey.objects.count() == 300


@pytest.mark.django_db
def test_small_writes_go_together(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1), inserting.together():
        inserting.insert(EventRow, COLUMNS, events(2))
        inserting.insert(IdempotencyKey, KEY_COLUMNS, keys(2))
    assert (EventRow.objects.count(), IdempotencyKey.objects.count()) == (2, 2)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@pytest.mark.django_db
@pytest.mark.parametrize("true", [True, False])
def test_a_row_with_a_condition_is_written_where_it_holds(true: bool) -> None:
    told: list[str] = []
    with inserting.together():
        (row,) = events(1)
        condition = ("EXISTS (SELECT 1 WHERE %s::int = 7)", [7 if true else 8])
        inserting.insert_where(EventRow, COLUMNS, row, condition, lambda: told.append("here"))
        inserting.insert(IdempotencyKey, KEY_COLUMNS, keys(2))
        assert told == []
    assert EventRow.objects.filter(id=row[0]).exists() is true
    assert told == (["here"] if true else [])
    assert IdempotencyKey.objects.count() == 2


@pytest.mark.django_db
def test_what_goes_together_may_refer_to_each_other() -> None:
    (event,) = events(1)
    reaction = (uuid7(), event[0], "tests.hear", "done", 1, "", world.AT)
    columns = ("id", "event_id", "reaction", "status", "attempts", "last_error", "done_at")
    with inserting.together():
        inserting.insert(ReactionRow, columns, [reaction])
        inserting.insert(EventRow, COLUMNS, [event])
    assert ReactionRow.objects.get().event_id == event[0]


@pytest.mark.django_db
def test_of_what_goes_together_nothing_stays_where_one_is_refused() -> None:
    def write() -> None:
        with transaction.atomic(), inserting.together():
            inserting.insert(EventRow, COLUMNS, events(1))
            inserting.insert(IdempotencyKey, KEY_COLUMNS, keys(1) * 2)

    with pytest.raises(IntegrityError):
        write()
    assert (EventRow.objects.count(), IdempotencyKey.objects.count()) == (0, 0)
