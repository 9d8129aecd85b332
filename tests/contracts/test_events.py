"""What subscribers rely on: one golden payload per public event, true to its schema."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import TypeAdapter

from core import events

GOLDEN = Path(__file__).parent / "events"
PUBLIC = {type_: cls for type_, cls in events.catalogue().items() if cls.public}


def schema(type_: str) -> dict[str, Any]:
    return TypeAdapter(PUBLIC[type_]).json_schema(mode="serialization", by_alias=True)


def golden(type_: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads((GOLDEN / f"{type_}.json").read_text())
    return payload


def test_there_is_a_golden_payload_for_each_public_event_and_no_other() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(PUBLIC)


@pytest.mark.parametrize("type_", sorted(PUBLIC))
def test_the_golden_payload_follows_the_schema(type_: str) -> None:
    jsonschema.validate(golden(type_), schema(type_))


@pytest.mark.parametrize("type_", sorted(PUBLIC))
def test_no_member_was_added_or_lost_without_the_golden_payload(type_: str) -> None:
    assert set(golden(type_)) == set(schema(type_)["properties"])


@pytest.mark.parametrize("type_", sorted(PUBLIC))
def test_the_golden_payload_is_read_back_as_the_same_event(type_: str) -> None:
    event = TypeAdapter(PUBLIC[type_]).validate_python(golden(type_))
    assert event.data() == golden(type_)


@pytest.mark.parametrize("type_", sorted(PUBLIC))
def test_the_context_is_its_top_level_ids(type_: str) -> None:
    event = TypeAdapter(PUBLIC[type_]).validate_python(golden(type_))
    ids = {name: value for name, value in golden(type_).items() if name.endswith("_id")}
    assert event.context() == {name: str(value) for name, value in ids.items() if value}


@pytest.mark.parametrize("type_", sorted(PUBLIC))
def test_no_member_is_named_like_a_secret(type_: str) -> None:
    names = json.dumps(schema(type_)).lower()
    assert not any(word in names for word in ('"secret', '"password', '"token', '"private_key'))
