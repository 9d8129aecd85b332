"""Who is let through, by which proof; the row decides, whatever was signed."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import services
from accounts.models import Session, User
from core.ids import encode
from tests import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return world.person("engineer")


@pytest.fixture
def session(user: User) -> Session:
    return world.session(user)


def me(token: str, scheme: str = "Bearer") -> HttpResponse:
    return world.Client().get("/auth/me", Authorization=f"{scheme} {token}")


def code(response: HttpResponse) -> str:
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="noc-iq"'
    return str(response.json()["code"])


def forged(
    user: User, session: Session, key: str = "", algorithm: str = "HS256", **claims: Any
) -> str:
    now = int(timezone.now().timestamp())
    told = {
        "iss": "noc-iq",
        "aud": "noc-iq",
        "sub": user.wire_id,
        "sid": session.wire_id,
        "jti": "x",
        "iat": now,
        "exp": now + 900,
        "token_type": "access",
    }
    whole = {name: value for name, value in (told | claims).items() if value is not None}
    return jwt.encode(whole, key or settings.JWT_SECRET_KEY, algorithm=algorithm)


def test_me_tells_who_one_is(user: User, session: Session) -> None:
    answer = me(world.access_token(user, session))
    grant = user.grants.get()
    assert answer.json() == {
        "id": user.wire_id,
        "email": user.email,
        "full_name": user.full_name,
        "role": "engineer",
        "stellar_wallet": None,
        "created_at": "2020-01-01T00:00:00Z",
        "grants": [
            {
                "id": grant.wire_id,
                "role": "engineer",
                "scope_kind": "global",
                "scope_id": None,
                "source": "manual",
                "valid_until": None,
            }
        ],
        "teams": [],
        "permissions": [
            "outages:read",
            "outages:write",
            "payments:read",
            "payments:write",
            "sites:read",
            "sites:write",
            "sla:read",
            "sla:write",
            "webhooks:read",
            "webhooks:write",
        ],
        "two_factor": False,
        "acting_as": None,
    }
    assert "apex_csrf" in answer.cookies
    assert answer["Cache-Control"] == "no-store"


def test_without_credentials_one_is_asked_for_them() -> None:
    assert code(world.Client().get("/auth/me")) == "credentials_missing"


def test_our_own_claims_are_the_measure_of_the_forgeries(user: User, session: Session) -> None:
    assert me(forged(user, session)).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"aud": None},
        {"iss": "another"},
        {"iss": None},
        {"token_type": "refresh"},
        {"token_type": "refresh", "gen": 0},
        {"token_type": None},
        {"gen": 0},
        {"sid": None},
        {"sid": "ses_x"},
        {"sid": 5},
        {"sub": None},
        {"sub": "usr_01h455vb4pex5vsknk084sn02q"},
        {"sid": "ses_01h455vb4pex5vsknk084sn02q"},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": 10**30},
    ],
    ids=str,
)
def test_a_token_that_is_not_ours_is_invalid(
    user: User, session: Session, claims: dict[str, Any]
) -> None:
    assert code(me(forged(user, session, **claims))) == "credentials_invalid"


def test_a_token_signed_otherwise_is_invalid(user: User, session: Session) -> None:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    body = forged(user, session).split(".")[1]
    unsigned = f"{part({'alg': 'none', 'typ': 'JWT'})}.{body}."
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    for token in (
        unsigned,
        forged(user, session, key="k" * 64),
        forged(user, session, key=settings.JWT_SECRET_KEY * 2, algorithm="HS512"),
        forged(user, session, algorithm="HS512"),
        f"{deep}.{body}.x",
        f"{base64.urlsafe_b64encode(b'[' * 700).decode()}.{body}.x",
        "nonsense",
        "a.b.c",
        "ä.ö.ü",
        "noc_7zzk2m9q4x1c_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    ):
        assert code(me(token)) == "credentials_invalid"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token x"])
def test_another_form_of_authorization_is_invalid_and_cookies_do_not_help(
    user: User, session: Session, header: str
) -> None:
    client = world.Client()
    client.http.cookies["noc_access_token"] = world.access_token(user, session)
    assert client.get("/auth/me").status_code == 200
    assert code(client.get("/auth/me", Authorization=header)) == "credentials_invalid"


def test_the_first_proof_that_is_present_decides(user: User, session: Session) -> None:
    good = world.access_token(user, session)
    client = world.Client()
    assert client.get("/auth/me", Authorization=f"Bearer {good}", X_API_Key="x").status_code == 200
    assert code(client.get("/auth/me", X_API_Key="x")) == "credentials_invalid"
    client.http.cookies["noc_access_token"] = good
    assert code(client.get("/auth/me", X_API_Key="")) == "credentials_invalid"


def test_a_token_ends_with_ten_seconds_of_leeway(user: User, session: Session) -> None:
    now = timezone.now()
    for ago, expected in ((905, 200), (915, 401)):
        token = world.access_token(user, session, at=now - timedelta(seconds=ago))
        answer = me(token)
        assert answer.status_code == expected
    assert code(answer) == "token_expired"


@pytest.mark.parametrize("end", ["revoked", "disabled", "idle", "absolute"])
def test_the_row_decides_on_the_very_next_request(user: User, session: Session, end: str) -> None:
    token = world.access_token(user, session)
    assert me(token).status_code == 200
    now = timezone.now()
    rows = Session.objects.filter(id=session.id)
    if end == "revoked":
        services.revoke_session(session.id, reason="x", actor=world.nobody(), at=now)
    elif end == "disabled":
        User.objects.filter(id=user.id).update(status="disabled")
    elif end == "idle":
        rows.update(expires_at=now)
    else:
        rows.update(expires_at=now - timedelta(1), ends_at=now)
    assert code(me(token)) == "session_revoked"


def test_a_pending_session_is_no_session_yet(user: User) -> None:
    session = world.session(user, state="pending")
    assert code(me(world.access_token(user, session))) == "credentials_invalid"


def test_a_new_role_counts_from_the_next_request(user: User, session: Session) -> None:
    token = world.access_token(user, session)
    services.grant_role(user.id, "manager", actor=world.nobody(), at=timezone.now())
    assert me(token).json()["role"] == "manager"


def test_an_expired_role_counts_no_more(session: Session, user: User) -> None:
    user.grants.update(valid_until=datetime(2025, 1, 1, tzinfo=UTC))
    answer = me(world.access_token(user, session))
    assert (answer.json()["role"], answer.json()["grants"]) == (None, [])


def test_the_actor_costs_one_statement(
    user: User, session: Session, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    services.grant_role(
        user.id,
        "viewer",
        scope_kind="site",
        scope_id=encode("site", user.id),
        actor=world.nobody(),
        at=world.AT,
    )
    token = world.access_token(user, session)
    with django_assert_num_queries(3):  # the actor; the person and grants that /auth/me shows
        me(token)


def test_being_seen_is_noted_once_a_minute(user: User) -> None:
    session = world.session(user, timezone.now() - timedelta(minutes=5))
    token = world.access_token(user, session)
    me(token)
    first = Session.objects.get(id=session.id).last_seen_at
    me(token)
    assert timezone.now() - first < timedelta(seconds=5)
    assert Session.objects.get(id=session.id).last_seen_at == first


@pytest.mark.parametrize(
    ("header", "origin", "expected"),
    [
        ("", None, 403),
        ("wrong", None, 403),
        ("right", None, 415),
        ("right", "https://evil.example", 403),
        ("right", "http://localhost:3000", 415),
    ],
)
def test_cookies_alone_write_only_with_the_csrf_token_and_from_our_origin(
    user: User, session: Session, header: str, origin: str | None, expected: int
) -> None:
    """The probe is an operation that gets past authentication and then dislikes the media type."""
    client = world.Client()
    client.http.cookies["noc_access_token"] = world.access_token(user, session)
    client.http.cookies["apex_csrf"] = "a" * 32
    headers = {"X_CSRF_Token": "a" * 32 if header == "right" else "b" * 32} if header else {}
    if origin:
        headers["Origin"] = origin
    answer = client.post("/outages", b"x", content_type="text/plain", **headers)
    assert answer.status_code == expected
    if expected == 403:
        assert answer.json()["code"] == "csrf_failed"


def test_bearers_need_no_csrf_token(user: User, session: Session) -> None:
    client = world.Client(world.access_token(user, session))
    answer = client.post("/outages", b"x", content_type="text/plain", Origin="https://x.example")
    assert answer.status_code == 415
