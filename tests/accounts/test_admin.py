import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import Grant, User
from audit.models import Entry
from tests import world

pytestmark = pytest.mark.django_db
PEOPLE = "/admin/accounts/user/"


def office(role: str) -> Client:
    client = Client()
    client.force_login(world.standing(role))
    return client


@pytest.mark.parametrize(("role", "let_in"), [("viewer", False), ("operator", True)])
def test_operators_sign_in_by_email_and_password(role: str, let_in: bool) -> None:
    user = world.person(role, email="ada@example.com", password=world.PASSWORD)
    client = Client()
    client.post(
        reverse("admin:login"), {"username": " Ada@example.COM", "password": world.PASSWORD}
    )
    assert ("_auth_user_id" in client.session) is let_in
    assert client.get("/admin/").status_code == (200 if let_in else 302)
    assert user.last_login is None


def test_a_disabled_person_is_out_of_the_back_office_too() -> None:
    client = office("operator")
    assert client.get("/admin/").status_code == 200
    User.objects.update(status="disabled")
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize(("role", "status"), [("engineer", 403), ("manager", 200)])
def test_people_are_shown_to_managers(role: str, status: int) -> None:
    client = office(role)
    for path in (PEOPLE, f"{PEOPLE}{User.objects.get().id}/change/", "/admin/accounts/grant/"):
        assert client.get(path).status_code == status


@pytest.mark.parametrize("page", [PEOPLE, "/admin/audit/entry/", "/admin/core/reactionrow/"])
def test_a_manager_of_one_place_sees_nothing_that_no_place_narrows(page: str) -> None:
    client = Client()
    client.force_login(world.person("manager", region=world.region("lagos")))
    assert client.get("/admin/").status_code == 200
    assert client.get(page).status_code == 403


def test_the_list_shows_roles_without_asking_for_each() -> None:
    client = office("manager")
    for role in ("viewer", "operator", "engineer") * 3:
        world.person(role)
    page = client.get(PEOPLE).content.decode()
    assert page.count("engineer") >= 3


def test_the_list_costs_the_same_for_many(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client = office("manager")
    for _ in range(30):
        world.person("viewer")
    with django_assert_max_num_queries(8):
        client.get(PEOPLE)


def test_people_are_found_by_id_and_by_email() -> None:
    client = office("manager")
    user = world.person("viewer", email="ada@example.com")
    for term in (user.wire_id, "ada@"):
        page = client.get(PEOPLE, {"q": term}).content.decode()
        assert "ada@example.com" in page
        assert "manager@example.test" not in page.partition("<tbody")[2]


def test_disabling_is_an_action_and_names_what_stops_it() -> None:
    client, user = office("admin"), world.person("viewer")
    admin = User.objects.get(email="admin@example.test")
    data = {"action": "disable", "_selected_action": [str(user.id), str(admin.id)]}
    page = client.post(PEOPLE, data, follow=True).content.decode()
    assert "This is the last administrator." in page
    assert {each.email: each.status for each in User.objects.all()} == {
        user.email: "disabled",
        admin.email: "active",
    }
    assert Entry.objects.filter(action="accounts.disable_user").count() == 1


def test_a_manager_may_look_but_the_verb_refuses() -> None:
    client, user = office("manager"), world.person("viewer")
    page = client.post(
        PEOPLE, {"action": "disable", "_selected_action": [str(user.id)]}, follow=True
    ).content.decode()
    assert "needs the role admin" in page
    assert User.objects.get(id=user.id).status == "active"


def test_nothing_is_added_edited_or_deleted_by_a_form() -> None:
    client = office("admin")
    user, grant = User.objects.get(), Grant.objects.get()
    before = {table: mark for table, mark in world.everything().items() if "accounts" in table}
    for path in (
        f"{PEOPLE}add/",
        f"{PEOPLE}{user.id}/delete/",
        f"/admin/accounts/grant/{grant.id}/delete/",
    ):
        assert client.post(path, {"post": "yes"}).status_code == 403
    assert client.post(f"{PEOPLE}{user.id}/change/", {"status": "disabled"}).status_code == 403
    after = {table: mark for table, mark in world.everything().items() if "accounts" in table}
    assert after == before
