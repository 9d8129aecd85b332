"""The whole story of an impersonation, as the doors see it."""

import re
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.urls import get_resolver
from django.utils import timezone

from accounts import queries
from accounts.models import Session, User
from audit.models import Entry
from core.actors import ImpersonatorRefused, require_oneself
from core.ids import encode, uuid7
from tests import world
from tests.accounts.test_calling_by_key import _views

pytestmark = pytest.mark.django_db


@pytest.fixture
def target() -> User:
    return world.person("engineer")


@pytest.fixture
def own() -> Session:
    return world.session(world.standing("admin"), mfa_at=timezone.now())


@pytest.fixture
def admin(own: Session) -> world.Client:
    return world.Client(world.access_token(own.user, own))


def begin(admin: world.Client, target: User, reason: str = "Ticket 4711, no sites") -> HttpResponse:
    return admin.post("/auth/impersonate", {"user_id": target.wire_id, "reason": reason})


@pytest.fixture
def acting(admin: world.Client, target: User) -> world.Client:
    return world.Client(begin(admin, target).json()["access_token"])


def code(answer: HttpResponse) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_it_answers_a_token_and_neither_cookies_nor_a_refresh_token(
    admin: world.Client, target: User
) -> None:
    answer = begin(admin, target)
    assert answer.status_code == 200
    told = answer.json()
    assert set(told) == {"access_token", "token_type", "expires_in", "acting_as", "session_id"}
    assert (told["token_type"], told["expires_in"]) == ("bearer", 900)
    assert told["acting_as"] == target.wire_id
    assert not answer.cookies
    assert answer["Cache-Control"] == "no-store"


def test_me_is_the_person_and_says_so(acting: world.Client, target: User) -> None:
    told = acting.get("/auth/me").json()
    assert (told["id"], told["acting_as"]) == (target.wire_id, target.wire_id)


def test_reading_and_everyday_work_go_on_under_the_persons_name(
    acting: world.Client, target: User, own: Session
) -> None:
    answer = acting.post(
        "/outages",
        {
            "site_name": "Lagos Island",
            "severity": "critical",
            "detected_at": "2026-01-05T10:00:00Z",
            "description": "No signal",
        },
    )
    assert answer.status_code == 201
    entry = Entry.objects.get(action="outages.open")
    assert (entry.actor_id, own.user.wire_id in entry.links) == (target.wire_id, True)


# What an impersonator may do of all that changes something here: it ends the impersonation, is of
# no account, or says how a table looks.
ALLOWED = {
    ("post", "/auth/logout"),
    ("delete", "/auth/impersonate"),
    ("put", "/user/preferences"),
    ("post", "/auth/login"),
    ("post", "/auth/login/verify"),
    ("post", "/auth/refresh"),
    ("post", "/auth/register"),
    ("post", "/auth/password/forgot"),
    ("post", "/auth/password/reset"),
}


def _asked(target: User) -> dict[str, object]:
    """A body that satisfies every form of accounts; what one does not know, it ignores."""
    return {
        "claim_value": "noc",
        "code": "123456",
        "confirm": "ERASE",
        "current_password": world.PASSWORD,
        "email": "somebody@example.test",
        "full_name": "Somebody",
        "name": "Something",
        "password": world.PASSWORD,
        "reason": "because I can do it",
        "responsible": target.wire_id,
        "role": "viewer",
        "scopes": ["outages:read"],
        "user_id": target.wire_id,
        "user_ids": [target.wire_id],
    }


def test_power_is_not_borrowed(
    acting: world.Client, target: User, settings: pytest.FixtureRequest
) -> None:
    settings.OAUTH_PROVIDER_ID = "corp"
    named = {
        "user_id": world.person().wire_id,
        "account_id": target.wire_id,
        "team_id": encode("tem", uuid7()),
        "grant_id": target.grants.get().wire_id,
        "mapping_id": encode("gmp", uuid7()),
        "key_id": world.api_key(target).key.wire_id,
        "session_id": world.session(target).wire_id,
    }
    tried = 0
    for route, view in _views(get_resolver()):
        path = route.replace("^", "").removeprefix("api/v1").replace("/?$", "")
        path = re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda found: named.get(found[1], "x"), path)
        path = "/" + path.strip("/")
        if not view.__module__.startswith("accounts."):
            continue
        for method in ("post", "put", "patch", "delete"):
            if not hasattr(view, method) or (method, path) in ALLOWED:
                continue
            before = world.everything()
            answer = acting.request(method.upper(), path, _asked(target))
            assert code(answer) == (403, "impersonating"), (method, path)
            after = world.everything()
            changed = {name for name in after if after[name] != before.get(name)}
            assert changed <= {"accounts_session"}, (method, path)
            tried += 1
    assert tried > 25


def test_a_key_of_the_person_is_neither_rotated_nor_revoked(
    acting: world.Client, target: User
) -> None:
    key = world.api_key(target).key.wire_id
    assert code(acting.post(f"/api-keys/{key}/rotate")) == (403, "impersonating")
    assert code(acting.delete(f"/api-keys/{key}")) == (403, "impersonating")


def test_the_impersonation_ends_itself(acting: world.Client, admin: world.Client) -> None:
    assert acting.delete("/auth/impersonate").status_code == 204
    assert code(acting.get("/auth/me")) == (401, "session_revoked")
    assert admin.get("/auth/me").status_code == 200


def test_the_administrator_ends_it(acting: world.Client, admin: world.Client) -> None:
    assert admin.delete("/auth/impersonate").status_code == 204
    assert code(acting.get("/auth/me")) == (401, "session_revoked")
    assert admin.delete("/auth/impersonate").status_code == 204


def test_logging_out_of_it_ends_it_and_links_the_administrator(
    acting: world.Client, admin: world.Client, own: Session
) -> None:
    assert acting.post("/auth/logout").json()["sessions_invalidated"] == 1
    assert code(acting.get("/auth/me")) == (401, "session_revoked")
    assert admin.get("/auth/me").status_code == 200
    entry = Entry.objects.filter(action="accounts.revoke_session").get()
    assert own.user.wire_id in entry.links


def test_logging_the_administrator_out_ends_it(acting: world.Client, admin: world.Client) -> None:
    admin.post("/auth/logout")
    assert code(acting.get("/auth/me")) == (401, "session_revoked")


def test_time_ends_it(acting: world.Client, target: User) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Session.objects.filter(user=target).update(expires_at=past, ends_at=past)
    assert code(acting.get("/auth/me")) == (401, "session_revoked")


@pytest.mark.parametrize("reason", ["too short", ""])
def test_a_reason_is_asked_for(admin: world.Client, target: User, reason: str) -> None:
    answer = begin(admin, target, reason)
    assert code(answer) == (422, "validation_failed")
    assert answer.json()["errors"][0]["pointer"] == "/reason"


def test_nobody_acts_as_an_administrator(admin: world.Client) -> None:
    assert code(begin(admin, world.person("admin"))) == (409, "not_impersonable")


def test_without_a_second_factor_nobody_acts_as_others(target: User) -> None:
    assert code(begin(world.client("admin"), target)) == (403, "second_factor_required")


def test_only_administrators_act_as_others(target: User) -> None:
    assert code(begin(world.client("manager"), target)) == (403, "forbidden")


def test_what_is_only_done_in_ones_own_name_asks_first() -> None:
    made = world.impersonation(world.person())
    actor, _ = queries.actor_of_session(made.session.id, at=timezone.now())
    with pytest.raises(ImpersonatorRefused):
        require_oneself(actor)
