from datetime import timedelta
from uuid import uuid4

import orjson
import pytest

from accounts import policy, queries, services
from accounts.models import Grant, Membership, Session, Team, User
from audit import queries as audit
from audit.models import Entry
from core.actors import NotPermitted, ReauthenticationRequired
from core.models import EventRow
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def team(name: str = "Core network") -> Team:
    return services.create_team(name, actor=world.nobody(), at=AT)


def members(made: Team) -> set[User]:
    return {member.user for member in Membership.objects.filter(team=made)}


def put(made: Team, *people: User, **more: object) -> Team:
    given = {"actor": world.nobody(), "at": AT} | more
    return services.set_members(made.id, [each.id for each in people], **given)


def engineers(made: Team) -> Grant:
    return services.grant_team_role(made.id, "engineer", actor=world.nobody(), at=AT)


# --- making and naming ----------------------------------------------------------------------------
def test_a_team_is_found_by_name_in_any_case_and_by_id() -> None:
    made = services.create_team("Core network", actor=world.actor("admin"), at=AT)
    for named in ("core NETWORK", made.wire_id, str(made.id)):
        found = queries.team(named)
        assert found is not None
        assert (found.id, found.name) == (made.id, "Core network")
    assert queries.team("Access") is None
    assert Entry.objects.get(action="accounts.create_team").subject_id == made.wire_id


@pytest.mark.parametrize("name", ["Core network", "CORE NETWORK"])
def test_a_name_is_taken_once_in_any_case(name: str) -> None:
    team()
    before = world.everything()
    with pytest.raises(services.TeamNameTaken):
        services.create_team(name, actor=world.nobody(), at=AT)
    assert world.everything() == before


def test_a_team_gets_another_name() -> None:
    made = team()
    services.rename_team(made.id, "Access", actor=world.actor("admin"), at=AT)
    assert queries.team("access") is not None
    entry = audit.view(Entry.objects.get(action="accounts.rename_team"))
    assert (entry.before, entry.after) == ({"name": "Core network"}, {"name": "Access"})


def test_its_own_name_is_no_change_and_anothers_is_refused() -> None:
    made, _ = team(), team("Access")
    before = world.everything()
    services.rename_team(made.id, "Core network", actor=world.nobody(), at=AT)
    with pytest.raises(services.TeamNameTaken):
        services.rename_team(made.id, "access", actor=world.nobody(), at=AT)
    assert world.everything() == before


@pytest.mark.django_db(transaction=True)
def test_of_many_of_one_name_at_once_one_is_made() -> None:
    def make(_: int) -> bool:
        try:
            team()
        except services.TeamNameTaken:
            return False
        return True

    assert sum(world.at_once(6, make)) == 1


# --- members --------------------------------------------------------------------------------------
def test_a_team_consists_of_whom_it_is_said_to() -> None:
    made, ada, ben, cleo = team(), world.person(), world.person(), world.person()
    put(made, ada, ben)
    put(made, ben, cleo, actor=world.actor("admin"), reason="the new rota")
    assert members(made) == {ben, cleo}
    entry = audit.view(Entry.objects.filter(action="accounts.set_members").order_by("id").last())
    assert entry.after == {"joined": [cleo.wire_id], "left": [ada.wire_id]}
    assert {ada.wire_id, cleo.wire_id} <= set(entry.links)


def test_the_same_members_are_no_change() -> None:
    made, ada = team(), world.person()
    put(made, ada)
    before = world.everything()
    put(made, ada, ada)
    assert world.everything() == before


def test_everybodys_timeline_finds_the_change_however_many_there_are() -> None:
    made = team()
    people = [world.person(None) for _ in range(95)]
    put(made, *people)
    for each in people:
        assert Entry.objects.filter(
            action="accounts.set_members", links__contains=[each.wire_id]
        ).exists()
    bodies = [orjson.loads(each.body) for each in Entry.objects.all()]
    assert not any("truncated" in (body["after"] or {}) for body in bodies)


def test_who_is_put_in_gets_what_the_team_holds_and_is_told() -> None:
    made, ada = team(), world.person(None)
    engineers(made)
    EventRow.objects.all().delete()
    put(made, ada, actor=world.actor("admin"))
    assert queries.actor_of(ada).global_role == "engineer"
    told = EventRow.objects.get(type="account.changed", subject=ada.wire_id)
    assert '"what":"grant"' in told.payload


def test_who_is_put_into_a_team_without_rights_is_told_nothing() -> None:
    made, ada = team(), world.person(None)
    EventRow.objects.all().delete()
    put(made, ada)
    assert not EventRow.objects.exists()


def test_who_is_left_without_a_role_is_signed_out() -> None:
    made, ada, ben = team(), world.person(None), world.person("viewer")
    engineers(made)
    put(made, ada, ben)
    sessions = [world.session(each, AT) for each in (ada, ben)]
    put(made)
    assert [Session.objects.get(id=each.id).state for each in sessions] == ["revoked", "live"]


def test_nobody_puts_themselves_into_a_team_with_rights_or_out_of_it() -> None:
    made, admin = team(), world.standing("admin")
    engineers(made)
    before = world.everything()
    with pytest.raises(policy.OwnGrants):
        put(made, admin, actor=world.proved(admin))
    assert world.everything() == before
    put(made, admin)
    with pytest.raises(policy.OwnGrants):
        put(made, actor=world.proved(admin))
    assert members(made) == {admin}


def test_a_team_without_rights_is_joined_freely_by_an_administrator() -> None:
    made, admin = team(), world.standing("admin")
    put(made, admin, actor=world.proved(admin))
    assert members(made) == {admin}


def test_newcomers_are_active_persons_and_members_may_stay() -> None:
    made, ada, gone = team(), world.person(), world.person()
    put(made, ada)
    service = services.create_service_account(
        full_name="Probe", responsible_id=ada.id, actor=world.nobody(), at=AT
    )
    services.disable_user(gone.id, actor=world.nobody(), at=AT)
    services.disable_user(ada.id, actor=world.nobody(), at=AT)
    before = world.everything()
    with pytest.raises(services.UnknownMember) as refused:
        services.set_members(
            made.id, [ada.id, service.id, gone.id, uuid4()], actor=world.nobody(), at=AT
        )
    pointers = [fault.pointer for fault in refused.value.faults]
    assert pointers == ["/user_ids/1", "/user_ids/2", "/user_ids/3"]
    assert world.everything() == before


@pytest.mark.django_db(transaction=True)
def test_a_role_given_while_somebody_joins_reaches_them_or_is_told_to_them() -> None:
    for number in range(6):
        made, ada = team(f"Team {number}"), world.person(None)
        EventRow.objects.all().delete()
        calls = [lambda: put(made, ada), lambda: engineers(made)]  # noqa: B023
        world.at_once(2, lambda place: calls[place]())  # noqa: B023
        assert queries.actor_of(ada).global_role == "engineer"
        assert EventRow.objects.filter(subject=ada.wire_id, type="account.changed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_teams_that_change_at_once_with_the_same_people_do_not_stop_each_other() -> None:
    made, people = [team("A"), team("B")], [world.person(None) for _ in range(6)]
    orders = [people, people[::-1]]
    for wanted in (people, []):
        world.at_once(2, lambda place, wanted=wanted: put(made[place], *(wanted and orders[place])))
        assert all(members(each) == set(wanted) for each in made)


# --- the end --------------------------------------------------------------------------------------
def test_a_deleted_team_gives_nothing_and_frees_its_name() -> None:
    made, ada = team(), world.person(None)
    grant = engineers(made)
    put(made, ada)
    session = world.session(ada, AT)
    services.delete_team(made.id, actor=world.actor("admin"), at=AT, reason="dissolved")
    grant.refresh_from_db()
    assert grant.ended_at == AT
    assert members(made) == set()
    assert queries.team("Core network") is None
    assert Session.objects.get(id=session.id).state == "revoked"
    assert Entry.objects.filter(action="accounts.delete_team", links__contains=[ada.wire_id])
    assert team().id != made.id


def test_nobody_deletes_a_team_that_gives_them_rights() -> None:
    made, admin = team(), world.standing("admin")
    engineers(made)
    put(made, admin)
    before = world.everything()
    with pytest.raises(policy.OwnGrants):
        services.delete_team(made.id, actor=world.proved(admin), at=AT)
    assert world.everything() == before


VERBS = {
    "create": lambda made, actor, at: services.create_team("New", actor=actor, at=at),
    "rename": lambda made, actor, at: services.rename_team(made.id, "New", actor=actor, at=at),
    "set_members": lambda made, actor, at: services.set_members(
        made.id, [world.standing("viewer").id], actor=actor, at=at
    ),
    "delete": lambda made, actor, at: services.delete_team(made.id, actor=actor, at=at),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("role", ["viewer", "manager"])
def test_only_administrators_do_so(verb: str, role: str) -> None:
    made, actor = team(), world.actor(role)
    world.standing("viewer")
    before = world.everything()
    with pytest.raises(NotPermitted):
        VERBS[verb](made, actor, AT)
    assert world.everything() == before


@pytest.mark.parametrize("verb", ["set_members", "delete"])
def test_what_changes_rights_asks_for_a_fresh_proof(verb: str) -> None:
    made, actor = team(), world.actor("admin")
    world.standing("viewer")
    before = world.everything()
    with pytest.raises(ReauthenticationRequired):
        VERBS[verb](made, actor, AT + timedelta(hours=1))
    assert world.everything() == before


@pytest.mark.parametrize("verb", ["rename", "set_members", "delete"])
def test_an_unknown_or_deleted_team_is_not_found(verb: str) -> None:
    gone = team()
    services.delete_team(gone.id, actor=world.nobody(), at=AT)
    for made in (Team(name="Never"), gone):
        with pytest.raises(services.TeamNotFound):
            VERBS[verb](made, world.nobody(), AT)
