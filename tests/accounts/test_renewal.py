"""Cookies renew themselves in any request; what each kind of write must prove; when cookies go."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.http import HttpResponse
from django.utils import timezone
from pytest_django import Settings

from accounts import policy, services
from accounts.models import Session, User
from tests import world

ACCESS, REFRESH, CSRF = "noc_access_token", "noc_refresh_token", "apex_csrf"
OURS, FOREIGN = "http://localhost:3000", "https://evil.example"
TOKEN = "a" * 32

pytestmark = pytest.mark.django_db


def problem(answer: HttpResponse) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def refresh_token(session: Session, generation: int = 0, ends: datetime | None = None) -> str:
    return policy.sign_token(
        "refresh",
        user_id=session.user_id,
        session_id=session.id,
        at=session.created_at,
        expires_at=ends or session.expires_at,
        key=configured.JWT_SECRET_KEY,
        generation=generation,
    )


def browser(session: Session, *, access: str = "expired", refresh: str = "good") -> world.Client:
    """A browser with cookies in these states."""
    client = world.Client()
    now = timezone.now()
    kinds = {
        "good": lambda: world.access_token(session.user, session),
        "expired": lambda: world.access_token(session.user, session, now - timedelta(hours=1)),
        "nonsense": lambda: "x.y.z",
    }
    if access != "absent":
        client.http.cookies[ACCESS] = kinds[access]()
    refreshes = {
        "good": lambda: refresh_token(session),
        "expired": lambda: refresh_token(session, ends=now - timedelta(minutes=1)),
        "nonsense": lambda: "x.y.z",
        "access": kinds["good"],
    }
    if refresh != "absent":
        client.http.cookies[REFRESH] = refreshes[refresh]()
    client.http.cookies[CSRF] = TOKEN
    return client


@pytest.fixture
def session() -> Session:
    return world.session(world.person(), timezone.now() - timedelta(hours=2))


@pytest.mark.parametrize("access", ["expired", "nonsense", "absent"])
def test_a_request_renews_its_session_and_is_answered(session: Session, access: str) -> None:
    client = browser(session, access=access)
    answer = client.get("/auth/me")
    assert answer.status_code == 200
    session.refresh_from_db()
    assert session.generation == 1
    given = {name: answer.cookies[name] for name in (ACCESS, REFRESH)}
    for name, age in ((ACCESS, 900), (REFRESH, 14 * 86400)):
        cookie = given[name]
        assert cookie["httponly"]
        assert (cookie["samesite"], cookie["path"]) == ("Lax", "/")
        assert age - 5 <= int(cookie["max-age"]) <= age
    assert not answer.cookies[CSRF]["httponly"]
    claims = policy.read_token(
        given[REFRESH].value, "refresh", key=configured.JWT_SECRET_KEY, at=timezone.now()
    )
    assert (claims.session_id, claims.generation) == (session.id, 1)
    assert client.get("/auth/me").status_code == 200
    session.refresh_from_db()
    assert session.generation == 1


def test_a_good_access_cookie_renews_nothing(session: Session) -> None:
    answer = browser(session, access="good").get("/auth/me")
    assert answer.status_code == 200
    assert ACCESS not in answer.cookies
    session.refresh_from_db()
    assert session.generation == 0


def test_a_refused_request_carries_the_new_cookies_too(session: Session) -> None:
    answer = browser(session).get("/outages/NOPE-404")
    assert (answer.status_code, ACCESS in answer.cookies) == (404, True)


@pytest.mark.parametrize("header", ["Authorization", "X_API_Key"])
def test_a_header_renews_nothing_and_cookies_do_not_help_it(session: Session, header: str) -> None:
    expired = world.access_token(session.user, session, timezone.now() - timedelta(hours=1))
    sent = {header: f"Bearer {expired}" if header == "Authorization" else expired}
    answer = browser(session).get("/auth/me", **sent)
    assert problem(answer) == (401, "token_expired")
    session.refresh_from_db()
    assert session.generation == 0


@pytest.mark.parametrize(
    ("access", "refresh", "code"),
    [
        ("absent", "absent", "credentials_missing"),
        ("expired", "absent", "token_expired"),
        ("nonsense", "absent", "credentials_invalid"),
        ("expired", "expired", "token_expired"),
        ("expired", "nonsense", "credentials_invalid"),
        ("expired", "access", "credentials_invalid"),
        ("absent", "nonsense", "credentials_invalid"),
    ],
)
def test_what_renews_nothing_says_why(
    session: Session, access: str, refresh: str, code: str
) -> None:
    before = world.everything()
    answer = browser(session, access=access, refresh=refresh).get("/auth/me")
    assert problem(answer) == (401, code)
    assert world.everything() == before


def test_a_used_refresh_cookie_after_the_grace_betrays_its_theft(session: Session) -> None:
    services.rotate_session(session.id, 0, at=timezone.now() - timedelta(seconds=11))
    answer = browser(session).get("/auth/me")
    assert problem(answer) == (401, "session_revoked")
    session.refresh_from_db()
    assert (session.state, session.revoked_reason) == ("revoked", "token_reuse")


def test_within_the_grace_it_brings_the_present_pair(session: Session) -> None:
    services.rotate_session(session.id, 0, at=timezone.now() - timedelta(seconds=5))
    answer = browser(session).get("/auth/me")
    assert answer.status_code == 200
    claims = policy.read_token(
        answer.cookies[REFRESH].value,
        "refresh",
        key=configured.JWT_SECRET_KEY,
        at=timezone.now(),
    )
    assert claims.generation == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("times", [6, 30])
def test_parallel_page_requests_make_one_generation(times: int) -> None:
    session = world.session(world.person(), timezone.now() - timedelta(hours=2))
    browsers = [browser(session) for _ in range(times)]
    answers = world.at_once(times, lambda number: browsers[number].get("/auth/me").status_code)
    assert answers == [200] * times
    session.refresh_from_db()
    assert session.generation == 1


@pytest.mark.django_db(transaction=True)
def test_an_end_reaches_requests_that_are_under_way() -> None:
    user = world.person()
    session = world.session(user, timezone.now() - timedelta(hours=2))
    browsers = [browser(session) for _ in range(8)]

    def act(number: int) -> int:
        if number == 0:
            services.revoke_session(session.id, reason="x", actor=world.nobody(), at=timezone.now())
            return 0
        return browsers[number].get("/auth/me").status_code

    assert set(world.at_once(8, act)) <= {0, 200, 401}
    assert not Session.objects.filter(state="live").exists()
    assert {client.get("/auth/me").status_code for client in browsers} == {401}


# --- CSRF: who must prove that the page is ours -----------------------------------------------
def probe(client: world.Client, **headers: str) -> HttpResponse:
    """An operation that gets past authentication and then dislikes the media type."""
    return client.post("/outages", b"x", content_type="text/plain", **headers)


@pytest.mark.parametrize("access", ["good", "expired"])
@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, False),
        ({"X_CSRF_Token": "b" * 32}, False),
        ({"X_CSRF_Token": TOKEN}, True),
        ({"X_CSRF_Token": TOKEN, "Origin": OURS}, True),
        ({"X_CSRF_Token": TOKEN, "Origin": FOREIGN}, False),
        ({"X_CSRF_Token": TOKEN, "Origin": "null"}, False),
        ({"Origin": OURS}, False),
        ({"Sec_Fetch_Site": "same-origin"}, False),
    ],
    ids=str,
)
def test_a_write_by_cookies_shows_the_token_from_our_origin(
    session: Session, access: str, headers: dict[str, str], passes: bool
) -> None:
    answer = probe(browser(session, access=access), **headers)
    session.refresh_from_db()
    if passes:
        assert problem(answer) == (415, "unsupported_media_type")
        assert session.generation == (access == "expired")
    else:
        assert problem(answer) == (403, "csrf_failed")
        assert session.generation == 0
        assert ACCESS not in answer.cookies


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"Referer": "https://testserver/page"}, True),
        ({"Origin": "https://testserver"}, True),
        ({"Origin": OURS}, True),
        ({}, False),
        ({"Referer": f"{FOREIGN}/page"}, False),
        ({"Origin": FOREIGN}, False),
    ],
    ids=str,
)
def test_over_tls_a_write_by_cookies_names_where_it_comes_from(
    session: Session, settings: Settings, headers: dict[str, str], passes: bool
) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    client = browser(session, access="good")
    answer: Any = client.http.post(
        f"{configured.API_V1_PREFIX}/outages",
        b"x",
        content_type="text/plain",
        secure=True,
        headers={"X-CSRF-Token": TOKEN, **headers},
    )
    assert answer.status_code == (415 if passes else 403)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_needs_no_token(session: Session, method: str) -> None:
    answer = browser(session, access="good").request(method, "/auth/me", Origin=FOREIGN)
    assert answer.status_code in (200, 204)


def test_a_bearer_beside_the_cookies_needs_no_token(session: Session) -> None:
    bearer = f"Bearer {world.access_token(session.user, session)}"
    answer = probe(browser(session), Authorization=bearer, Origin=FOREIGN)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"Origin": OURS}, True),
        ({"Origin": "http://testserver"}, True),
        ({"Sec_Fetch_Site": "same-origin"}, True),
        ({}, False),
        ({"Origin": FOREIGN}, False),
        ({"Origin": "null"}, False),
        ({"Origin": FOREIGN, "Sec_Fetch_Site": "same-origin"}, False),
        ({"Sec_Fetch_Site": "cross-site"}, False),
        ({"Sec_Fetch_Site": "same-site"}, False),
        ({"Sec_Fetch_Site": "none"}, False),
        ({"Referer": "http://testserver/"}, False),
        ({"X_CSRF_Token": TOKEN}, True),
        ({"X_CSRF_Token": "b" * 32, "Origin": OURS}, False),
        ({"X_CSRF_Token": TOKEN, "Origin": FOREIGN}, False),
    ],
    ids=str,
)
def test_preferences_are_the_one_write_that_needs_no_token_from_a_page_of_ours(
    session: Session, headers: dict[str, str], passes: bool
) -> None:
    sent = {"tableDensity": "compact"}
    answer = browser(session, access="good").put("/user/preferences", sent, **headers)
    assert answer.status_code == (200 if passes else 403)
    session.user.refresh_from_db()
    assert session.user.preferences == (sent if passes else {})


def test_no_other_write_of_an_account_is_exempt(session: Session) -> None:
    client = browser(session, access="good")
    for method, path in (
        ("PATCH", "/auth/me/profile"),
        ("POST", "/auth/2fa/setup"),
        ("POST", "/auth/reauthenticate"),
        ("POST", "/auth/logout"),
        ("POST", "/auth/logout-all"),
        ("POST", "/auth/refresh"),
        ("DELETE", f"/auth/sessions/{session.wire_id}"),
    ):
        for headers in ({}, {"Origin": OURS}, {"Sec_Fetch_Site": "same-origin"}):
            answer = client.request(method, path, **headers)
            assert problem(answer) == (403, "csrf_failed"), f"{method} {path} {headers}"
    session.refresh_from_db()
    assert (session.state, session.generation) == ("live", 0)


@pytest.mark.parametrize("path", ["/auth/login", "/auth/register", "/auth/refresh"])
def test_where_no_authority_comes_from_cookies_a_foreign_page_or_a_form_is_refused(
    path: str,
) -> None:
    client = world.Client()
    assert problem(client.post(path, {"a": 1}, Origin=FOREIGN)) == (403, "csrf_failed")
    form = client.post(path, b"a=1", content_type="application/x-www-form-urlencoded")
    assert problem(form) == (415, "unsupported_media_type")


# --- When the cookies go ----------------------------------------------------------------------
def gone(answer: HttpResponse) -> bool:
    return {name for name in answer.cookies if answer.cookies[name]["max-age"] == 0} == {
        ACCESS,
        REFRESH,
        CSRF,
    }


def end(user: User) -> None:
    services.revoke_all_sessions(user.id, reason="x", actor=world.nobody(), at=timezone.now())


@pytest.mark.parametrize("way", ["access cookie", "refresh cookie", "bearer", "refresh call"])
def test_every_401_of_an_ended_session_takes_the_cookies_away(session: Session, way: str) -> None:
    end(session.user)
    client = browser(session, access="good" if way == "access cookie" else "expired")
    if way == "refresh call":
        answer = client.post("/auth/refresh", {"refresh_token": refresh_token(session)})
    elif way == "bearer":
        bearer = f"Bearer {world.access_token(session.user, session)}"
        answer = world.Client().get("/auth/me", Authorization=bearer)
    else:
        answer = client.get("/auth/me")
    assert problem(answer) == (401, "session_revoked")
    assert gone(answer)


@pytest.mark.parametrize(("access", "refresh"), [("expired", "absent"), ("nonsense", "nonsense")])
def test_another_401_leaves_the_cookies(session: Session, access: str, refresh: str) -> None:
    answer = browser(session, access=access, refresh=refresh).get("/auth/me")
    assert answer.status_code == 401
    assert not answer.cookies


def test_scripts_may_read_the_cookies_where_they_are_let(
    session: Session, settings: Settings
) -> None:
    settings.AUTH_COOKIE_HTTPONLY = False
    answer = browser(session).get("/auth/me")
    assert not answer.cookies[ACCESS]["httponly"]
    refreshed = browser(session).post(
        "/auth/refresh", {"refresh_token": answer.cookies[REFRESH].value}
    )
    assert refreshed.json()["refresh_token"] == refreshed.cookies[REFRESH].value


def test_a_session_near_its_end_gives_cookies_that_end_with_it(session: Session) -> None:
    now = timezone.now()
    Session.objects.filter(id=session.id).update(
        expires_at=now + timedelta(hours=1), ends_at=now + timedelta(hours=1)
    )
    answer = browser(session).get("/auth/me")
    assert 3590 <= int(answer.cookies[REFRESH]["max-age"]) <= 3600
    assert int(answer.cookies[CSRF]["max-age"]) == int(answer.cookies[REFRESH]["max-age"])
