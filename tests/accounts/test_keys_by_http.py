import re
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import services
from accounts.models import ApiKey, User
from core.models import IdempotencyKey
from tests import world

pytestmark = pytest.mark.django_db
ASKED = {"name": "Monitoring", "scopes": ["sla:read", "outages:read"]}


@pytest.fixture
def user() -> User:
    return world.person("engineer")


@pytest.fixture
def client(user: User) -> world.Client:
    return world.client(user=user)


def code(answer: HttpResponse) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_key_is_made_shown_and_used(client: world.Client, user: User) -> None:
    answer = client.post("/api-keys", ASKED | {"networks": ["127.0.0.0/8"], "rate_rpm": 60})
    assert answer.status_code == 201
    told = answer.json()
    assert re.fullmatch(r"noc_[0-9a-hjkmnp-tv-z]{12}_[A-Za-z0-9_-]{43}", told["raw_key"])
    assert told | {"raw_key": "", "created_at": "", "expires_at": ""} == {
        "id": told["id"],
        "name": "Monitoring",
        "prefix": told["raw_key"][:16],
        "user_id": user.wire_id,
        "scopes": ["outages:read", "sla:read"],
        "networks": ["127.0.0.0/8"],
        "rate_rpm": 60,
        "created_at": "",
        "expires_at": "",
        "last_used_at": None,
        "revoked_at": None,
        "replaced_by": None,
        "raw_key": "",
    }
    assert answer["Location"] == f"/api/v1/api-keys/{told['id']}"
    assert answer["Cache-Control"] == "no-store"
    assert world.Client(told["raw_key"]).get("/outages").status_code == 200
    shown = client.get(f"/api-keys/{told['id']}").json()
    assert "raw_key" not in shown
    assert shown["last_used_at"] is not None


def test_a_repeated_request_makes_one_key_and_shows_it_once(client: world.Client) -> None:
    first = client.post("/api-keys", ASKED, Idempotency_Key="one")
    again = client.post("/api-keys", ASKED, Idempotency_Key="one")
    assert ApiKey.objects.count() == 1
    assert again["Idempotency-Replayed"] == "true"
    assert again.json() == first.json() | {"raw_key": None}
    assert first.json()["raw_key"].encode() not in bytes(IdempotencyKey.objects.get().body)


def test_a_repeat_whose_first_answer_was_lost_shows_none_either(client: world.Client) -> None:
    first = client.post("/api-keys", ASKED, Idempotency_Key="one")
    IdempotencyKey.objects.update(body=None, created_at=timezone.now() - timedelta(minutes=1))
    again = client.post("/api-keys", ASKED, Idempotency_Key="one")
    assert again.json() == first.json() | {"raw_key": None}


@pytest.mark.parametrize(
    ("change", "expected", "pointer"),
    [
        ({"name": ""}, "validation_failed", "/name"),
        ({"scopes": []}, "key_scope_unknown", None),
        ({"scopes": ["outages:read", "x"]}, "key_scope_unknown", "/scopes/1"),
        ({"scopes": "outages:read"}, "validation_failed", "/scopes"),
        ({"networks": ["10.0.0.1/8"]}, "validation_failed", "/networks/0"),
        ({"networks": [f"10.0.{n}.0/24" for n in range(11)]}, "validation_failed", "/networks"),
        ({"rate_rpm": 0}, "validation_failed", "/rate_rpm"),
        ({"expires_at": "2126-01-01T00:00:00Z"}, "expiry_too_far", None),
        ({"expires_at": "2016-01-01T00:00:00Z"}, "validation_failed", "/expires_at"),
    ],
)
def test_what_cannot_be_is_refused(
    client: world.Client, change: dict[str, object], expected: str, pointer: str | None
) -> None:
    answer = client.post("/api-keys", ASKED | change)
    assert code(answer) == (422, expected)
    assert [each["pointer"] for each in answer.json().get("errors", [])][:1] == (
        [pointer] if pointer else []
    )
    assert not ApiKey.objects.exists()


def test_an_unknown_scope_tells_which_there_are(client: world.Client) -> None:
    answer = client.post("/api-keys", ASKED | {"scopes": ["x"]})
    assert "outages:read" in answer.json()["errors"][0]["allowed"]


def test_a_key_is_replaced(client: world.Client, user: User) -> None:
    made = world.api_key(user)
    answer = client.post(f"/api-keys/{made.key.wire_id}/rotate", {"overlap_hours": 2})
    told = answer.json()
    assert answer.status_code == 201
    assert answer["Location"] == f"/api/v1/api-keys/{told['id']}"
    for raw_key in (made.raw_key, told["raw_key"]):
        assert world.Client(raw_key).get("/outages").status_code == 200
    old = client.get(f"/api-keys/{made.key.wire_id}").json()
    assert old["replaced_by"] == told["id"]
    again = client.post(f"/api-keys/{made.key.wire_id}/rotate")
    assert code(again) == (409, "key_ended")


@pytest.mark.parametrize("hours", [-1, 169, "soon"])
def test_an_overlap_lasts_a_week_at_most(client: world.Client, user: User, hours: object) -> None:
    key = world.api_key(user).key.wire_id
    answer = client.post(f"/api-keys/{key}/rotate", {"overlap_hours": hours})
    assert code(answer) == (422, "validation_failed")


def test_without_a_word_the_old_key_goes_on_for_a_day(client: world.Client, user: User) -> None:
    key = world.api_key(user).key
    assert client.post(f"/api-keys/{key.wire_id}/rotate").status_code == 201
    key.refresh_from_db()
    rest = key.expires_at - timezone.now()
    assert timedelta(hours=23, minutes=59) < rest <= timedelta(hours=24)


def test_a_key_is_revoked_and_twice_is_harmless(client: world.Client, user: User) -> None:
    made = world.api_key(user)
    for _ in range(2):
        assert client.delete(f"/api-keys/{made.key.wire_id}?reason=leaked").status_code == 204
    assert code(world.Client(made.raw_key).get("/outages")) == (401, "credentials_invalid")


def test_the_keys_of_others_are_not_there(client: world.Client) -> None:
    other = world.person("viewer")
    key = world.api_key(other).key.wire_id
    for answer in (
        client.get(f"/api-keys/{key}"),
        client.delete(f"/api-keys/{key}"),
        client.post(f"/api-keys/{key}/rotate"),
    ):
        assert code(answer) == (404, "key_not_found")
    assert code(client.get("/api-keys", {"user_id": other.wire_id})) == (403, "forbidden")
    asked = ASKED | {"user_id": other.wire_id}
    assert code(client.post("/api-keys", asked)) == (403, "forbidden")
    assert code(client.get("/api-keys/usr_x")) == (400, "malformed_id")


def test_an_administrator_has_the_keys_of_others_in_hand(user: User) -> None:
    admin = world.client("admin")
    answer = admin.post("/api-keys", ASKED | {"user_id": user.wire_id})
    key = answer.json()["id"]
    listed = admin.get("/api-keys", {"user_id": user.wire_id}).json()["items"]
    assert [each["id"] for each in listed] == [key]
    assert admin.get(f"/api-keys/{key}").status_code == 200
    assert admin.post(f"/api-keys/{key}/rotate").status_code == 201
    assert admin.delete(f"/api-keys/{key}").status_code == 204
    assert admin.get("/api-keys").json()["items"] == []


def test_the_list_is_ones_own_newest_first(client: world.Client, user: User) -> None:
    world.api_key(world.person())
    first, second = world.api_key(user), world.api_key(user)
    services.revoke_api_key(first.key.id, actor=world.nobody(), at=timezone.now())
    told = client.get("/api-keys").json()
    assert [each["id"] for each in told["items"]] == [second.key.wire_id, first.key.wire_id]
    assert not any("raw_key" in each or "hash" in each for each in told["items"])
    live = client.get("/api-keys", {"is_live": "true"}).json()["items"]
    assert [each["id"] for each in live] == [second.key.wire_id]
    ended = client.get("/api-keys", {"is_live": "false"}).json()["items"]
    assert [each["id"] for each in ended] == [first.key.wire_id]


def test_the_list_costs_the_same_however_long(
    client: world.Client, user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        world.api_key(user)
    with django_assert_num_queries(2):  # the actor; the page
        client.get("/api-keys")


@pytest.mark.parametrize("method", ["post", "delete", "rotate"])
def test_a_stale_session_proves_itself_first(user: User, method: str) -> None:
    made = world.api_key(user)
    long_ago = timezone.now() - timedelta(minutes=16)
    session = world.session(user, reauthenticated_at=long_ago)
    client = world.Client(world.access_token(user, session))
    before = world.everything()
    if method == "post":
        answer = client.post("/api-keys", ASKED)
    elif method == "delete":
        answer = client.delete(f"/api-keys/{made.key.wire_id}")
    else:
        answer = client.post(f"/api-keys/{made.key.wire_id}/rotate")
    assert code(answer) == (401, "reauthentication_required")
    assert world.everything() == before


def test_nobody_makes_keys_without_signing_in() -> None:
    assert code(world.Client().post("/api-keys", ASKED)) == (401, "credentials_missing")
