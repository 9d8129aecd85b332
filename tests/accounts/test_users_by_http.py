"""/access/users: who there is, and what administrators do to their accounts."""

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import services
from accounts.api.access_forms import AccountResponse, ErasedResponse
from accounts.api.own_account_forms import OwnSessionResponse
from accounts.models import Grant, OneTimeDevice, Session, User
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def listed(query: dict[str, Any] | None = None, role: str = "manager") -> dict[str, Any]:
    answer = world.client(role).get("/access/users", query)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def emails(**query: Any) -> list[str | None]:
    found = listed({"sort": "email"} | query)["items"]
    return [item["email"] for item in found]


def problem(response: HttpResponse) -> tuple[int, str]:
    assert response["Content-Type"] == "application/problem+json", response.content
    return response.status_code, response.json()["code"]


def with_device(user: User) -> User:
    OneTimeDevice.objects.create(user=user, sealed=b"x", created_at=AT, confirmed_at=AT)
    return user


@pytest.fixture
def people() -> dict[str, User]:
    ada = world.person("engineer", email="ada@x.test", full_name="Ada Obi")
    ben = with_device(world.person("viewer", email="ben@x.test", full_name="Ben 100% Okoro"))
    team = services.create_team("Core network", actor=world.nobody(), at=AT)
    services.set_members(team.id, [ben.id], actor=world.nobody(), at=AT)
    services.grant_team_role(team.id, "manager", actor=world.nobody(), at=AT)
    cleo = world.person(None, email="cleo@x.test", full_name="Cleo_Eze")
    services.disable_user(cleo.id, actor=world.nobody(), at=AT)
    world.standing("manager")  # who asks
    return {"ada": ada, "ben": ben, "cleo": cleo}


def test_an_account_is_told_whole(people: dict[str, User]) -> None:
    ben = people["ben"]
    told = world.client("manager").get(f"/access/users/{ben.wire_id}").json()
    assert list(told) == list(AccountResponse().fields)
    team = told.pop("teams")
    assert [each["name"] for each in team] == ["Core network"]
    assert told == {
        "id": ben.wire_id,
        "kind": "person",
        "status": "active",
        "email": "ben@x.test",
        "full_name": "Ben 100% Okoro",
        "role": "manager",
        "two_factor": True,
        "stellar_wallet": None,
        "timezone": "UTC",
        "last_login_at": None,
        "created_at": "2020-01-01T00:00:00Z",
    }
    assert world.client("manager").get(f"/access/users/{ben.id}").json()["id"] == ben.wire_id


ALL = ["ada@x.test", "ben@x.test", "cleo@x.test", "manager@example.test"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ALL),
        ({"search": "ADA@"}, ["ada@x.test"]),
        ({"search": "okoro"}, ["ben@x.test"]),
        ({"search": "100%"}, ["ben@x.test"]),
        ({"search": "o_E"}, ["cleo@x.test"]),
        ({"search": "nobody"}, []),
        ({"role": "engineer"}, ["ada@x.test"]),
        ({"role": "manager"}, ["ben@x.test", "manager@example.test"]),
        ({"role": "viewer"}, []),
        ({"role": "none"}, ["cleo@x.test"]),
        ({"role": "ENGINEER,none"}, ["ada@x.test", "cleo@x.test"]),
        ({"status": "disabled"}, ["cleo@x.test"]),
        ({"status": ["active", "disabled"]}, ALL),
        ({"mfa": "true"}, ["ben@x.test"]),
        ({"mfa": "false", "status": "active"}, ["ada@x.test", "manager@example.test"]),
        ({"kind": "service"}, []),
        ({"sort": "-full_name", "search": "x.test"}, ["cleo@x.test", "ben@x.test", "ada@x.test"]),
    ],
)
def test_the_list_is_narrowed(
    query: dict[str, Any], expected: list[str], people: dict[str, User]
) -> None:
    assert emails(**query) == expected


def test_somebody_is_found_by_id(people: dict[str, User]) -> None:
    ada = people["ada"]
    assert emails(search=ada.wire_id) == emails(search=str(ada.id)) == ["ada@x.test"]


@pytest.mark.parametrize(
    "query", [{"role": "king"}, {"status": "gone"}, {"mfa": "maybe"}, {"search": "x" * 255}]
)
def test_a_filter_that_cannot_be_is_told(query: dict[str, str]) -> None:
    answer = world.client("manager").get("/access/users", query)
    assert problem(answer) == (422, "validation_failed")
    assert answer.json()["errors"][0]["in"] == "query"


def test_a_role_that_has_run_out_is_not_the_one_they_hold(people: dict[str, User]) -> None:
    Grant.objects.filter(user=people["ada"]).update(valid_until=AT)
    assert emails(role="engineer") == []
    assert "ada@x.test" in emails(role="none")


@pytest.mark.parametrize("sort", ["created_at", "full_name", "email", "last_login_at"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_a_walk_meets_everybody_once(sort: str, direction: str, people: dict[str, User]) -> None:
    User.objects.filter(id=people["ada"].id).update(last_login_at=AT)
    for number in range(2):  # who have no e-mail
        services.create_service_account(
            full_name=f"Probe {number}", responsible_id=people["ada"].id,
            actor=world.nobody(), at=AT,
        )  # fmt: skip
    met, cursor = [], ""
    while cursor is not None:
        body = listed({"cursor": cursor, "limit": 2, "sort": f"{sort}:{direction}"})
        met += [item["id"] for item in body["items"]]
        cursor = body["next_cursor"]
    assert len(met) == 6
    assert set(met) == {user.wire_id for user in User.objects.all()}


@pytest.mark.parametrize("paging", [{}, {"cursor": ""}])
def test_the_list_costs_the_same_for_many(
    paging: dict[str, str],
    people: dict[str, User],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = world.client("manager")
    query = {"page_size": 100, "role": "engineer,manager"} | paging
    client.get("/access/users", query)
    with django_assert_num_queries(5) as few:
        client.get("/access/users", query)
    team = services.create_team("Others", actor=world.nobody(), at=AT)
    others = [world.person("engineer") for _ in range(20)]
    services.set_members(team.id, [each.id for each in others], actor=world.nobody(), at=AT)
    with django_assert_num_queries(len(few)):
        body = client.get("/access/users", query).json()
    assert len(body["items"]) == 23


# --- POST /access/users ---------------------------------------------------------------------------
def test_a_colleague_is_added_with_a_role() -> None:
    given = {"email": " Eng@Example.COM ", "full_name": "Ada Obi", "role": "engineer"}
    answer = world.client("admin").post("/access/users", given)
    told = answer.json()
    assert answer.status_code == 201
    assert answer["Location"] == f"/api/v1/access/users/{told['id']}"
    assert (told["email"], told["role"], told["status"]) == (
        "eng@example.com",
        "engineer",
        "active",
    )
    assert not User.objects.get(email="eng@example.com").has_usable_password()
    assert world.client("admin").get(f"/access/users/{told['id']}").json() == told


def test_vector_9_an_email_is_taken_however_it_is_spelled() -> None:
    client = world.client("admin")
    assert client.post("/access/users", {"email": " Eng@Example.COM "}).status_code == 201
    before = world.everything()
    answer = client.post("/access/users", {"email": "eng@example.com"})
    assert problem(answer) == (409, "email_taken")
    assert world.everything() == before


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({}, (422, "validation_failed")),
        ({"email": "nonsense"}, (422, "invalid_email")),
        ({"email": "a@b.test", "password": "short"}, (422, "password_too_weak")),
        ({"email": "a@b.test", "role": "king"}, (422, "validation_failed")),
        ({"email": "a@b.test", "full_name": "x" * 256}, (422, "validation_failed")),
    ],
)
def test_who_cannot_be_added_is_not(given: dict[str, str], refusal: tuple[int, str]) -> None:
    client = world.client("admin")
    before = world.everything()
    assert problem(client.post("/access/users", given)) == refusal
    assert world.everything() == before


def test_hidden_members_have_no_effect() -> None:
    given = {"email": "a@b.test", "kind": "service", "status": "disabled", "is_staff": True}
    told = world.client("admin").post("/access/users", given | {"id": "usr_1"}).json()
    assert (told["kind"], told["status"], told["role"]) == ("person", "active", None)


def test_the_same_key_adds_one_colleague() -> None:
    client, given = world.client("admin"), {"email": "a@b.test"}
    answers = [client.post("/access/users", given, Idempotency_Key="one") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert User.objects.filter(email="a@b.test").count() == 1


# --- PATCH and the verbs --------------------------------------------------------------------------
def test_a_name_is_corrected_and_a_role_is_not_changed_so() -> None:
    user, client = world.person("viewer"), world.client("admin")
    path = f"/access/users/{user.wire_id}"
    told = client.patch(path, {"full_name": " Ada Obi ", "role": "admin", "email": "x@y.test"})
    assert told.status_code == 200
    assert (told.json()["full_name"], told.json()["role"]) == ("Ada Obi", "viewer")
    assert told.json()["email"] == user.email
    before = world.everything()
    for body in ({"role": "admin"}, {"full_name": None}, {}):
        assert problem(client.patch(path, body)) == (422, "nothing_to_change")
    assert problem(client.patch(path, {"full_name": ""})) == (422, "validation_failed")
    assert world.everything() == before


def test_somebody_is_shut_out_and_let_in_again() -> None:
    user, client = world.person("viewer"), world.client("admin")
    theirs = world.client(user=user)
    path = f"/access/users/{user.wire_id}"
    told = client.post(f"{path}/disable", {"reason": "left us"})
    assert (told.status_code, told.json()["status"]) == (200, "disabled")
    assert problem(theirs.get("/auth/me"))[0] == 401
    assert client.post(f"{path}/enable").json()["status"] == "active"


def test_the_last_administrator_is_kept() -> None:
    client, admin = world.client("admin"), world.standing("admin")
    before = world.everything()
    path = f"/access/users/{admin.wire_id}"
    assert problem(client.post(f"{path}/disable")) == (409, "last_admin")
    assert problem(client.post(f"{path}/erase", {"reason": "Bye."})) == (409, "last_admin")
    assert world.everything() == before


def test_all_sessions_of_somebody_end() -> None:
    user, client = world.person("viewer"), world.client("admin")
    theirs = [world.client(user=user) for _ in range(2)]
    answer = client.post(f"/access/users/{user.wire_id}/logout-all")
    assert answer.json() == {"message": "Signed out.", "sessions_invalidated": 2}
    assert [problem(each.get("/auth/me")) for each in theirs] == [(401, "session_revoked")] * 2
    assert set(Session.objects.filter(user=user).values_list("revoked_reason", flat=True)) == {
        "admin_logout"
    }


def test_a_lost_factor_is_taken_off() -> None:
    user, client = with_device(world.person("viewer")), world.client("admin")
    path = f"/access/users/{user.wire_id}/reset-2fa"
    for body in ({}, {"reason": " "}, {"reason": None}):
        assert problem(client.post(path, body)) == (422, "validation_failed")
    told = client.post(path, {"reason": "Lost the phone."}).json()
    assert told["two_factor"] is False
    admin = world.standing("admin")
    answer = client.post(f"/access/users/{admin.wire_id}/reset-2fa", {"reason": "Mine."})
    assert problem(answer) == (403, "own_second_factor")


def test_somebody_is_erased_and_the_answer_says_what_stays() -> None:
    user, client = world.person("viewer"), world.client("admin")
    path = f"/access/users/{user.wire_id}/erase"
    assert problem(client.post(path)) == (422, "validation_failed")
    answer = client.post(path, {"reason": "Ticket 4711."})
    assert list(answer.json()) == list(ErasedResponse().fields)
    assert (answer.json()["status"], answer.json()["user_id"]) == ("erased", user.wire_id)
    assert "free text" in answer.json()["message"]
    told = client.get(f"/access/users/{user.wire_id}").json()
    assert (told["status"], told["email"], told["role"]) == ("erased", None, None)
    assert problem(client.post(f"/access/users/{user.wire_id}/enable")) == (404, "user_not_found")


def test_the_live_sessions_of_somebody_are_shown_to_managers() -> None:
    user, at = world.person("viewer"), timezone.now()
    live = world.session(user, address="198.51.100.7", user_agent="Mosaic/1.0", methods=["pwd"])
    world.session(user, state="revoked", revoked_at=at)
    world.session(user, at - timedelta(days=40))
    world.session(user, state="pending")
    (told,) = world.client("manager").get(f"/access/users/{user.wire_id}/sessions").json()["items"]
    assert list(told) == list(OwnSessionResponse().fields)
    assert (told["id"], told["address"], told["user_agent"]) == (
        live.wire_id,
        "198.51.100.7",
        "Mosaic/1.0",
    )
    assert told["current"] is False
    manager = world.standing("manager")
    mine = world.client("manager").get(f"/access/users/{manager.wire_id}/sessions").json()["items"]
    assert [each["current"] for each in mine].count(True) == 1


# --- leaving by oneself ---------------------------------------------------------------------------
def test_one_erases_oneself_and_the_cookies_go() -> None:
    user = world.person("viewer", email="ada@x.test", password=world.PASSWORD)
    client = world.Client()
    signed_in = client.post("/auth/login", {"email": "ada@x.test", "password": world.PASSWORD})
    token = signed_in.cookies["apex_csrf"].value
    body = {"password": world.PASSWORD, "confirm": "ERASE"}
    assert problem(client.post("/auth/me/erase", body)) == (403, "csrf_failed")
    answer = client.post("/auth/me/erase", body, X_CSRF_Token=token)
    assert (answer.status_code, answer.json()["status"]) == (200, "erased")
    assert answer.json()["user_id"] == user.wire_id
    for name in ("noc_access_token", "noc_refresh_token", "apex_csrf"):
        assert answer.cookies[name]["max-age"] == 0
    again = client.post("/auth/login", {"email": "ada@x.test", "password": world.PASSWORD})
    assert problem(again) == (401, "credentials_invalid")
    refreshed = signed_in.json()["refresh_token"]
    answer = world.Client().post("/auth/refresh", {"refresh_token": refreshed})
    assert problem(answer) == (401, "session_revoked")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"password": world.PASSWORD}, (422, "validation_failed")),
        ({"password": world.PASSWORD, "confirm": "erase"}, (422, "validation_failed")),
        ({"password": world.PASSWORD, "confirm": True}, (422, "validation_failed")),
        ({"confirm": "ERASE"}, (422, "validation_failed")),
        ({"password": "not it", "confirm": "ERASE"}, (401, "credentials_invalid")),
        ({"code": "000000", "confirm": "ERASE"}, (401, "code_invalid")),
    ],
)
def test_nobody_erases_by_mistake(body: dict[str, Any], refusal: tuple[int, str]) -> None:
    user = world.person("viewer", password=world.PASSWORD)
    answer = world.client(user=user).post("/auth/me/erase", body)
    assert problem(answer) == refusal
    assert User.objects.get(id=user.id).status == "active"
