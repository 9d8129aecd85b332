"""How people like their screens."""

from typing import Any

import pytest
from django.http import HttpResponse

from accounts import services
from accounts.models import User
from accounts.policy import preferences as rules
from audit.models import Entry
from core.errors import PreconditionFailed
from tests import world
from tests.accounts import codes

pytestmark = pytest.mark.django_db
AT = world.AT
PATH = "/user/preferences"


def problem(answer: HttpResponse) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def user() -> User:
    return world.person()


@pytest.fixture
def client(user: User) -> world.Client:
    return world.client(user=user)


def test_without_any_there_are_defaults(client: world.Client) -> None:
    assert client.get(PATH).json() == {
        "onboardingTourDone": False,
        "tableDensity": "default",
        "columnVisibility": {},
        "outageFilterPresets": [],
    }


def test_they_are_replaced_whole_and_told_over_the_defaults(client: world.Client) -> None:
    client.put(PATH, {"tableDensity": "compact", "my own": [1, {"x": None}]})
    answer = client.put(PATH, {"onboardingTourDone": True, "theme": "dark"})
    assert answer.status_code == 200
    assert answer.json() == client.get(PATH).json()
    assert answer.json() == {**rules.DEFAULTS, "onboardingTourDone": True, "theme": "dark"}
    assert client.put(PATH, {}).json() == dict(rules.DEFAULTS)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -1.5,
        1e-300,
        1e16,
        2**63 - 1,
        "",
        "ä\U0001f4a9",
        [],
        {},
        [[[{"a": 1}]]],
        "<x>",
    ],
    ids=str,
)
def test_any_value_comes_back_as_it_was(client: world.Client, value: Any) -> None:
    answer = client.put(PATH, {"x": value})
    assert answer.json()["x"] == value
    fetched = client.get(PATH)
    assert fetched.json()["x"] == value
    assert fetched["ETag"] == answer["ETag"]


def deep(levels: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for _ in range(levels - 1):
        made = {"a": made}
    return made


def large(size: int) -> dict[str, str]:
    return {"a": "x" * (size - len('{"a":""}'))}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (deep(8), ""),
        (deep(9), "preferences_too_large"),
        ({"a": [[[[[[["x"]]]]]]]}, ""),
        ({"a": [[[[[[[[]]]]]]]]}, "preferences_too_large"),
        (large(16 * 1024), ""),
        (large(16 * 1024 + 1), "preferences_too_large"),
        ({"a": "ä" * 8200}, "preferences_too_large"),
        ({"a": "\x00"}, "forbidden_character"),
        ({"a": {"\x1b": 1}}, "forbidden_character"),
        ({"a": [[[[[[["\x00"]]]]]]]}, "forbidden_character"),
        ({"a": 1e22}, "validation_failed"),
        ({"a": -(2**70)}, "validation_failed"),
        ([], "validation_failed"),
        (b'"x"', "validation_failed"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_can_be_kept(client: world.Client, given: Any, code: str) -> None:
    before = world.everything()
    answer = client.put(PATH, given)
    if code:
        assert problem(answer) == (422, code)
        assert world.everything() == before
    else:
        assert answer.status_code == 200


def test_a_reader_who_has_them_is_told_so(client: world.Client) -> None:
    tag = client.get(PATH)["ETag"]
    assert client.get(PATH, If_None_Match=tag).status_code == 304
    client.put(PATH, {"tableDensity": "compact"})
    changed = client.get(PATH, If_None_Match=tag)
    assert (changed.status_code, changed["ETag"] != tag) == (200, True)
    assert changed["Cache-Control"] == "private, no-cache"


def test_a_writer_who_saw_others_is_refused(client: world.Client) -> None:
    tag = client.get(PATH)["ETag"]
    assert client.put(PATH, {"a": 1}, If_Match=tag).status_code == 200
    before = world.everything()
    refused = client.put(PATH, {"a": 2}, If_Match=tag)
    assert problem(refused) == (412, "precondition_failed")
    assert world.everything() == before
    assert client.put(PATH, {"a": 2}, If_Match="*").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_writers_who_saw_the_same_one_wins() -> None:
    user = world.person()
    actor, seen = codes.caller(user), rules.version_of({})

    def save(number: int) -> bool:
        try:
            services.save_preferences({"n": number}, actor=actor, at=AT, expected=seen)
        except PreconditionFailed:
            return False
        return True

    assert sum(world.at_once(8, save)) == 1


def test_the_log_tells_that_they_changed_and_not_how(client: world.Client) -> None:
    client.put(PATH, {"tableDensity": "compact"})
    entry = Entry.objects.get(action="accounts.save_preferences")
    assert "compact" not in entry.body
    before = world.everything()
    client.put(PATH, {"tableDensity": "compact"})
    assert world.everything() == before


def test_everybody_has_their_own(client: world.Client) -> None:
    client.put(PATH, {"a": 1})
    assert "a" not in world.client("manager").get(PATH).json()


def test_without_signing_in_there_are_none() -> None:
    assert problem(world.Client().get(PATH)) == (401, "credentials_missing")


def test_no_key_opens_them(user: User) -> None:
    key = world.api_key(user).raw_key
    assert problem(world.Client().put(PATH, {}, X_API_Key=key)) == (403, "forbidden")


def test_a_repeat_with_a_key_is_the_same_answer(client: world.Client) -> None:
    first = client.put(PATH, {"a": 1}, Idempotency_Key="k")
    again = client.put(PATH, {"a": 1}, Idempotency_Key="k")
    assert again["Idempotency-Replayed"] == "true"
    assert again.content == first.content
