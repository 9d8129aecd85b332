"""What is done from the pages about people: each act is a verb, asks first, and is audited."""

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.models import ApiKey, Grant, GroupMapping, OneTimeDevice, Session, Team, User
from audit.models import Entry
from tests import world
from tests.accounts import codes

pytestmark = pytest.mark.django_db
WHY = {"reason": "asked by the shift lead"}


@pytest.fixture
def admin() -> Client:
    return world.office("admin")


def act(client: Client, model: str, name: str, given: dict[str, Any], *rows: Any) -> HttpResponse:
    page = reverse(f"admin:accounts_{model}_act", args=[name])
    ids = ",".join(str(row.pk) for row in rows)
    return client.post(f"{page}?ids={ids}" if rows else page, given, follow=True)


def entries(action: str) -> int:
    return Entry.objects.filter(action=f"accounts.{action}", source="admin").count()


def test_disabling_and_enabling_ask_why(admin: Client) -> None:
    user = world.person("viewer")
    act(admin, "user", "disable", {"reason": ""}, user)
    assert User.objects.get(id=user.id).status == "active"
    act(admin, "user", "disable", WHY, user)
    assert User.objects.get(id=user.id).status == "disabled"
    act(admin, "user", "enable", WHY, user)
    assert User.objects.get(id=user.id).status == "active"
    assert (entries("disable_user"), entries("enable_user")) == (1, 1)


def test_several_are_chosen_in_the_list_and_each_refusal_is_named(admin: Client) -> None:
    user, boss = world.person("viewer"), world.standing("admin")
    chosen = {"action": "disable", "_selected_action": [str(user.id), str(boss.id)]}
    asked = admin.post("/admin/accounts/user/", chosen)
    assert asked["Location"].startswith("/admin/accounts/user/act/disable/?ids=")
    page = admin.post(asked["Location"], WHY, follow=True).content.decode()
    assert "This is the last administrator." in page
    assert User.objects.get(id=user.id).status == "disabled"
    assert User.objects.get(id=boss.id).status == "active"
    assert entries("disable_user") == 1


def test_a_refusal_of_one_stands_above_the_form_with_what_was_typed(admin: Client) -> None:
    page = act(admin, "user", "disable", WHY, world.standing("admin")).content.decode()
    assert "This is the last administrator." in page
    assert WHY["reason"] in page


def test_ending_sessions_ends_all_of_them(admin: Client) -> None:
    user = world.person("viewer")
    ended = [world.session(user), world.session(user)]
    act(admin, "user", "sign_out", {}, user)
    for session in ended:
        session.refresh_from_db()
        assert (session.state, session.revoked_reason) == ("revoked", "admin_logout")
    assert entries("revoke_session") == 2


def test_unlocking_lets_them_try_again(admin: Client) -> None:
    user = world.person("operator", password=world.PASSWORD)
    given = {"username": str(user.email), "password": "wrong"}
    browser = Client()
    for _ in range(5):
        browser.post("/admin/login/", given)
    given["password"] = world.PASSWORD
    assert browser.post("/admin/login/", given).status_code == 429
    act(admin, "user", "unlock", WHY, user)
    assert browser.post("/admin/login/", given).status_code == 302
    assert entries("unlock_sign_in") == 1


def test_resetting_a_second_factor_takes_it_off(admin: Client) -> None:
    user = world.person("operator")
    codes.device(user, timezone.now())
    act(admin, "user", "reset_2fa", WHY, user)
    assert not OneTimeDevice.objects.filter(user=user).exists()
    assert entries("reset_2fa") == 1


def test_erasing_leaves_the_id(admin: Client) -> None:
    user = world.person("viewer", email="ada@example.com")
    act(admin, "user", "erase", WHY, user)
    user.refresh_from_db()
    assert (user.status, user.email) == ("erased", None)
    assert entries("erase_user") == 1


def test_a_person_is_added_without_a_password(admin: Client) -> None:
    given = {"email": "ada@example.com", "full_name": "Ada Obi", "role": "operator"}
    act(admin, "user", "add_person", given)
    user = User.objects.get(email="ada@example.com")
    assert (user.full_name, user.role, user.has_usable_password()) == ("Ada Obi", "operator", False)
    assert entries("create_user") == 1
    assert "e-mail" in act(admin, "user", "add_person", given).content.decode()  # it is taken


def test_a_service_account_is_added_and_handed_over(admin: Client) -> None:
    first, second = world.person("viewer"), world.person("viewer")
    act(admin, "user", "add_service", {"full_name": "Poller", "responsible": first.email})
    service = User.objects.get(kind="service")
    assert service.responsible == first
    act(admin, "user", "hand_over", {"responsible": second.email}, service)
    service.refresh_from_db()
    assert service.responsible == second
    refused = act(admin, "user", "hand_over", {"responsible": "nobody@example.com"}, service)
    assert "No active person has this e-mail." in refused.content.decode()


@pytest.mark.parametrize("named", ["code", "id"])
@pytest.mark.parametrize("kind", ["region", "site"])
def test_a_role_is_given_in_a_place_and_ended(admin: Client, kind: str, named: str) -> None:
    user = world.person(None)
    place = world.region("lagos") if kind == "region" else world.site("LOS-1")
    until = (timezone.now() + timedelta(days=3)).date()
    given = WHY | {
        "role": "engineer",
        "scope_kind": kind,
        "place": place.code if named == "code" else place.wire_id,
        "valid_until": until.isoformat(),
    }
    act(admin, "user", "grant", given, user)
    grant = Grant.objects.get(user=user)
    assert (grant.role, grant.scope_kind, grant.scope_id) == ("engineer", kind, place.wire_id)
    assert grant.valid_until is not None
    assert grant.valid_until.date() == until + timedelta(days=1)
    assert grant.granted_by == world.standing("admin").wire_id
    act(admin, "grant", "end", WHY, grant)
    grant.refresh_from_db()
    assert grant.ended_at is not None
    assert (entries("grant_role"), entries("end_grant")) == (1, 1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scope_kind": "region", "place": "atlantis"}, "There is no region of this code or id."),
        ({"scope_kind": "site", "place": ""}, "There is no site of this code or id."),
        ({"scope_kind": "global", "place": "lagos"}, "Choose a region or a site"),
    ],
)
def test_a_place_that_nobody_knows_gives_nothing(
    admin: Client, given: dict[str, str], said: str
) -> None:
    user = world.person(None)
    page = act(admin, "user", "grant", WHY | {"role": "viewer"} | given, user)
    assert said in page.content.decode()
    assert not Grant.objects.filter(user=user).exists()


def test_nobody_changes_their_own_roles(admin: Client) -> None:
    boss = world.standing("admin")
    given = WHY | {"role": "viewer", "scope_kind": "global"}
    page = act(admin, "user", "grant", given, boss).content.decode()
    assert "Nobody changes their own roles" in page
    assert boss.grants.count() == 1


def test_a_session_is_ended_and_its_browser_is_out(admin: Client) -> None:
    other = world.office("operator")
    assert other.get("/admin/").status_code == 200
    act(admin, "session", "end", {}, Session.objects.get(user=world.standing("operator")))
    assert other.get("/admin/").status_code == 302
    assert entries("revoke_session") == 1


def test_a_key_is_shown_once_replaced_and_revoked(admin: Client) -> None:
    owner = world.person("engineer")
    given = {
        "owner": owner.email,
        "name": "Poller",
        "scopes": ["outages:read", "sla:read"],
        "networks": "10.20.0.0/16\n192.0.2.7",
        "days": "30",
    }
    page = act(admin, "apikey", "make", given)
    key = ApiKey.objects.get()
    assert f"noc_{key.public_id}_" in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert (key.user, key.networks) == (owner, ["10.20.0.0/16", "192.0.2.7/32"])
    assert key.expires_at - key.created_at == timedelta(days=30)
    later = admin.get(reverse("admin:accounts_apikey_change", args=[key.pk])).content.decode()
    assert f"noc_{key.public_id}_" not in later
    assert key.hash not in later

    page = act(admin, "apikey", "rotate", {"overlap_hours": "0"}, key)
    successor = ApiKey.objects.exclude(id=key.id).get()
    assert f"noc_{successor.public_id}_" in page.content.decode()
    act(admin, "apikey", "revoke", WHY, successor)
    successor.refresh_from_db()
    assert successor.revoked_at is not None
    made = [entries(f"{verb}_api_key") for verb in ("create", "rotate", "revoke")]
    assert made == [1, 1, 1]


def test_a_key_for_nobody_is_not_made(admin: Client) -> None:
    given = {"owner": "nobody@example.com", "name": "Poller", "scopes": ["outages:read"]}
    page = act(admin, "apikey", "make", given).content.decode()
    assert "Nobody active has this e-mail or id." in page
    assert not ApiKey.objects.exists()


def test_a_team_is_made_filled_given_a_role_renamed_and_dissolved(admin: Client) -> None:
    ada, ben = world.person(None, email="ada@example.com"), world.person(None)
    act(admin, "team", "add", {"name": "Nights"})
    team = Team.objects.get()
    act(admin, "team", "members", WHY | {"members": f"ada@example.com\n{ben.email}"}, team)
    assert set(team.members.all()) == {ada, ben}
    act(admin, "team", "members", WHY | {"members": "ADA@example.com"}, team)
    assert list(team.members.all()) == [ada]
    act(admin, "team", "grant", WHY | {"role": "operator", "scope_kind": "global"}, team)
    assert Grant.objects.get(team=team).role == "operator"
    act(admin, "team", "rename", {"name": "Night shift"}, team)
    team.refresh_from_db()
    assert team.name == "Night shift"
    page = act(admin, "team", "dissolve", WHY, team)
    team.refresh_from_db()
    assert team.deleted_at is not None
    assert page.redirect_chain[-1][0] == "/admin/accounts/team/"
    done = ("create_team", "grant_role", "rename_team", "delete_team")
    assert [entries(action) for action in done] == [1] * 4


def test_a_member_whom_nobody_knows_changes_nothing(admin: Client) -> None:
    team = services.create_team("Nights", actor=world.nobody(), at=world.AT)
    page = act(admin, "team", "members", WHY | {"members": "ghost@example.com"}, team)
    assert "No active person has the e-mail ghost@example.com." in page.content.decode()
    assert not team.members.exists()


def test_who_was_disabled_since_may_stay_in_a_team(admin: Client) -> None:
    ada = world.person("viewer", email="ada@example.com")
    us, at = world.nobody(), world.AT
    team = services.create_team("Nights", actor=us, at=at)
    services.set_members(team.id, [ada.id], actor=us, at=at)
    services.disable_user(ada.id, actor=us, at=at)
    ben = world.person("viewer", email="ben@example.com")
    page = reverse("admin:accounts_team_act", args=["members"])
    assert "ada@example.com" in admin.get(f"{page}?ids={team.id}").content.decode()
    act(admin, "team", "members", WHY | {"members": "ada@example.com ben@example.com"}, team)
    assert set(team.members.all()) == {ada, ben}


def test_a_group_is_mapped_changed_and_removed(admin: Client) -> None:
    given = {"claim_value": "noc-lagos", "role": "viewer", "scope_kind": "global"}
    act(admin, "groupmapping", "add", given)
    mapping = GroupMapping.objects.get()
    act(admin, "groupmapping", "change", {"role": "engineer"}, mapping)
    mapping.refresh_from_db()
    assert mapping.role == "engineer"
    act(admin, "groupmapping", "remove", {}, mapping)
    assert not GroupMapping.objects.exists()
    done = [entries(f"{verb}_group_mapping") for verb in ("create", "change", "delete")]
    assert done == [1, 1, 1]


@pytest.mark.parametrize("role", ["operator", "manager"])
def test_others_than_administrators_are_refused_whatever_they_post(role: str) -> None:
    client, user = world.office(role), world.person("viewer")
    for name in ("disable", "grant", "erase", "sign_out"):
        given = WHY | {"role": "admin", "scope_kind": "global"}
        assert act(client, "user", name, given, user).status_code == 403
    assert act(client, "user", "add_person", {"email": "x@example.com"}).status_code == 403
    user.refresh_from_db()
    assert (user.status, user.role) == ("active", "viewer")


def test_an_act_that_is_not_there_leads_back_to_the_list(admin: Client) -> None:
    page = reverse("admin:accounts_user_act", args=["promote"])
    assert admin.get(page)["Location"] == "/admin/accounts/user/"
    page = reverse("admin:accounts_user_act", args=["disable"])
    assert admin.get(f"{page}?ids=nonsense")["Location"] == "/admin/accounts/user/"
