"""Who is refused at each door of /access, and that nothing changes then."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone
from pytest_django import Settings

from accounts import services
from accounts.api import access_urls
from accounts.models import User
from accounts.services import KeyTerms, Mapped
from tests import world

pytestmark = pytest.mark.django_db
NOWHERE = "01h455vb4pex5vsknk084sn02q"


@dataclass(frozen=True)
class Door:
    method: str
    path: str
    body: Any = None
    least: str = "admin"
    proved: bool = False  # asks for a fresh proof
    missing: str = ""  # the code when what the path names is not there

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


GIVE = {"role": "viewer"}
WHY = {"reason": "Because."}
NO_ONE: dict[str, Any] = {"user_ids": []}
GONE = {
    "users": "user_not_found",
    "teams": "team_not_found",
    "grants": "grant_not_found",
    "mappings": "group_mapping_not_found",
}
DOORS = [
    Door("GET", "/access/users", least="manager"),
    Door("POST", "/access/users", {"email": "new@example.test"}),
    Door("GET", "/access/users/{usr}", least="manager", missing=GONE["users"]),
    Door("PATCH", "/access/users/{usr}", {"full_name": "X"}, missing=GONE["users"]),
    Door("POST", "/access/users/{usr}/disable", missing=GONE["users"]),
    Door("POST", "/access/users/{usr}/enable", missing=GONE["users"]),
    Door("POST", "/access/users/{usr}/logout-all", missing=GONE["users"]),
    Door("POST", "/access/users/{usr}/reset-2fa", WHY, proved=True, missing=GONE["users"]),
    Door("POST", "/access/users/{usr}/erase", WHY, proved=True, missing=GONE["users"]),
    Door("GET", "/access/users/{usr}/sessions", least="manager", missing=GONE["users"]),
    Door("GET", "/access/users/{usr}/grants", missing=GONE["users"]),
    Door("POST", "/access/users/{usr}/grants", GIVE, proved=True, missing=GONE["users"]),
    Door("GET", "/access/grants/{grt}", missing=GONE["grants"]),
    Door("DELETE", "/access/grants/{grt}", proved=True, missing=GONE["grants"]),
    Door("GET", "/access/teams"),
    Door("POST", "/access/teams", {"name": "New"}),
    Door("GET", "/access/teams/{tem}", missing=GONE["teams"]),
    Door("PATCH", "/access/teams/{tem}", {"name": "X"}, missing=GONE["teams"]),
    Door("DELETE", "/access/teams/{tem}", proved=True, missing=GONE["teams"]),
    Door("PUT", "/access/teams/{tem}/members", NO_ONE, proved=True, missing=GONE["teams"]),
    Door("GET", "/access/teams/{tem}/grants", missing=GONE["teams"]),
    Door("POST", "/access/teams/{tem}/grants", GIVE, proved=True, missing=GONE["teams"]),
    Door("GET", "/access/group-mappings"),
    Door("POST", "/access/group-mappings", {"claim_value": "x"} | GIVE, proved=True),
    Door("GET", "/access/group-mappings/{gmp}", missing=GONE["mappings"]),
    Door("PATCH", "/access/group-mappings/{gmp}", GIVE, proved=True, missing=GONE["mappings"]),
    Door("DELETE", "/access/group-mappings/{gmp}", proved=True, missing=GONE["mappings"]),
]  # fmt: skip
doors = pytest.mark.parametrize("door", DOORS, ids=str)
WITH_PATH = pytest.mark.parametrize("door", [door for door in DOORS if door.missing], ids=str)
WITH_PROOF = pytest.mark.parametrize("door", [door for door in DOORS if door.proved], ids=str)


@pytest.fixture
def things() -> dict[str, str]:
    """One of everything that a path names."""
    nobody, user = world.nobody(), world.person("engineer")
    team = services.create_team("Core network", actor=nobody, at=world.AT)
    services.set_members(team.id, [user.id], actor=nobody, at=world.AT)
    mapping = services.create_group_mapping(
        Mapped(provider="corp", claim_value="noc", role="engineer"), actor=nobody, at=world.AT
    )
    return {
        "usr": user.wire_id,
        "grt": user.grants.get().wire_id,
        "tem": team.wire_id,
        "gmp": mapping.wire_id,
    }


def call(client: world.Client, door: Door, things: dict[str, str]) -> HttpResponse:
    return client.request(door.method, door.path.format(**things), door.body)


def refusal(response: HttpResponse) -> tuple[int, str]:
    assert response["Content-Type"] == "application/problem+json", response.content
    assert response["Cache-Control"] == "no-store"
    return response.status_code, response.json()["code"]


def changed(before: dict[str, str]) -> set[str]:
    after = world.everything()
    return {name for name in after if after[name] != before.get(name)}


def test_every_route_is_tried() -> None:
    named = {each.name for each in access_urls.urlpatterns} - {"me-export", "me-erase"}
    paths = {door.path for door in DOORS}
    assert len(named) == len(paths)


@doors
def test_nobody_comes_in_without_signing_in(door: Door, things: dict[str, str]) -> None:
    before = world.everything()
    assert refusal(call(world.client(None), door, things)) == (401, "credentials_missing")
    assert changed(before) == set()


@doors
def test_a_role_below_the_least_is_refused(door: Door, things: dict[str, str]) -> None:
    below = "manager" if door.least == "admin" else "engineer"
    client = world.client(below)
    before = world.everything()
    answer = call(client, door, things)
    assert refusal(answer) == (403, "forbidden")
    assert answer.json()["required_role"] == door.least
    assert changed(before) == set()


@doors
def test_a_role_held_in_one_place_is_refused(door: Door, things: dict[str, str]) -> None:
    client = world.client(user=world.person("manager", region=world.region("lagos")))
    before = world.everything()
    assert refusal(call(client, door, things)) == (403, "forbidden")
    assert changed(before) == set()


@doors
def test_no_api_key_comes_in(door: Door, things: dict[str, str]) -> None:
    at = timezone.now()
    admin = world.proved(world.standing("admin"), at)
    made = services.create_api_key(KeyTerms(name="x", scopes=["admin:full"]), actor=admin, at=at)
    client = world.Client()
    client.headers = {"X-API-Key": made.raw_key}
    before = world.everything()
    assert refusal(call(client, door, things)) == (403, "forbidden")
    assert changed(before) <= {"accounts_apikey"}  # that it was used


@doors
def test_who_owes_a_second_factor_is_refused(
    door: Door, things: dict[str, str], settings: Settings
) -> None:
    settings.MFA_REQUIRED_ROLES = ("manager", "admin")
    client = world.client("admin")
    before = world.everything()
    assert refusal(call(client, door, things)) == (403, "second_factor_required")
    assert changed(before) == set()


def stale(user: User) -> world.Client:
    at = timezone.now()
    session = world.session(user, reauthenticated_at=at - timedelta(minutes=15, seconds=5))
    return world.Client(world.access_token(user, of=session))


@WITH_PROOF
def test_a_proof_older_than_a_quarter_of_an_hour_is_refused(
    door: Door, things: dict[str, str]
) -> None:
    client = stale(world.standing("admin"))
    before = world.everything()
    assert refusal(call(client, door, things)) == (401, "reauthentication_required")
    assert changed(before) == set()


@pytest.mark.parametrize("door", [door for door in DOORS if not door.proved], ids=str)
def test_what_changes_no_rights_asks_for_no_proof(door: Door, things: dict[str, str]) -> None:
    assert call(stale(world.standing("admin")), door, things).status_code < 300


def test_a_colleague_with_a_role_takes_a_proof() -> None:
    client = stale(world.standing("admin"))
    given = {"email": "new@example.test", "role": "admin"}
    for path in ("/access/users", "/auth/register"):
        answer = client.post(path, given | {"password": world.PASSWORD})
        assert refusal(answer) == (401, "reauthentication_required")
    assert not User.objects.filter(email="new@example.test").exists()


@WITH_PATH
def test_what_is_not_there_is_not_found(door: Door, things: dict[str, str]) -> None:
    client = world.client("admin")
    before = world.everything()
    unknown = {prefix: f"{prefix}_{NOWHERE}" for prefix in things}
    assert refusal(call(client, door, unknown)) == (404, door.missing)
    assert changed(before) == set()


@WITH_PATH
def test_a_malformed_id_is_told(door: Door, things: dict[str, str]) -> None:
    client = world.client("admin")
    before = world.everything()
    for wrong in ("nonsense", f"site_{NOWHERE}", "usr_", "%00"):
        answer = call(client, door, dict.fromkeys(things, wrong))
        assert refusal(answer) in {(400, "malformed_id"), (422, "forbidden_character")}
    assert changed(before) == set()


@doors
def test_it_answers_with_a_slash_and_is_not_cached(door: Door, things: dict[str, str]) -> None:
    answer = world.client("admin").request(door.method, door.path.format(**things) + "/", door.body)
    assert answer.status_code < 300, answer.content
    assert answer["Cache-Control"] == "no-store"
