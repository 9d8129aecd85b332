"""Ways to more rights than one was given: each ends where it began."""

from typing import Any

import pytest
from django.http import HttpResponse
from pytest_django import Settings

from accounts import queries, services
from accounts.models import Grant, User
from core.models import EventRow
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT
RANKS = ["viewer", "operator", "engineer", "manager"]


def problem(response: HttpResponse) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def rights() -> set[tuple[str, str, str]]:
    """Who holds what, in teams or by themselves."""
    return {
        (user.wire_id, grant.role, grant.scope_id or "")
        for user in User.objects.all()
        for grant in Grant.objects.held_by(user.id).live(AT)
    }


@pytest.mark.parametrize("policy", ["open", "approval"])
@pytest.mark.parametrize("role", ["viewer", "engineer"])
def test_a_stranger_registers_with_the_role_of_strangers(
    policy: str, role: str, settings: Settings
) -> None:
    settings.REGISTRATION_POLICY, settings.REGISTRATION_ROLE = policy, role
    given: dict[str, Any] = {"email": "eve@x.test", "password": world.PASSWORD, "role": "admin"}
    given |= {"status": "active", "grants": [{"role": "admin"}], "teams": ["x"], "is_staff": True}
    answer = world.client(None).post("/auth/register", given)
    assert (answer.status_code, answer.json()["role"]) == (201, role)
    eve = User.objects.get(email="eve@x.test")
    assert [grant.role for grant in eve.live_grants] == [role]
    assert eve.status == ("active" if policy == "open" else "disabled")


@pytest.mark.parametrize("rank", RANKS)
def test_whoever_is_signed_in_registers_nobody_with_a_role_of_their_choice(
    rank: str, settings: Settings
) -> None:
    settings.REGISTRATION_POLICY, settings.REGISTRATION_ROLE = "open", "viewer"
    given = {"email": "eve@x.test", "password": world.PASSWORD, "role": "manager"}
    answer = world.client(rank).post("/auth/register", given)
    assert (answer.status_code, answer.json()["role"]) == (201, "viewer")


@pytest.mark.parametrize("rank", RANKS)
def test_nobody_below_an_administrator_moves_any_right(rank: str) -> None:
    eve, client = world.standing(rank), world.client(rank)
    team = services.create_team("Core network", actor=world.nobody(), at=AT)
    services.grant_team_role(team.id, "manager", actor=world.nobody(), at=AT)
    boss = world.person("admin")
    mine, theirs = eve.grants.get().wire_id, boss.grants.get().wire_id
    before = rights()
    for method, path, body in (
        ("POST", f"/access/users/{eve.wire_id}/grants", {"role": "admin"}),
        ("POST", f"/access/teams/{team.wire_id}/grants", {"role": "manager"}),
        ("PUT", f"/access/teams/{team.wire_id}/members", {"user_ids": [eve.wire_id]}),
        ("POST", "/access/users", {"email": "eve2@x.test", "role": "admin"}),
        ("POST", "/access/group-mappings", {"claim_value": "everybody", "role": "admin"}),
        ("DELETE", f"/access/grants/{theirs}", None),
        ("DELETE", f"/access/grants/{mine}", None),
        ("POST", f"/access/users/{boss.wire_id}/disable", None),
        ("POST", f"/access/users/{boss.wire_id}/erase", {"reason": "Mine now."}),
    ):
        assert problem(client.request(method, path, body)) == (403, "forbidden"), path
    assert rights() == before
    assert User.objects.get(id=boss.id).status == "active"


def test_an_administrator_of_a_team_of_none_gains_nothing_by_joining_one() -> None:
    eve = world.standing("admin")
    client, other = world.client("admin"), world.person("admin")
    team = services.create_team("Core network", actor=world.nobody(), at=AT)
    members = f"/access/teams/{team.wire_id}/members"
    assert client.put(members, {"user_ids": [eve.wire_id]}).status_code == 200
    answer = client.post(f"/access/teams/{team.wire_id}/grants", {"role": "manager"})
    assert problem(answer) == (403, "own_grants")
    given = world.client(user=other).post(
        f"/access/teams/{team.wire_id}/grants", {"role": "manager"}
    )
    assert given.status_code == 201
    assert EventRow.objects.filter(type="account.changed", subject=eve.wire_id).count() == 2


def test_a_role_that_was_taken_away_gives_nothing_to_the_very_next_request() -> None:
    eve, client = world.standing("admin"), world.client("admin")
    services.grant_role(eve.id, "viewer", actor=world.proved(world.person("admin")), at=AT)
    answer = client.post("/access/users", {"email": "new@x.test", "role": "admin"})
    assert problem(answer) == (403, "forbidden")
    assert client.get("/auth/me").json()["role"] == "viewer"


def test_a_role_of_a_team_ends_with_the_membership_at_once() -> None:
    eve = world.person("viewer")
    client = world.client(user=eve)
    team = services.create_team("Core network", actor=world.nobody(), at=AT)
    services.grant_team_role(team.id, "manager", actor=world.nobody(), at=AT)
    services.set_members(team.id, [eve.id], actor=world.nobody(), at=AT)
    assert client.get("/access/users").status_code == 200
    services.set_members(team.id, [], actor=world.nobody(), at=AT)
    assert problem(client.get("/access/users")) == (403, "forbidden")


def test_who_is_disabled_or_erased_gets_no_role_back_by_a_team() -> None:
    eve, gone = world.person(None), world.person(None)
    services.disable_user(eve.id, actor=world.nobody(), at=AT)
    services.erase_user(gone.id, actor=world.nobody(), at=AT, reason="asked us to")
    team = services.create_team("Core network", actor=world.nobody(), at=AT)
    for user in (eve, gone):
        with pytest.raises(services.UnknownMember):
            services.set_members(team.id, [user.id], actor=world.nobody(), at=AT)
    assert queries.acting(eve.wire_id) is None


@pytest.mark.django_db(transaction=True)
def test_of_an_end_and_a_gift_at_once_no_right_is_left_that_nobody_gave() -> None:
    for number in range(5):
        eve = world.person(None)
        team = services.create_team(f"Team {number}", actor=world.nobody(), at=AT)
        services.set_members(team.id, [eve.id], actor=world.nobody(), at=AT)
        session = world.session(eve, AT)
        calls = [
            lambda team=team: services.grant_team_role(
                team.id, "manager", actor=world.nobody(), at=AT
            ),
            lambda team=team: services.delete_team(team.id, actor=world.nobody(), at=AT),
        ]

        def attempt(place: int, calls: list = calls) -> None:
            try:
                calls[place]()
            except services.TeamNotFound:
                assert place == 0

        world.at_once(2, attempt)
        assert not Grant.objects.filter(team=team).live(AT).exists()
        session.refresh_from_db()
        assert session.state == "revoked"
