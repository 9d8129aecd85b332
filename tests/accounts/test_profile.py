"""Who one is, and what one changes of it."""

from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import services
from accounts.api.own_account_forms import ProfileResponse
from accounts.models import User
from audit.models import Entry
from core.actors import Actor
from core.errors import NothingToChange
from tests import world
from tests.accounts import codes

pytestmark = pytest.mark.django_db
AT = world.AT
WALLET = "G" + "A2" * 27 + "B"


def problem(answer: HttpResponse) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def user() -> User:
    return world.person(full_name="Ada")


def test_a_profile_is_changed_member_by_member(user: User) -> None:
    client = world.client(user=user)
    answer = client.patch("/auth/me/profile", {"full_name": " Ada Obi ", "role": "admin"})
    assert answer.status_code == 200
    assert list(answer.json()) == list(ProfileResponse().fields)
    assert (answer.json()["full_name"], answer.json()["role"]) == ("Ada Obi", "engineer")
    client.patch("/auth/me/profile", {"stellar_wallet": WALLET, "timezone": "Africa/Lagos"})
    told = client.get("/auth/me").json()
    assert (told["full_name"], told["stellar_wallet"]) == ("Ada Obi", WALLET)
    user.refresh_from_db()
    assert user.timezone == "Africa/Lagos"
    for cleared in (None, ""):
        client.patch("/auth/me/profile", {"stellar_wallet": WALLET})
        answer = client.patch("/auth/me/profile", {"stellar_wallet": cleared})
        assert answer.json()["stellar_wallet"] is None


def test_the_log_tells_what_changed_and_never_the_words(user: User) -> None:
    services.change_profile(
        {"full_name": "Grace", "timezone": "UTC"}, actor=codes.caller(user), at=AT
    )
    entry = Entry.objects.get(action="accounts.change_profile")
    assert '"changed":["full_name"]' in entry.body
    assert "Grace" not in entry.body


def test_the_same_again_changes_nothing(user: User) -> None:
    actor = codes.caller(user)
    before = world.everything()
    services.change_profile({"full_name": "Ada"}, actor=actor, at=AT)
    assert world.everything() == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "nothing_to_change"),
        ({"email": "x@example.com"}, "nothing_to_change"),
        ({"full_name": None}, "validation_failed"),
        ({"full_name": "  "}, "validation_failed"),
        ({"full_name": "x" * 256}, "validation_failed"),
        ({"timezone": None}, "validation_failed"),
        ({"timezone": "Mars/Olympus"}, "unknown_zone"),
        ({"timezone": "../etc/passwd"}, "unknown_zone"),
        ({"stellar_wallet": "GABC"}, "invalid_wallet"),
        ({"stellar_wallet": "S" + WALLET[1:]}, "invalid_wallet"),
        ({"stellar_wallet": WALLET.lower()}, "invalid_wallet"),
        ({"full_name": "Eve", "stellar_wallet": "x"}, "invalid_wallet"),
    ],
    ids=str,
)
def test_a_fault_changes_nothing(user: User, body: dict[str, object], code: str) -> None:
    client = world.client(user=user)
    before = world.everything()
    answer = client.patch("/auth/me/profile", body)
    assert problem(answer) == (422, code)
    assert world.everything() == before


def test_a_fault_points_at_its_member(user: User) -> None:
    answer = world.client(user=user).patch("/auth/me/profile", {"timezone": "Mars/Olympus"})
    assert answer.json()["errors"][0]["pointer"] == "/timezone"


def test_nobody_changes_the_profile_of_another(user: User) -> None:
    acting = world.Client(world.impersonation(user).access_token)
    answer = acting.patch("/auth/me/profile", {"full_name": "Eve"})
    assert problem(answer) == (403, "impersonating")
    key = world.api_key(user).raw_key
    answer = world.Client().patch("/auth/me/profile", {"full_name": "Eve"}, X_API_Key=key)
    assert problem(answer) == (403, "forbidden")
    user.refresh_from_db()
    assert user.full_name == "Ada"


def test_the_verb_takes_only_what_may_be_changed(user: User) -> None:
    actor: Actor = codes.caller(user)
    with pytest.raises(NothingToChange):
        services.change_profile({"status": "disabled", "email": "x"}, actor=actor, at=AT)


def test_me_tells_of_teams_their_grants_and_the_second_factor(
    user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    admin = world.actor("admin")
    for name in ("Transport", "Core"):
        team = services.create_team(name, actor=admin, at=AT)
        services.set_members(team.id, [user.id], actor=admin, at=AT)
        services.grant_team_role(team.id, "manager", actor=admin, at=AT)
    codes.device(user, timezone.now())
    client = world.client(user=user)
    with django_assert_num_queries(3):  # who calls; the person, teams and device; the grants
        told = client.get("/auth/me").json()
    assert told["teams"] == ["Core", "Transport"]
    assert sorted(grant["role"] for grant in told["grants"]) == ["engineer", "manager", "manager"]
    assert told["role"] == "manager"
    assert "audit:read" in told["permissions"]
    assert (told["two_factor"], told["acting_as"]) == (True, None)


def test_me_tells_who_somebody_acts_as(user: User) -> None:
    acting = world.Client(world.impersonation(user).access_token)
    told = acting.get("/auth/me").json()
    assert (told["id"], told["acting_as"]) == (user.wire_id, user.wire_id)


def test_a_key_is_told_what_it_opens_and_no_more(user: User) -> None:
    made = world.api_key(user, "outages:write", "sla:read")
    told = world.Client().get("/auth/me", X_API_Key=made.raw_key).json()
    assert told["id"] == user.wire_id
    assert told["permissions"] == ["outages:read", "outages:write", "sla:read"]


def test_a_grant_that_is_over_is_not_told(user: User) -> None:
    user.grants.update(valid_until=timezone.now() - timedelta(seconds=1))
    told = world.client(user=user).get("/auth/me").json()
    assert (told["role"], told["grants"], told["permissions"]) == (None, [], [])
