"""One's own sessions: seen, ended one by one and all together."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import services
from accounts.api.own_account_forms import OwnSessionResponse
from accounts.models import Session, User
from core.ids import encode
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


def signed_in(user: User, session: Session) -> world.Client:
    return world.Client(world.access_token(user, session))


def test_one_sees_ones_live_sessions_and_which_is_this(user: User) -> None:
    now = timezone.now()
    own = world.session(user, now, address="198.51.100.7", user_agent="x", methods=["pwd"])
    other = world.session(user, now - timedelta(hours=1))
    world.session(user, now, state="pending")
    world.session(user, now, state="revoked", revoked_at=now)
    world.session(user, now - timedelta(days=15))
    world.session(world.person(), now)
    body = signed_in(user, own).get("/auth/sessions").json()
    assert [(each["id"], each["current"]) for each in body["items"]] == [
        (own.wire_id, True),
        (other.wire_id, False),
    ]
    assert body["total"] == 2
    shown = body["items"][0]
    assert list(shown) == list(OwnSessionResponse().fields)
    assert (shown["address"], shown["user_agent"], shown["methods"]) == (
        "198.51.100.7",
        "x",
        ["pwd"],
    )


@pytest.mark.parametrize("size", [1, 200])
def test_the_list_costs_the_same_whatever_its_length(
    user: User, size: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    own = world.session(user, now)
    for _ in range(20):
        world.session(user, now)
    client = signed_in(user, own)
    with django_assert_num_queries(3 if size == 1 else 2):  # a page that is not full counts itself
        client.get("/auth/sessions", {"page_size": str(size)})


def test_one_ends_another_session_of_ones_own(user: User) -> None:
    own, other = world.session(user), world.session(user)
    client = signed_in(user, own)
    answer = client.delete(f"/auth/sessions/{other.wire_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    other.refresh_from_db()
    assert (other.state, other.revoked_reason) == ("revoked", "ended_by_owner")
    assert problem(signed_in(user, other).get("/auth/me")) == (401, "session_revoked")
    assert client.get("/auth/me").status_code == 200
    again = client.delete(f"/auth/sessions/{other.wire_id}")
    assert problem(again) == (404, "session_not_found")


def test_ending_the_one_that_asks_takes_its_cookies(user: User) -> None:
    own = world.session(user)
    answer = signed_in(user, own).delete(f"/auth/sessions/{own.wire_id}")
    assert answer.status_code == 204
    assert {name: answer.cookies[name]["max-age"] for name in (ACCESS, REFRESH, CSRF)} == {
        ACCESS: 0,
        REFRESH: 0,
        CSRF: 0,
    }


@pytest.mark.parametrize("role", ["engineer", "admin"])
def test_the_session_of_another_is_not_found_by_whoever_asks(role: str) -> None:
    foreign = world.session(world.person())
    client = world.client(role)
    before = world.everything()
    for named in (foreign.wire_id, encode("ses", uuid4())):
        assert problem(client.delete(f"/auth/sessions/{named}")) == (404, "session_not_found")
    answer = client.delete("/auth/sessions/usr_01h455vb4pex5vsknk084sn02q")
    assert problem(answer) == (400, "malformed_id")
    assert world.everything() == before


def test_nobody_ends_sessions_in_anothers_name(user: User) -> None:
    theirs = world.session(user)
    acting = world.Client(world.impersonation(user).access_token)
    assert acting.get("/auth/sessions").status_code == 200
    before = world.everything()
    for answer in (
        acting.delete(f"/auth/sessions/{theirs.wire_id}"),
        acting.post("/auth/logout-all"),
    ):
        assert problem(answer) == (403, "impersonating")
    assert world.everything() == before


@pytest.mark.parametrize("path", ["/auth/logout-all", "/auth/revoke"])
def test_signing_out_everywhere_ends_all_sessions_and_leaves_the_keys(
    user: User, path: str
) -> None:
    own = world.session(user)
    others = [world.session(user) for _ in range(2)]
    stranger = world.session(world.person())
    key = world.api_key(user)
    answer = signed_in(user, own).post(path)
    assert answer.json() == {"message": "Signed out everywhere.", "sessions_invalidated": 3}
    assert {answer.cookies[name]["max-age"] for name in (ACCESS, REFRESH, CSRF)} == {0}
    for session in (own, *others):
        assert problem(signed_in(user, session).get("/auth/me")) == (401, "session_revoked")
    stranger.refresh_from_db()
    assert stranger.state == "live"
    assert world.Client().get("/outages", X_API_Key=key.raw_key).status_code == 200


def test_an_expired_token_of_a_live_session_is_enough_to_sign_out_everywhere(user: User) -> None:
    session = world.session(user, timezone.now() - timedelta(hours=1))
    token = world.access_token(user, session, session.created_at)
    answer = world.Client().post("/auth/logout-all", Authorization=f"Bearer {token}")
    assert answer.json()["sessions_invalidated"] == 1


@pytest.mark.parametrize("token", ["absent", "nonsense", "of an ended session"])
def test_a_token_of_no_live_session_ends_nothing(user: User, token: str) -> None:
    world.session(user)
    ended = world.session(user)
    services.revoke_session(ended.id, reason="x", actor=world.nobody(), at=timezone.now())
    sent = {
        "absent": {},
        "nonsense": {"Authorization": "Bearer x.y.z"},
        "of an ended session": {"Authorization": f"Bearer {world.access_token(user, ended)}"},
    }[token]
    answer = world.Client().post("/auth/logout-all", **sent)
    assert (answer.status_code, answer.json()["sessions_invalidated"]) == (200, 0)
    assert Session.objects.filter(state="live").count() == 1


@pytest.mark.parametrize(
    "body", [{"refresh_token": ""}, {"refresh_token": 5}, {"refresh_token": None}, {"x": []}]
)
def test_whatever_is_sent_signing_out_succeeds(body: dict[str, object]) -> None:
    for path in ("/auth/logout", "/auth/logout-all"):
        answer = world.Client().post(path, body)
        assert (answer.status_code, answer.json()["sessions_invalidated"]) == (200, 0)


def test_an_expired_access_token_is_enough_to_sign_out(user: User) -> None:
    session = world.session(user, timezone.now() - timedelta(hours=1))
    token = world.access_token(user, session, session.created_at)
    answer = world.Client().post("/auth/logout", Authorization=f"Bearer {token}")
    assert answer.json()["sessions_invalidated"] == 1
    session.refresh_from_db()
    assert session.revoked_reason == "logout"


def test_a_sign_in_is_a_new_session_whatever_cookies_were_there(user: User) -> None:
    planted = world.session(user)
    client = world.Client()
    client.http.cookies[ACCESS] = world.access_token(user, planted)
    client.http.cookies[CSRF] = "a" * 32
    answer = client.post("/auth/login", {"email": user.email, "password": world.PASSWORD})
    assert answer.status_code == 200
    assert answer.cookies[CSRF].value != "a" * 32
    assert Session.objects.count() == 2
    current = [each for each in client.get("/auth/sessions").json()["items"] if each["current"]]
    assert current[0]["id"] != planted.wire_id


def test_a_key_sees_no_sessions(user: User) -> None:
    key = world.api_key(user).raw_key
    assert problem(world.Client().get("/auth/sessions", X_API_Key=key)) == (403, "forbidden")


@pytest.mark.parametrize("trigger", ["password", "second factor", "disabled", "last grant"])
def test_what_ends_sessions(user: User, trigger: str) -> None:
    now = timezone.now()
    other, own = world.session(user, now), world.session(user, now)
    actor = codes.acting_in(own, now)
    if trigger == "password":
        services.change_password(
            world.PASSWORD, "another horse battery staple", actor=actor, at=now
        )
    elif trigger == "second factor":
        shown = services.begin_2fa(actor=actor, at=now)
        services.confirm_2fa(codes.Device(shown.secret, []).code(now), actor=actor, at=now)
    elif trigger == "disabled":
        services.disable_user(user.id, actor=world.nobody(), at=now)
    else:
        services.end_grant(user.grants.get().id, actor=world.nobody(), at=now)
    keeps = trigger in ("password", "second factor")
    assert problem(signed_in(user, other).get("/auth/me")) == (401, "session_revoked")
    assert signed_in(user, own).get("/auth/me").status_code == (200 if keeps else 401)
