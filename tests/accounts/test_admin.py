"""The pages about people: what they show, to whom, and that they ask the verbs."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import services
from accounts.models import ApiKey, Grant, User
from tests import world
from tests.accounts import codes

pytestmark = pytest.mark.django_db
PEOPLE = "/admin/accounts/user/"
PAGES = {
    "user": "manager",
    "session": "manager",
    "grant": "admin",
    "team": "admin",
    "apikey": "admin",
    "groupmapping": "admin",
}


def body(role: str, path: str, query: dict[str, str] | None = None) -> str:
    return world.office(role).get(path, query).content.decode()


def listed(page: str) -> str:
    """What stands in the table of a list."""
    return page.partition("<tbody")[2]


@pytest.mark.parametrize("role", ["operator", "engineer", "manager", "admin"])
@pytest.mark.parametrize("model", PAGES)
def test_each_page_opens_for_whom_the_api_answers(model: str, role: str) -> None:
    ranks = ["operator", "engineer", "manager", "admin"]
    client = world.office(role)
    opened = ranks.index(role) >= ranks.index(PAGES[model])
    path = f"/admin/accounts/{model}/"
    assert client.get(path).status_code == (200 if opened else 403)
    assert (f'href="{path}"' in client.get("/admin/").content.decode()) is opened


@pytest.mark.parametrize("page", [PEOPLE, "/admin/audit/entry/", "/admin/core/reactionrow/"])
def test_a_manager_of_one_place_sees_nothing_that_no_place_narrows(page: str) -> None:
    client = world.office(world.person("manager", region=world.region("lagos")))
    assert client.get("/admin/").status_code == 200
    assert client.get(page).status_code == 403


def test_the_list_costs_the_same_for_many(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client = world.office("manager")
    for _ in range(30):
        world.person("viewer")
    with django_assert_max_num_queries(10):
        client.get(PEOPLE)


def test_the_list_tells_role_second_factor_sessions_and_status() -> None:
    user = world.person("engineer", email="ada@example.com", full_name="Ada Obi")
    codes.device(user, timezone.now())
    world.session(user)
    row = listed(body("manager", PEOPLE, {"q": "ada@"}))
    for told in ("Ada Obi", "ada@example.com", "Engineer", "Set up", "Active"):
        assert told in row
    assert 'field-live_sessions">2<' in "".join(row.split()).replace("text-right", "") or "2" in row


def test_people_are_found_by_id_by_email_and_by_name() -> None:
    user = world.person("viewer", email="ada@example.com", full_name="Ada Obi")
    for term in (user.wire_id, "ada@", "Obi"):
        found = listed(body("manager", PEOPLE, {"q": term}))
        assert "ada@example.com" in found
        assert "manager@example.test" not in found


def test_the_role_filter_goes_by_the_highest_own_or_shared() -> None:
    world.person("viewer", email="plain@example.com")
    risen = world.person("viewer", email="risen@example.com")
    services.grant_role(
        risen.id,
        "engineer",
        scope_kind="region",
        scope_id=world.region("lagos").wire_id,
        actor=world.nobody(),
        at=world.LONG_AGO,
    )
    member = world.person(None, email="member@example.com")
    team = services.create_team("Night shift", actor=world.nobody(), at=world.LONG_AGO)
    services.set_members(team.id, [member.id], actor=world.nobody(), at=world.LONG_AGO)
    services.grant_team_role(team.id, "engineer", actor=world.nobody(), at=world.LONG_AGO)
    world.person(None, email="nothing@example.com")
    found = {
        role: {
            name
            for name in ("plain", "risen", "member", "nothing")
            if f"{name}@example.com" in listed(body("manager", PEOPLE, {"role": role}))
        }
        for role in ("viewer", "engineer", "none")
    }
    assert found == {"viewer": {"plain"}, "engineer": {"risen", "member"}, "none": {"nothing"}}


def test_staff_without_second_factor_and_services_without_responsible_are_found() -> None:
    safe = world.person("operator", email="safe@example.com")
    codes.device(safe, timezone.now())
    world.person("operator", email="bare@example.com")
    world.person("viewer", email="viewer@example.com")
    answers = world.person("engineer", email="gone@example.com")
    for name, person in (("Orphan", answers), ("Cared for", safe)):
        services.create_service_account(
            full_name=name, responsible_id=person.id, actor=world.nobody(), at=world.AT
        )
    services.disable_user(answers.id, actor=world.nobody(), at=world.AT)
    bare = listed(body("manager", PEOPLE, {"missing": "no_second_factor"}))
    assert "bare@example.com" in bare
    for other in ("safe@", "viewer@example.com", "gone@", "Orphan"):
        assert other not in bare
    orphans = listed(body("manager", PEOPLE, {"missing": "no_responsible"}))
    assert "Orphan" in orphans
    assert "Cared for" not in orphans


def test_a_persons_page_tells_what_they_hold_how_they_are_in_and_what_was_done() -> None:
    region = world.region("lagos")
    user = world.person("engineer", region=region, email="ada@example.com")
    world.session(user, address="203.0.113.9", user_agent="Mozilla Chrome/140 Linux")
    key = world.api_key(user)
    page = body("admin", f"{PEOPLE}{user.id}/change/")
    for told in (
        "Lagos (region)",
        "203.0.113.9",
        "Chrome on Linux",
        f"noc_{key.key.public_id}",
        "grant role",
        user.wire_id,
    ):
        assert told in page
    assert key.raw_key not in page
    assert key.key.hash not in page
    assert user.password not in page


def test_a_manager_sees_roles_that_hold_but_no_keys_and_no_buttons() -> None:
    user = world.person("engineer", email="ada@example.com")
    at = timezone.now()
    services.grant_role(user.id, "viewer", actor=world.nobody(), at=at, reason="instead of it")
    world.api_key(user)
    page = body("manager", f"{PEOPLE}{user.id}/change/")
    assert "instead of it" in page
    for hidden in ("Ended", "API keys</h2>", "End…", "Disable…", "Erase…"):
        assert hidden not in page


def test_the_page_of_an_erased_person_offers_nothing() -> None:
    user = world.person("viewer", email="ada@example.com")
    services.erase_user(user.id, reason="asked for it", actor=world.nobody(), at=world.AT)
    page = body("admin", f"{PEOPLE}{user.id}/change/")
    assert "ada@example.com" not in page
    assert "/act/" not in page.partition('id="content"')[2]


def test_ended_grants_sessions_and_keys_are_shown_when_asked_for() -> None:
    user = world.person("engineer", email="ada@example.com")
    at = timezone.now()
    key = world.api_key(user, at=at - timedelta(days=2), expires_at=at - timedelta(days=1)).key
    services.end_grant(user.grants.get().id, actor=world.nobody(), at=at)
    for model, told in (("grant", "ada@example.com"), ("apikey", key.public_id)):
        path = f"/admin/accounts/{model}/"
        assert told not in listed(body("admin", path))
        for state in ("ended", "all"):
            assert told in listed(body("admin", path, {"state": state}))


@pytest.mark.parametrize("model", PAGES)
def test_nothing_is_added_edited_or_deleted_by_a_form(model: str) -> None:
    client, user = world.office("admin"), world.person("viewer")
    made = world.api_key(user).key
    rows = {"user": user, "grant": Grant.objects.first(), "apikey": made}
    before = {table: mark for table, mark in world.everything().items() if "accounts" in table}
    path = f"/admin/accounts/{model}/"
    assert client.post(f"{path}add/", {"post": "yes"}).status_code == 403
    if model in rows:
        one = f"{path}{rows[model].pk}/"
        assert client.post(f"{one}delete/", {"post": "yes"}).status_code == 403
        assert client.post(f"{one}change/", {"status": "disabled"}).status_code == 403
    after = {table: mark for table, mark in world.everything().items() if "accounts" in table}
    kept = {"accounts_session"}  # that its owner was seen
    assert {t: m for t, m in after.items() if t not in kept} == {
        t: m for t, m in before.items() if t not in kept
    }


def test_every_object_page_opens_and_shows_its_trail() -> None:
    client, user = world.office("admin"), world.person("engineer")
    at, us = timezone.now(), world.nobody()
    team = services.create_team("Night shift", actor=us, at=at)
    services.set_members(team.id, [user.id], actor=us, at=at)
    services.grant_team_role(team.id, "viewer", actor=us, at=at)
    mapping = services.create_group_mapping(
        services.Mapped(provider="corp", claim_value="noc", role="viewer"), actor=us, at=at
    )
    rows = [user, user.grants.get(), world.session(user), world.api_key(user).key, team, mapping]
    for row in rows:
        name = f"admin:accounts_{row._meta.model_name}_change"
        answer = client.get(reverse(name, args=[row.pk]))
        assert answer.status_code == 200
        assert "Audit trail" in answer.content.decode()
    assert ApiKey.objects.count() == 1
    assert User.objects.count() == 2
