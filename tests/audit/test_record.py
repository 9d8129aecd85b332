"""One entry for each act, in the transaction of the change, and no way to alter it afterwards."""

import json
from typing import Any

import pytest
import rfc8785
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import queries, services
from audit.models import Entry
from core.actors import Actor
from core.ids import uuid7
from tests import world


def record(**given: Any) -> queries.EntryView:
    told = {
        "action": "things.change",
        "subject": ("thing", "thg_1"),
        "actor": world.nobody(),
        "at": world.AT,
    }
    with transaction.atomic():
        entry_id = services.record(**told | given)
    return queries.view(Entry.objects.get(id=entry_id))


@pytest.mark.django_db
def test_an_entry_says_who_what_and_when() -> None:
    entry = record(before={"a": 1}, after={"a": 2}, reason="Why not.")
    assert (entry.at, entry.action) == ("2026-01-05T12:00:00.000000Z", "things.change")
    assert (entry.actor["id"], entry.subject["id"]) == ("tests", "thg_1")
    assert (entry.before, entry.after, entry.reason) == ({"a": 1}, {"a": 2}, "Why not.")


@pytest.mark.django_db
def test_a_thing_finds_its_entry_however_much_else_it_concerns() -> None:
    entry = record(subject=("thing", "zzz_1"), links=[f"aaa_{n:03}" for n in range(100)])
    assert [queries.view(each).id for each in queries.timeline("zzz_1")] == [entry.id]
    (links,) = Entry.objects.values_list("links", flat=True)
    assert links == sorted(["zzz_1", *(f"aaa_{n:03}" for n in range(services.MOST_LINKS - 1))])


@pytest.mark.django_db
def test_a_thing_finds_what_concerns_it() -> None:
    entry = record(links=["thg_2"])
    assert [queries.view(each).id for each in queries.timeline("thg_2")] == [entry.id]
    assert [queries.view(each).id for each in queries.timeline("thg_1")] == [entry.id]
    assert not queries.timeline("thg_3")


@pytest.mark.django_db
def test_who_stands_behind_an_impersonator_is_found_too() -> None:
    record(actor=Actor(id="usr_seen", kind="person", impersonator="usr_real"))
    assert queries.who_touched("thg_1") == {"usr_seen", "usr_real"}


@pytest.mark.django_db
def test_secrets_are_not_kept() -> None:
    entry = record(after={"new_secret": "whsec_abcdefgh12345678", "secret_version": 2})
    assert entry.after == {"new_secret": "[redacted]", "secret_version": 2}


@pytest.mark.django_db
def test_a_large_value_is_kept_as_its_hash() -> None:
    after = record(after={"small": "x", "large": "y" * 9000}).after
    assert after["small"] == "x"
    assert (after["large"]["truncated"], after["large"]["bytes"]) == (True, 9002)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_recorded_outside_a_transaction() -> None:
    with pytest.raises(services.NotInTransaction):
        services.record(
            action="things.change", subject=("thing", "1"), actor=world.nobody(), at=world.AT
        )


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entry SET body = body", "DELETE FROM audit_entry"]
)
def test_an_entry_cannot_be_changed(statement: str) -> None:
    record()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Entry.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("claimed", [None, "01a1faa2-b26f-720d-9fe3-72915c0a8dc9"])
def test_a_row_is_called_as_its_text_says(claimed: str | None) -> None:
    record()
    body = json.loads(Entry.objects.get().body)
    body.pop("id")
    if claimed:
        body["id"] = claimed
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_entry (id, body) VALUES (%s, %s)", [uuid7(), json.dumps(body)]
        )


_texts = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00")
    | st.sampled_from('\n"\\\u2028\U0001f600'),
    max_size=20,
)
_values = st.dictionaries(_texts, st.none() | st.integers(-9, 9) | _texts | st.lists(_texts))


@pytest.mark.django_db
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(after=_values, before=st.none() | _values, reason=_texts, links=st.lists(_texts, max_size=4))
def test_the_stored_text_is_canonical(
    after: dict[str, Any], before: dict[str, Any] | None, reason: str, links: list[str]
) -> None:
    with transaction.atomic():
        entry_id = services.record(
            action="things.change",
            subject=("thing", "thg_1"),
            actor=world.nobody(),
            at=world.AT,
            after=after,
            before=before,
            reason=reason,
            links=links,
        )
    body = Entry.objects.get(id=entry_id).body
    assert body.encode() == rfc8785.dumps(json.loads(body))


@pytest.mark.django_db
def test_many_entries_are_written_as_one_is() -> None:
    told = {"subject": ("thing", "thg_1"), "actor": world.nobody(), "at": world.AT}
    records = [
        services.Record(action="things.change", after={"n": n}, links=[f"thg_{n}"], **told)
        for n in range(120)
    ]
    with transaction.atomic():
        ids = services.record_many(records)
    entries = {entry.id: queries.view(entry) for entry in Entry.objects.all()}
    assert [entries[each].after for each in ids] == [{"n": n} for n in range(120)]
    assert [entries[each].links for each in ids[2:]] == [
        sorted(["thg_1", f"thg_{n}"]) for n in range(2, 120)
    ]
