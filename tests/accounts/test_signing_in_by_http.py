"""Login, refresh and logout for both kinds of client: tokens as JSON, and cookies."""

from typing import Any

import jwt
import pytest
from django.conf import settings
from django.http import HttpResponse
from pytest_django import Settings

from accounts.api.forms import (
    GrantResponse,
    MeResponse,
    SessionResponse,
    UserResponse,
)
from accounts.models import Session
from tests import world

pytestmark = pytest.mark.django_db

ACCESS, REFRESH, CSRF = "noc_access_token", "noc_refresh_token", "apex_csrf"
ORIGIN = "http://localhost:3000"


def login(client: world.Client, **headers: str) -> HttpResponse:
    user = world.standing("engineer")
    if not user.has_usable_password():
        user.set_password(world.PASSWORD)
        user.save()
    return client.post("/auth/login", {"email": user.email, "password": world.PASSWORD}, **headers)


def problem(response: HttpResponse) -> tuple[int, str]:
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def test_login_answers_tokens_and_sets_cookies() -> None:
    client = world.Client()
    answer = login(client)
    body: dict[str, Any] = answer.json()
    assert answer.status_code == 200
    assert list(body) == [
        "access_token",
        "token",
        "api_key",
        "refresh_token",
        "token_type",
        "expires_in",
        "user",
    ]
    assert body["token"] == body["api_key"] == body["access_token"]
    assert (body["token_type"], body["expires_in"]) == ("bearer", 900)
    assert list(body["user"]) == [
        "id",
        "email",
        "full_name",
        "role",
        "stellar_wallet",
        "created_at",
    ]
    assert body["user"]["role"] == "engineer"
    assert answer["Cache-Control"] == "no-store"
    for name, age in ((ACCESS, 900), (REFRESH, 14 * 86400)):
        cookie = answer.cookies[name]
        assert cookie["httponly"]
        assert (cookie["samesite"], cookie["path"]) == ("Lax", "/")
        assert age - 2 <= int(cookie["max-age"]) <= age
    assert not answer.cookies[CSRF]["httponly"]
    assert answer.cookies[CSRF]["max-age"] == 14 * 86400


def test_username_is_read_as_email() -> None:
    client = world.Client()
    login(client)
    user = world.standing("engineer")
    answer = client.post("/auth/login", {"username": user.email, "password": world.PASSWORD})
    assert answer.status_code == 200


def test_the_access_token_says_what_the_specification_says() -> None:
    body = login(world.Client()).json()
    claims = jwt.decode(
        body["access_token"], settings.JWT_SECRET_KEY, algorithms=["HS256"], audience="noc-iq"
    )
    assert set(claims) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp", "token_type"}
    assert (claims["iss"], claims["token_type"]) == ("noc-iq", "access")
    assert claims["sub"] == body["user"]["id"]
    assert claims["exp"] - claims["iat"] == 900


@pytest.mark.parametrize("header", ["bearer", "key", "cookie"])
def test_each_way_in_leads_to_the_same_person(header: str) -> None:
    client = world.Client()
    body = login(client).json()
    if header == "cookie":
        answer = client.get("/auth/me")
    else:
        token = body["access_token"]
        sent = {"Authorization": f"Bearer {token}"} if header == "bearer" else {"X_API_Key": token}
        answer = world.Client().get("/auth/me", **sent)
    assert answer.status_code == 200
    assert answer.json()["email"] == "engineer@example.test"


def test_a_wrong_password_and_an_unknown_email_answer_byte_for_byte_alike() -> None:
    client = world.Client()
    login(client)
    answers = [
        client.post(
            "/auth/login",
            {"email": email, "password": "not the password"},
            X_Correlation_ID="the-same",
        )
        for email in ("engineer@example.test", "stranger@example.test")
    ]
    assert problem(answers[0]) == (401, "credentials_invalid")
    assert answers[0].content == answers[1].content
    assert answers[0]["WWW-Authenticate"] == 'Bearer realm="noc-iq"'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"email": "a@b.c"}, 422),
        ({"email": "a@b.c", "password": ""}, 422),
        ({"email": "a@b.c", "password": 5}, 422),
        ({"email": ["a@b.c"], "password": "x"}, 422),
        ({"email": "a@b.c", "password": "nul\x00"}, 422),
        ({"email": "a\x00@b.c", "password": "x"}, 422),
        ([], 422),
        (b"{", 400),
    ],
)
def test_a_body_that_says_nothing_is_refused(body: Any, status: int) -> None:
    assert world.Client().post("/auth/login", body).status_code == status


def test_a_form_is_no_json() -> None:
    answer = world.Client().post(
        "/auth/login", b"email=a&password=b", content_type="application/x-www-form-urlencoded"
    )
    assert problem(answer) == (415, "unsupported_media_type")


def test_a_foreign_page_cannot_sign_anybody_in() -> None:
    assert problem(login(world.Client(), Origin="https://evil.example")) == (403, "csrf_failed")
    assert login(world.Client(), Origin=ORIGIN).status_code == 200


def test_stale_cookies_do_not_stop_a_login() -> None:
    client = world.Client()
    client.http.cookies[ACCESS] = "stale"
    assert login(client).status_code == 200


def test_a_refresh_token_in_the_body_brings_the_next_pair() -> None:
    first = login(world.Client()).json()
    answer = world.Client().post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert answer.status_code == 200
    assert answer.json()["refresh_token"] != first["refresh_token"]
    assert answer.cookies[ACCESS].value == answer.json()["access_token"]
    assert Session.objects.get().generation == 1


def test_an_empty_refresh_uses_the_cookie_and_needs_the_csrf_token() -> None:
    client = world.Client()
    answer = login(client)
    assert problem(client.post("/auth/refresh")) == (403, "csrf_failed")
    assert Session.objects.get().generation == 0
    token = answer.cookies[CSRF].value
    assert client.post("/auth/refresh", X_CSRF_Token=token).status_code == 200
    assert Session.objects.get().generation == 1


def test_what_is_no_refresh_token_refreshes_nothing() -> None:
    first = login(world.Client()).json()
    for token in (first["access_token"], "nonsense", "a.b.c"):
        answer = world.Client().post("/auth/refresh", {"refresh_token": token})
        assert problem(answer) == (401, "credentials_invalid")
    assert problem(world.Client().post("/auth/refresh")) == (401, "credentials_invalid")


@pytest.mark.parametrize("way", ["bearer", "body", "cookie"])
def test_logout_ends_the_session_and_the_cookies(way: str) -> None:
    client = world.Client()
    answer = login(client)
    body = answer.json()
    if way == "bearer":
        out = world.Client().post("/auth/logout", Authorization=f"Bearer {body['access_token']}")
    elif way == "body":
        out = world.Client().post("/auth/logout", {"refresh_token": body["refresh_token"]})
    else:
        out = client.post("/auth/logout", X_CSRF_Token=answer.cookies[CSRF].value)
    assert out.json() == {"message": "Signed out.", "sessions_invalidated": 1}
    assert {name: out.cookies[name]["max-age"] for name in (ACCESS, REFRESH, CSRF)} == {
        ACCESS: 0,
        REFRESH: 0,
        CSRF: 0,
    }
    again = world.Client().get("/auth/me", Authorization=f"Bearer {body['access_token']}")
    assert problem(again) == (401, "session_revoked")
    refreshed = world.Client().post("/auth/refresh", {"refresh_token": body["refresh_token"]})
    assert problem(refreshed) == (401, "session_revoked")


def test_logout_of_nobody_is_fine() -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic x"}):
        out = world.Client().post("/auth/logout", **headers)
        assert (out.status_code, out.json()["sessions_invalidated"]) == (200, 0)


def test_logout_by_cookie_alone_needs_the_csrf_token() -> None:
    client = world.Client()
    login(client)
    assert problem(client.post("/auth/logout")) == (403, "csrf_failed")
    assert Session.objects.get().state == "live"


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout-all"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_foreign_page_takes_no_cookies_away(path: str, origin: str) -> None:
    form = "application/x-www-form-urlencoded"
    out = world.Client().post(path, content_type=form, Origin=origin)
    assert problem(out) == (403, "csrf_failed")
    assert not out.cookies


def test_registering_then_signing_in(settings: Settings) -> None:
    settings.REGISTRATION_POLICY, settings.REGISTRATION_ROLE = "open", "engineer"
    client = world.Client()
    given = {"email": "ada@example.com", "password": world.PASSWORD, "role": "admin"}
    answer = client.post("/auth/register", given)
    assert answer.status_code == 201
    assert (answer.json()["role"], answer.json()["full_name"]) == ("engineer", "ada")
    assert problem(client.post("/auth/register", given)) == (409, "email_taken")
    assert client.post("/auth/login", given).status_code == 200


def test_registration_is_closed_unless_opened() -> None:
    given = {"email": "ada@example.com", "password": world.PASSWORD}
    answer = world.client("manager").post("/auth/register", given)
    assert problem(answer) == (403, "registration_closed")


def test_an_administrator_adds_a_colleague_with_a_role() -> None:
    given = {"email": "ada@example.com", "password": world.PASSWORD, "role": "manager"}
    answer = world.client("admin").post("/auth/register", given)
    assert (answer.status_code, answer.json()["role"]) == (201, "manager")


def test_a_weak_password_names_its_faults() -> None:
    given = {"email": "ada@example.com", "password": "password123"}
    answer = world.client("admin").post("/auth/register", given)
    assert problem(answer) == (422, "password_too_weak")
    assert answer.json()["errors"][0]["pointer"] == "/password"


def test_the_described_members_are_the_answered_ones() -> None:
    client = world.Client()
    session = login(client).json()
    me = client.get("/auth/me").json()
    assert list(session) == list(SessionResponse().fields)
    assert list(session["user"]) == list(UserResponse().fields)
    assert list(me) == list(MeResponse().fields)
    assert list(me["grants"][0]) == list(GrantResponse().fields)
