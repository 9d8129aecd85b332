from datetime import timedelta
from uuid import uuid4

import pytest

from accounts import policy, queries, services
from accounts.models import Grant, Session, Team, User
from audit.models import Entry
from core.actors import NotPermitted, ReauthenticationRequired
from core.ids import encode, uuid7
from core.models import EventRow
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def team(*members: User, name: str = "Core network") -> Team:
    made = services.create_team(name, actor=world.nobody(), at=AT)
    return services.set_members(
        made.id, [member.id for member in members], actor=world.nobody(), at=AT
    )


def give(team: Team, role: str = "engineer", **more: object) -> Grant:
    return services.grant_team_role(team.id, role, actor=world.nobody(), at=AT, **more)


def test_everybody_in_the_team_holds_the_role() -> None:
    members = [world.person(None), world.person("viewer")]
    grant = give(team(*members))
    assert [queries.actor_of(each).global_role for each in members] == ["engineer", "engineer"]
    assert (grant.user_id, grant.team_id) != (None, None)


def test_each_member_is_told() -> None:
    members = [world.person(None), world.person(None)]
    made = team(*members)
    EventRow.objects.all().delete()
    give(made)
    told = EventRow.objects.filter(type="account.changed")
    assert {row.subject for row in told} == {each.wire_id for each in members}


def test_a_team_holds_one_role_in_a_place_and_roles_in_many() -> None:
    made, region = team(), encode("reg", uuid7())
    give(made, "viewer")
    give(made, "engineer", scope_kind="region", scope_id=region)
    give(made, "operator")
    live = Grant.objects.filter(team=made).live(AT).order_by("id")
    assert [(grant.role, grant.scope_id) for grant in live] == [
        ("engineer", region),
        ("operator", None),
    ]


def test_the_same_role_again_is_no_change() -> None:
    made = team()
    give(made)
    before = world.everything()
    give(made)
    assert world.everything() == before


def test_no_team_is_an_administrator() -> None:
    made, admin = team(), world.actor("admin")
    before = world.everything()
    with pytest.raises(policy.RoleNotForTeams):
        services.grant_team_role(made.id, "admin", actor=admin, at=AT)
    assert world.everything() == before


def test_nobody_gives_to_a_team_they_are_in() -> None:
    admin = world.standing("admin")
    made = team(admin)
    before = world.everything()
    with pytest.raises(policy.OwnGrants):
        services.grant_team_role(made.id, "viewer", actor=world.proved(admin), at=AT)
    assert world.everything() == before


def test_nobody_ends_a_grant_of_a_team_they_are_in() -> None:
    admin = world.standing("admin")
    grant = give(team(admin))
    before = world.everything()
    with pytest.raises(policy.OwnGrants):
        services.end_grant(grant.id, actor=world.proved(admin), at=AT)
    assert world.everything() == before


@pytest.mark.parametrize("role", ["viewer", "operator", "engineer", "manager"])
def test_only_administrators_grant(role: str) -> None:
    made, actor = team(), world.actor(role)
    grant = give(made, "viewer")
    before = world.everything()
    with pytest.raises(NotPermitted):
        services.grant_team_role(made.id, "operator", actor=actor, at=AT)
    with pytest.raises(NotPermitted):
        services.end_grant(grant.id, actor=actor, at=AT)
    assert world.everything() == before


def test_it_asks_for_a_fresh_proof() -> None:
    made, admin = team(), world.actor("admin")
    with pytest.raises(ReauthenticationRequired):
        services.grant_team_role(made.id, "viewer", actor=admin, at=AT + timedelta(hours=1))


def test_an_unknown_or_deleted_team_is_not_found() -> None:
    gone = team()
    services.delete_team(gone.id, actor=world.nobody(), at=AT)
    for team_id in (uuid4(), gone.id):
        with pytest.raises(services.TeamNotFound):
            services.grant_team_role(team_id, "viewer", actor=world.nobody(), at=AT)


def test_whoever_is_left_without_a_role_is_signed_out() -> None:
    only, other = world.person(None), world.person("viewer")
    grant = give(team(only, other))
    sessions = [world.session(each, AT) for each in (only, other)]
    services.end_grant(grant.id, actor=world.actor("admin"), at=AT, reason="dissolved")
    states = [Session.objects.get(id=each.id).state for each in sessions]
    assert states == ["revoked", "live"]
    entry = Entry.objects.get(action="accounts.end_grant")
    assert encode("tem", grant.team_id) in entry.links
    assert queries.actor_of(User.objects.get(id=only.id)).global_role == ""


@pytest.mark.django_db(transaction=True)
def test_two_who_take_the_last_two_roles_of_somebody_sign_them_out() -> None:
    for number in range(8):
        user = world.person("viewer")
        grants = [user.grants.get(), give(team(user, name=f"Team {number}"))]
        session = world.session(user, AT)
        world.at_once(
            2,
            lambda place, grants=grants: services.end_grant(
                grants[place].id, actor=world.nobody(), at=AT
            ),
        )
        assert Session.objects.get(id=session.id).state == "revoked"


@pytest.mark.django_db(transaction=True)
def test_the_same_grant_at_once_is_one() -> None:
    made = team()
    world.at_once(6, lambda _: give(made))
    assert Grant.objects.filter(team=made).count() == 1
