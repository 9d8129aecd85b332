import pytest
from pytest_django import Settings

from accounts import services
from accounts.models import User
from core.models import EventRow
from tests import world

pytestmark = pytest.mark.django_db


def register(email: str = "ada@example.com") -> tuple[User, str]:
    return services.register_user(email=email, password=world.PASSWORD, at=world.AT)


def test_nobody_registers_where_registration_is_closed(settings: Settings) -> None:
    settings.REGISTRATION_POLICY = "closed"
    with pytest.raises(services.RegistrationClosed):
        register()
    assert not User.objects.exists()


def test_under_open_one_works_at_once(settings: Settings) -> None:
    settings.REGISTRATION_POLICY, settings.REGISTRATION_ROLE = "open", "engineer"
    user, role = register()
    assert (user.status, user.role, role) == ("active", "engineer", "engineer")


def test_under_open_a_taken_email_is_named(settings: Settings) -> None:
    settings.REGISTRATION_POLICY = "open"
    register()
    before = world.everything()
    with pytest.raises(services.EmailTaken):
        register(" ADA@example.com")
    assert world.everything() == before


def test_under_approval_one_waits(settings: Settings) -> None:
    settings.REGISTRATION_POLICY = "approval"
    user, _ = register()
    assert user.status == "disabled"


def test_under_approval_a_taken_email_looks_like_a_free_one(settings: Settings) -> None:
    settings.REGISTRATION_POLICY = "approval"
    register()
    before = world.everything()
    user, role = register()
    assert (user.email, role) == ("ada@example.com", settings.REGISTRATION_ROLE)
    after = world.everything()
    assert {table for table in after if after[table] != before.get(table)} == {"core_event"}


def test_under_approval_the_owner_of_a_taken_email_is_told(settings: Settings) -> None:
    settings.REGISTRATION_POLICY = "approval"
    owner, _ = register()
    register(" ADA@example.com")
    told = EventRow.objects.get(payload__contains="registered_again")
    assert told.subject == owner.wire_id


def test_under_approval_both_answer_alike_by_http(settings: Settings) -> None:
    settings.REGISTRATION_POLICY = "approval"
    given = {"email": "ada@example.com", "password": world.PASSWORD, "full_name": "Ada"}
    answers = [world.Client().post("/auth/register", given) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    bodies = [each.json() for each in answers]
    for body in bodies:
        assert body.pop("id").startswith("usr_")
        assert body.pop("created_at")
    assert bodies[0] == bodies[1]
    assert answers[0]["Location"] == answers[1]["Location"]
    answer = world.Client().post("/auth/login", given)
    assert answer.json()["code"] == "credentials_invalid"
