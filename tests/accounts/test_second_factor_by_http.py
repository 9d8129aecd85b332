"""The doors of the second factor; and who, lacking one, may reach nothing else."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.conf import settings as configured
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from pytest_django import Settings

from accounts.api.second_factor_forms import (
    BackupCodesResponse,
    ReauthenticatedResponse,
    SetupResponse,
    TwoFactorResponse,
)
from accounts.models import Session, User
from core.views import ApiView
from tests import world
from tests.accounts import codes

pytestmark = pytest.mark.django_db
ACCESS, REFRESH, CSRF = "noc_access_token", "noc_refresh_token", "apex_csrf"


def problem(answer: HttpResponse) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def user() -> User:
    return world.person(password=world.PASSWORD)


def login(user: User, client: world.Client | None = None, **more: str) -> HttpResponse:
    given = {"email": user.email, "password": world.PASSWORD} | more
    return (client or world.Client()).post("/auth/login", given)


def test_the_story_of_a_second_factor(user: User) -> None:
    client = world.client(user=user)
    assert client.get("/auth/2fa").json() == {
        "enabled": False,
        "confirmed_at": None,
        "backup_codes_left": 0,
        "required": False,
    }
    shown: dict[str, Any] = client.post("/auth/2fa/setup").json()
    assert list(shown) == list(SetupResponse().fields)
    assert shown["qrCodeUrl"] == shown["qr_code_url"]
    assert shown["backupCodes"] == shown["backup_codes"]
    device = codes.Device(shown["secret"], shown["backup_codes"])

    assert problem(client.post("/auth/2fa/verify", {"code": "000000"})) == (401, "code_invalid")
    first = device.code(timezone.now() - timedelta(seconds=30))
    confirmed = client.post("/auth/2fa/verify", {"code": first})
    assert (confirmed.status_code, confirmed.json()) == (200, {"success": True})
    state = client.get("/auth/2fa").json()
    assert list(state) == list(TwoFactorResponse().fields)
    assert (state["enabled"], state["backup_codes_left"]) == (True, 10)
    assert client.get("/auth/me").json()["two_factor"] is True
    assert problem(client.post("/auth/2fa/setup")) == (409, "second_factor_active")

    renewed = client.post("/auth/2fa/backup-codes", {"code": device.backup_codes[0]}).json()
    assert list(renewed) == list(BackupCodesResponse().fields)
    assert renewed["backup_codes"] == renewed["backupCodes"]
    off = client.post("/auth/2fa/disable", {"code": renewed["backup_codes"][0]})
    assert (off.status_code, off.json()) == (200, {"success": True})
    assert client.get("/auth/me").json()["two_factor"] is False


def test_the_picture_is_an_svg_that_loads_nothing(user: User) -> None:
    shown = world.client(user=user).post("/auth/2fa/setup").json()
    kind, _, picture = shown["qr_code_url"].partition(",")
    assert kind == "data:image/svg+xml;charset=utf-8"
    svg = unquote(picture)
    assert svg.startswith("<svg")
    assert "<script" not in svg
    assert "href" not in svg


def test_a_sign_in_asks_for_the_code_and_gives_no_cookie(user: User) -> None:
    device, client = codes.device(user, timezone.now()), world.Client()
    asked = login(user, client)
    assert problem(asked) == (401, "mfa_required")
    assert asked.json()["methods"] == ["otp", "backup"]
    assert not {ACCESS, REFRESH} & set(asked.cookies)
    sent = {"challenge": asked.json()["challenge"], "code": "000000"}
    assert problem(client.post("/auth/login/verify", sent)) == (401, "code_invalid")
    sent["code"] = device.code(timezone.now())
    answer = client.post("/auth/login/verify", sent)
    assert answer.status_code == 200
    assert {ACCESS, REFRESH, CSRF} <= set(answer.cookies)
    assert list(answer.json()) == list(login(world.person(password=world.PASSWORD)).json())
    assert client.get("/auth/me").status_code == 200
    again = client.post("/auth/login/verify", sent)
    assert problem(again) == (401, "challenge_expired")


def test_a_sign_in_takes_the_code_along(user: User) -> None:
    device = codes.device(user, timezone.now())
    assert problem(login(user, code="000000")) == (401, "code_invalid")
    assert login(user, code=device.backup_codes[0]).status_code == 200


@pytest.mark.parametrize("challenge", ["x", "a.b.c", "access", "refresh"])
def test_what_is_no_challenge_has_expired(user: User, challenge: str) -> None:
    tokens = login(user).json()
    given = tokens.get(f"{challenge}_token", challenge)
    answer = world.Client().post("/auth/login/verify", {"challenge": given, "code": "123456"})
    assert problem(answer) == (401, "challenge_expired")


def test_a_foreign_page_cannot_finish_a_sign_in(user: User) -> None:
    answer = world.Client().post(
        "/auth/login/verify", {"challenge": "x", "code": "1"}, Origin="https://evil.example"
    )
    assert problem(answer) == (403, "csrf_failed")


def test_proving_oneself_again(user: User) -> None:
    session = world.session(user, timezone.now() - timedelta(hours=1))
    client = world.Client(world.access_token(user, session))
    assert problem(client.post("/auth/2fa/setup")) == (401, "reauthentication_required")
    wrong = client.post("/auth/reauthenticate", {"password": "wrong"})
    assert problem(wrong) == (401, "credentials_invalid")
    assert problem(client.post("/auth/reauthenticate", {})) == (422, "validation_failed")
    proved = client.post("/auth/reauthenticate", {"password": world.PASSWORD})
    assert proved.status_code == 200
    assert list(proved.json()) == list(ReauthenticatedResponse().fields)
    assert client.post("/auth/2fa/setup").status_code == 200


def test_a_demanded_second_factor_is_not_taken_off(settings: Settings) -> None:
    settings.MFA_REQUIRED_ROLES = ("manager", "admin")
    manager = world.person("manager")
    device = codes.device(manager, timezone.now())
    client = world.client(user=manager)
    assert client.get("/auth/2fa").json()["required"] is True
    off = client.post("/auth/2fa/disable", {"code": device.backup_codes[0]})
    assert problem(off) == (409, "second_factor_mandatory")


OPEN = {
    "/auth/me", "/auth/2fa", "/auth/2fa/setup", "/auth/2fa/verify", "/auth/2fa/backup-codes",
    "/auth/2fa/disable", "/auth/reauthenticate",
}  # fmt: skip


def views(patterns: list[Any] | None = None, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every view of the API that asks who is calling, with the pattern of its path."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        here = path + str(pattern.pattern).replace("^", "")
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns, here)
        elif isinstance(pattern, URLPattern):
            view = getattr(pattern.callback, "view_class", None)
            if view is not None and issubclass(view, ApiView) and view.permission_classes:
                plain = "/" + here.removesuffix("$").removesuffix("/?")
                if plain.startswith(configured.API_V1_PREFIX):
                    yield plain.removeprefix(configured.API_V1_PREFIX), pattern.callback


def test_whom_a_role_demands_a_second_factor_of_reaches_nothing_else(settings: Settings) -> None:
    """Asked of the views themselves: what their addresses look like does not matter here."""
    settings.MFA_REQUIRED_ROLES = ("manager", "admin")
    token = world.access_token(world.standing("manager"))
    ask, seen = RequestFactory(headers={"Authorization": f"Bearer {token}"}), set()
    for path, view in views():
        names = dict.fromkeys(re.findall(r"\?P<(\w+)>", path), "x")
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            # Streams are served, and refused, by a process of their own.
            if hasattr(view.view_class, method.lower()) and path != "/auth/events":
                answer = view(ask.generic(method, path), **names)
                is_refused = answer.status_code == 403 and b"second_factor_required" in (
                    answer.content
                )
                assert is_refused is (path not in OPEN), f"{method} {path} {answer.status_code}"
                seen.add(path)
    assert seen >= OPEN | {"/outages", "/auth/sessions", "/user/preferences", "/api-keys"}


def test_logout_is_open_to_them_and_with_a_device_everything_is(settings: Settings) -> None:
    settings.MFA_REQUIRED_ROLES = ("manager", "admin")
    manager = world.person("manager")
    client = world.client(user=manager)
    assert problem(client.get("/outages")) == (403, "second_factor_required")
    shown = client.post("/auth/2fa/setup").json()
    code = codes.Device(shown["secret"], []).code(timezone.now())
    assert client.post("/auth/2fa/verify", {"code": code}).status_code == 200
    assert client.get("/outages").status_code == 200
    assert client.post("/auth/logout").json()["sessions_invalidated"] == 1
    assert not Session.objects.filter(state="live").exists()


def test_a_device_that_the_sign_in_did_not_ask_is_asked_later(settings: Settings) -> None:
    """As after a sign-in at an identity provider that tells of no second factor."""
    settings.MFA_REQUIRED_ROLES = ("manager", "admin")
    manager = world.person("manager")
    device, client = codes.device(manager, timezone.now()), world.client(user=manager)
    assert problem(client.get("/outages")) == (403, "second_factor_required")
    code = device.code(timezone.now())
    assert client.post("/auth/reauthenticate", {"code": code}).status_code == 200
    assert client.get("/outages").status_code == 200


def test_no_key_reaches_the_second_factor(user: User) -> None:
    key = world.api_key(user).raw_key
    for method, path in (("GET", "/auth/2fa"), ("POST", "/auth/2fa/setup")):
        answer = world.Client().request(method, path, X_API_Key=key)
        assert problem(answer) == (403, "forbidden")
