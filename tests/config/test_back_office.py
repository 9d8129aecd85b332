"""The way into the back office, and out of it."""

import json
import re
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pyotp
import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.sessions.models import Session as BrowserSession
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.choices import SessionKind
from accounts.models import OneTimeDevice, Session, User
from audit.models import Entry
from config.variables.access import ACCESS
from tests import world
from tests.accounts import codes

pytestmark = pytest.mark.django_db

LOGIN, HOME = "/admin/login/", "/admin/"
CONFIRM, SECOND_FACTOR, SESSION = "/admin/confirm/", "/admin/second-factor/", "/admin/session/"
WRONG = "E-mail, password or code is wrong"


def sign_in(client: Client, user: User, password: str = world.PASSWORD, **more: str) -> Any:
    return client.post(LOGIN, {"username": str(user.email), "password": password, **more})


def is_in(client: Client) -> bool:
    return client.get(HOME).status_code == 200


def held() -> list[Session]:
    return list(Session.objects.filter(kind=SessionKind.BACK_OFFICE))


def only() -> Session:
    (session,) = held()
    return session


# --- signing in --------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "let_in"), [("viewer", False), ("operator", True)])
def test_operators_and_above_come_in_by_email_and_password(role: str, let_in: bool) -> None:
    user = world.person(role, email="ada@example.com", password=world.PASSWORD)
    client = Client()
    answer = client.post(LOGIN, {"username": " Ada@Example.COM", "password": world.PASSWORD})
    assert answer.status_code == (302 if let_in else 401)
    assert is_in(client) is let_in
    user.refresh_from_db()
    assert (user.last_login_at is not None) is let_in


def test_a_role_in_one_place_is_enough() -> None:
    user = world.person("operator", region=world.region("lagos"), password=world.PASSWORD)
    client = Client()
    sign_in(client, user)
    assert is_in(client)


def test_signing_in_opens_a_session_that_lasts_15_minutes_and_8_hours_and_is_audited() -> None:
    user = world.person("operator", password=world.PASSWORD)
    sign_in(Client(), user)
    session = only()
    assert session.expires_at - session.created_at == timedelta(minutes=15)
    assert session.ends_at - session.created_at == timedelta(hours=8)
    assert session.methods == ["pwd"]
    entry = Entry.objects.get(action="accounts.open_session")
    assert (entry.subject_id, entry.source) == (session.wire_id, "admin")


@pytest.mark.parametrize("why", ["unknown", "wrong", "viewer", "disabled", "code"])
def test_every_refusal_reads_the_same_is_audited_and_opens_nothing(why: str) -> None:
    user = world.person("viewer" if why == "viewer" else "operator", password=world.PASSWORD)
    if why == "disabled":
        services.disable_user(user.id, actor=world.nobody(), at=world.AT)
    if why == "code":
        codes.device(user, timezone.now())
    client = Client()
    answer = client.post(
        LOGIN,
        {
            "username": "nobody@example.test" if why == "unknown" else str(user.email),
            "password": "wrong" if why == "wrong" else world.PASSWORD,
            "code": "000000" if why == "code" else "",
        },
    )
    page = answer.content.decode()
    assert answer.status_code == 401
    assert WRONG in page
    assert world.PASSWORD not in page
    assert not is_in(client)
    assert not held()
    assert Entry.objects.filter(action="accounts.refuse_sign_in").count() == 1


def test_whoever_has_a_second_factor_needs_the_code_in_the_same_form() -> None:
    user = world.person("operator", password=world.PASSWORD)
    device = codes.device(user, timezone.now())
    client = Client()
    assert sign_in(client, user).status_code == 401  # no pending session is left behind either
    assert not held()
    assert sign_in(client, user, code=device.code(timezone.now())).status_code == 302
    assert is_in(client)
    assert only().methods == ["pwd", "otp"]
    assert only().mfa_at is not None


def test_too_many_wrong_passwords_lock_the_door_with_a_time_to_wait() -> None:
    user = world.person("operator", password=world.PASSWORD)
    client = Client()
    for _ in range(5):
        sign_in(client, user, "wrong")
    answer = sign_in(client, user)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert not is_in(client)


def test_one_address_may_knock_so_often_only(settings: Any) -> None:
    settings.AUTH_RATE_LIMIT_REQUESTS = 3
    user = world.person("operator", password=world.PASSWORD)
    client = Client()
    for _ in range(3):
        assert client.post(LOGIN, {"username": "x@example.com", "password": "x"}).status_code == 401
    answer = sign_in(client, user)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert not held()


def test_what_a_browser_held_before_does_not_survive_signing_in() -> None:
    user = world.person("operator", password=world.PASSWORD)
    client = Client()
    planted = client.session
    planted["planted"] = "by somebody else"
    planted.save()
    sign_in(client, user)
    assert client.session.session_key != planted.session_key
    assert "planted" not in client.session
    assert not import_module(settings.SESSION_ENGINE).SessionStore().exists(planted.session_key)


def test_a_service_account_does_not_come_in() -> None:
    admin = world.standing("admin")
    service = services.create_service_account(
        full_name="Poller", responsible_id=admin.id, actor=world.nobody(), at=world.AT
    )
    services.grant_role(service.id, "operator", actor=world.nobody(), at=world.AT)
    assert Client().post(LOGIN, {"username": "Poller", "password": "x"}).status_code == 401


@pytest.mark.parametrize(
    ("wanted", "lands"),
    [
        ("/admin/outages/outage/", "/admin/outages/outage/"),
        ("/docs", HOME),
        ("https://elsewhere.example/admin/", HOME),
        ("//elsewhere.example/admin/", HOME),
        ("/\\elsewhere.example", HOME),
        ("/admin/\\..//elsewhere.example", HOME),
        ("javascript:alert(1)", HOME),
    ],
)
def test_after_signing_in_one_goes_on_inside_only(wanted: str, lands: str) -> None:
    user = world.person("operator", password=world.PASSWORD)
    answer = sign_in(Client(), user, next=wanted)
    assert answer.status_code == 302
    assert answer["Location"].split("?")[0] == lands


def test_the_form_needs_its_token() -> None:
    user = world.person("operator", password=world.PASSWORD)
    client = Client(enforce_csrf_checks=True)
    answer = client.post(
        LOGIN,
        {"username": str(user.email), "password": world.PASSWORD},
        headers={"accept": "text/html"},
    )
    assert answer.status_code == 403
    assert "Load the page again" in answer.content.decode()
    assert not held()


# --- the session -------------------------------------------------------------------------------


def test_the_row_decides_on_each_request() -> None:
    client = world.office("operator")
    assert is_in(client)
    services.revoke_all_sessions(
        world.standing("operator").id, reason="test", actor=world.nobody(), at=timezone.now()
    )
    answer = client.get("/admin/outages/outage/?status=open")
    assert answer.status_code == 302
    assert answer["Location"] == f"{LOGIN}?next=/admin/outages/outage/%3Fstatus%3Dopen"
    assert "Your session has ended" in client.get(LOGIN).content.decode()


def test_disabling_somebody_throws_them_out_at_once() -> None:
    client = world.office("operator")
    user = world.standing("operator")
    services.disable_user(user.id, actor=world.nobody(), at=timezone.now())
    assert not is_in(client)


def test_the_end_of_the_last_role_throws_out_at_once() -> None:
    client, user = world.office("operator"), world.standing("operator")
    grant = user.grants.get()
    services.grant_role(user.id, "viewer", actor=world.nobody(), at=timezone.now())
    assert grant.ended_at is None
    assert not is_in(client)


@pytest.mark.parametrize(("rested", "still_in"), [(14 * 60 + 58, True), (15 * 60 + 1, False)])
def test_a_session_that_rests_for_15_minutes_has_ended(rested: int, still_in: bool) -> None:
    client = world.office("operator", at=timezone.now() - timedelta(seconds=rested))
    assert is_in(client) is still_in


@pytest.mark.parametrize(("age", "still_in"), [(8 * 3600 - 5, True), (8 * 3600 + 1, False)])
def test_a_session_ends_after_8_hours_however_busy(age: int, still_in: bool) -> None:
    opened = timezone.now() - timedelta(seconds=age)
    ends_at = opened + timedelta(hours=8)
    client = world.office("operator", at=opened, expires_at=ends_at, ends_at=ends_at)
    assert is_in(client) is still_in


def test_each_page_puts_the_idle_end_off_but_never_past_the_absolute_one() -> None:
    soon = timezone.now() + timedelta(minutes=2)
    client = world.office("operator", expires_at=soon, ends_at=soon + timedelta(minutes=3))
    assert is_in(client)
    session = only()
    assert session.expires_at == session.ends_at


def test_asking_how_long_it_lasts_keeps_nothing_and_staying_does() -> None:
    soon = timezone.now() + timedelta(minutes=2)
    client = world.office("operator", expires_at=soon)
    assert 110 <= client.get(SESSION).json()["seconds"] <= 120
    assert only().expires_at == soon
    assert client.post(SESSION).json()["seconds"] > 800
    assert Client().get(SESSION).json() == {"seconds": 0}
    assert Client().post(SESSION).json() == {"seconds": 0}


def test_signing_out_ends_the_row_and_is_audited() -> None:
    client = world.office("operator")
    key = client.session.session_key
    assert client.get("/admin/logout/").status_code == 405
    assert client.post("/admin/logout/")["Location"] == LOGIN
    assert only().revoked_reason == "logout"
    assert Entry.objects.filter(action="accounts.revoke_session").count() == 1
    assert not is_in(client)
    assert not import_module(settings.SESSION_ENGINE).SessionStore().exists(key)


def test_what_browsers_held_is_forgotten_when_it_is_over() -> None:
    client = world.office("operator")
    services.purge_sessions(at=timezone.now() + timedelta(hours=7))
    assert is_in(client)
    services.purge_sessions(at=timezone.now() + timedelta(hours=9))
    assert not BrowserSession.objects.exists()


def test_no_api_route_reads_the_cookie() -> None:
    client = world.office("admin")
    for path in ("/auth/me", "/outages", "/access/users"):
        assert client.get(settings.API_V1_PREFIX + path).status_code == 401


def test_a_login_session_opens_no_back_office() -> None:
    client = Client()
    token = world.access_token(world.standing("admin"))
    client.cookies[settings.AUTH_COOKIE_ACCESS_NAME] = token
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get(HOME, headers=headers).status_code == 302


def test_the_cookie_is_for_this_host_and_no_script() -> None:
    user = world.person("operator", password=world.PASSWORD)
    cookie = sign_in(Client(), user).cookies["noc_session"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 8 * 3600)


def test_what_is_done_carries_the_session_and_where_it_came_from() -> None:
    client, user = world.office("admin"), world.person("viewer")
    page = reverse("admin:accounts_user_act", args=["disable"])
    client.post(f"{page}?ids={user.id}", {"reason": "left us"}, REMOTE_ADDR="203.0.113.9")
    entry = Entry.objects.get(action="accounts.disable_user")
    assert entry.actor_id == world.standing("admin").wire_id
    body = json.loads(bytes(entry.body) if not isinstance(entry.body, str) else entry.body)
    assert "203.0.113.9" not in json.dumps(body)


# --- the second factor -------------------------------------------------------------------------


@pytest.fixture
def demanded(settings: Any) -> None:
    settings.MFA_REQUIRED_ROLES = ("manager", "admin")


@pytest.mark.usefixtures("demanded")
def test_who_owes_a_second_factor_sets_it_up_first() -> None:
    user = world.person("manager", password=world.PASSWORD)
    client = Client()
    sign_in(client, user)
    for path in (HOME, "/admin/outages/outage/", CONFIRM.replace("confirm", "accounts/user")):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith(f"{SECOND_FACTOR}?next=")
    page = client.post(SECOND_FACTOR, {"begin": "1", "next": "/admin/outages/outage/"})
    text = page.content.decode()
    secret = page.context["setup"].secret
    assert "data:image/svg+xml" in text
    assert all(code in text for code in page.context["setup"].backup_codes)
    assert "no-store" in page["Cache-Control"]
    given = {"code": pyotp.TOTP(secret).now(), "next": "/admin/outages/outage/"}
    assert client.post(SECOND_FACTOR, given)["Location"] == "/admin/outages/outage/"
    assert is_in(client)
    assert only().methods == ["pwd", "otp"]


@pytest.mark.usefixtures("demanded")
def test_a_wrong_code_sets_nothing_up_and_lets_nobody_on() -> None:
    user = world.person("manager", password=world.PASSWORD)
    client = Client()
    sign_in(client, user)
    secret = client.post(SECOND_FACTOR, {"begin": "1"}).context["setup"].secret
    answer = client.post(SECOND_FACTOR, {"code": "000000"})
    assert answer.status_code == 401
    assert secret not in answer.content.decode()  # shown once
    assert OneTimeDevice.objects.get().confirmed_at is None
    assert client.get(HOME).status_code == 302


@pytest.mark.usefixtures("demanded")
def test_where_managers_need_one_operators_of_the_back_office_do() -> None:
    assert not is_in(world.office("operator"))
    assert is_in(world.office("operator", mfa_at=timezone.now()))


@pytest.mark.usefixtures("demanded")
def test_a_device_that_the_sign_in_did_not_ask_is_asked_now() -> None:
    user = world.standing("manager")
    device = codes.device(user, timezone.now())
    client = world.office(user)
    assert client.get(HOME)["Location"].startswith(CONFIRM)
    given = {"password": "", "code": device.code(timezone.now()), "next": HOME}
    assert client.post(CONFIRM, given)["Location"] == HOME
    assert is_in(client)


def test_looking_at_the_page_makes_no_secret() -> None:
    client = world.office("operator")
    assert client.get(SECOND_FACTOR).status_code == 200
    assert not OneTimeDevice.objects.exists()


def test_who_has_one_is_told_so_and_makes_no_other() -> None:
    user = world.standing("operator")
    codes.device(user, timezone.now())
    client = world.office(user)
    assert "is set up" in client.get(SECOND_FACTOR).content.decode()
    assert client.post(SECOND_FACTOR, {"begin": "1"}).status_code == 409


# --- the fresh proof ---------------------------------------------------------------------------


def proved(minutes_ago: int) -> datetime:
    return timezone.now() - timedelta(minutes=minutes_ago)


ASKING = ["grant", "reset_2fa", "erase"]


@pytest.mark.parametrize("name", ASKING)
def test_grave_acts_ask_for_a_fresh_proof_after_15_minutes(name: str) -> None:
    user = world.person("viewer")
    page = f"{reverse('admin:accounts_user_act', args=[name])}?ids={user.id}"
    fresh = world.office("admin", reauthenticated_at=proved(14))
    assert fresh.get(page).status_code == 200
    stale = world.office("admin", reauthenticated_at=proved(16))
    for answer in (stale.get(page), stale.post(page, {"reason": "because"})):
        assert answer.status_code == 302
        assert answer["Location"].startswith(f"{CONFIRM}?next=%2Fadmin%2Faccounts%2Fuser%2Fact")
    user.refresh_from_db()
    assert user.status == "active"


def test_the_password_proves_it_and_leads_back() -> None:
    user = world.person("admin", password=world.PASSWORD)
    client = world.office(user, reauthenticated_at=proved(16))
    answer = client.post(CONFIRM, {"password": world.PASSWORD, "next": "/admin/accounts/user/"})
    assert answer["Location"] == "/admin/accounts/user/"
    assert timezone.now() - only().reauthenticated_at < timedelta(minutes=1)
    assert Entry.objects.filter(action="accounts.reauthenticate").count() == 1


def test_so_does_a_code() -> None:
    user = world.person("admin")
    device = codes.device(user, timezone.now())
    client = world.office(user, reauthenticated_at=proved(16))
    given = {"code": device.code(timezone.now()), "next": "/admin/accounts/user/"}
    assert client.post(CONFIRM, given)["Location"] == "/admin/accounts/user/"


@pytest.mark.parametrize(
    ("given", "status"), [({"password": "wrong"}, 401), ({"code": "000000"}, 401), ({}, 422)]
)
def test_a_wrong_proof_proves_nothing(given: dict[str, str], status: int) -> None:
    user = world.person("admin", password=world.PASSWORD)
    before = proved(16)
    client = world.office(user, reauthenticated_at=before)
    assert client.post(CONFIRM, given).status_code == status
    assert only().reauthenticated_at == before


@pytest.mark.parametrize("role", ["operator", "engineer", "manager", "admin"])
def test_in_production_staff_without_a_second_factor_gets_nowhere(role: str, settings: Any) -> None:
    (variable,) = [each for each in ACCESS.variables if each.name == "MFA_REQUIRED_ROLES"]
    settings.MFA_REQUIRED_ROLES = variable.read(variable.defaults["production"])
    client = world.office(role)
    for model in admin.site._registry:
        page = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        assert client.get(reverse(page))["Location"].startswith(SECOND_FACTOR)


# --- every page --------------------------------------------------------------------------------


def test_no_page_of_it_is_indexed_kept_or_framed() -> None:
    client = world.office("admin")
    for path in (LOGIN, HOME, "/admin/accounts/user/", CONFIRM, SESSION, "/admin/nothing/"):
        answer = client.get(path)
        assert answer["X-Robots-Tag"] == "noindex"
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
        assert "no-store" in answer["Cache-Control"] or answer.status_code == 302
    assert "X-Robots-Tag" not in client.get("/health")


def test_strangers_are_sent_to_the_door_from_every_address() -> None:
    doors = ("login/", "logout/", "session/", "password_change/", "password_change/done/")
    for pattern in (each for each in _patterns(admin.site.urls[0]) if each not in doors):
        for method in ("get", "post"):
            answer = getattr(Client(), method)(f"/admin/{pattern}")
            assert answer.status_code == 302, pattern
            assert answer["Location"].startswith(LOGIN), pattern


def _patterns(urls: Any, before: str = "") -> list[str]:
    """Every address of the site, with an ``x`` for what varies."""
    found = []
    for each in urls:
        whole = before + str(each.pattern)
        if hasattr(each, "url_patterns"):
            found += _patterns(each.url_patterns, whole)
        else:
            plain = re.sub(r"<[^>]+>|\(\?P[^)]*\)", "x", whole)
            found.append(re.sub(r"[\^$?]", "", plain))
    return found


def test_what_is_refused_inside_is_a_page_for_people() -> None:
    client = world.office("operator")
    headers = {"accept": "text/html,application/xhtml+xml"}
    for path, status in (("/admin/accounts/user/", 403), ("/admin/nothing/", 404)):
        answer = client.get(path, headers=headers)
        assert answer.status_code == status
        assert answer["Content-Type"].startswith("text/html")
        assert "Back to the overview" in answer.content.decode()


def test_a_foreign_host_gets_nothing_and_no_redirect_names_a_host() -> None:
    client = world.office("operator")
    assert client.get(LOGIN, headers={"host": "evil.example"}).status_code == 400
    for path in ("/admin/accounts/user/act/x/", LOGIN, "/admin/outages/outage/"):
        location = Client().get(path, headers={"x-forwarded-host": "evil.example"})
        assert "evil" not in location.headers.get("Location", "")


def test_the_stock_pages_for_passwords_are_closed() -> None:
    client = world.office("admin")
    assert client.get("/admin/password_change/").status_code == 404


@pytest.mark.parametrize("role", ["operator", "engineer", "manager", "admin"])
def test_no_form_of_it_changes_or_deletes_anything(role: str, rf: Any) -> None:
    request = rf.get(HOME)
    request.user = world.standing(role)
    for page in admin.site._registry.values():
        assert not page.has_delete_permission(request)
        assert not page.has_change_permission(request) or not page.get_fields(request, None)
        assert "delete_selected" not in page.get_actions(request)


def test_no_page_of_it_knows_a_hash_or_a_secret() -> None:
    apps = {model._meta.app_label for model in admin.site._registry}
    assert apps <= {
        *("accounts", "audit", "core", "django_celery_beat", "jobs", "network", "outages"),
        *("payments", "sla", "webhooks"),
    }
    accounts = {m._meta.model_name for m in admin.site._registry if m._meta.app_label == "accounts"}
    assert accounts == {"user", "grant", "session", "team", "apikey", "groupmapping"}


def test_every_page_opens_for_an_administrator() -> None:
    client = world.office("admin")
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        assert client.get(reverse(name)).status_code == 200
