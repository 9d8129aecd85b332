import pytest

from accounts import services
from accounts.models import Grant, User
from audit.models import Entry
from core.actors import NotPermitted
from core.ids import encode
from tests import world

pytestmark = pytest.mark.django_db


def create(**given: object) -> User:
    told = {
        "email": "Ada@Example.com",
        "password": world.PASSWORD,
        "role": "engineer",
        "actor": world.nobody(),
        "at": world.AT,
    }
    return services.create_user(**told | given)  # type: ignore[arg-type]


def test_a_person_gets_a_name_a_role_and_an_entry() -> None:
    user = create()
    assert (user.email, user.full_name, user.role) == ("ada@example.com", "ada", "engineer")
    actions = Entry.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["accounts.create_user", "accounts.grant_role"]


def test_a_taken_email_is_refused_in_any_spelling() -> None:
    create()
    before = world.everything()
    with pytest.raises(services.EmailTaken):
        create(email=" ADA@example.COM")
    assert world.everything() == before


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "@example.com", "a b@example.com", "a" * 260 + "@x.org"]
)
def test_what_is_no_email_is_refused(email: str) -> None:
    with pytest.raises(services.InvalidEmail) as refused:
        create(email=email)
    assert refused.value.faults[0].pointer == "/email"
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("password", "role", "code"),
    [
        ("q7 zk2m", "viewer", "password_length"),
        ("x" * 129, "viewer", "password_length"),
        ("elevenchars", "manager", "password_length"),
        ("password123", "viewer", "password_too_common"),
        ("ada@example.com", "viewer", "password_too_similar"),
    ],
)
def test_a_weak_password_is_refused_with_its_reason(password: str, role: str, code: str) -> None:
    with pytest.raises(services.PasswordTooWeak) as refused:
        create(password=password, role=role)
    assert [fault.code for fault in refused.value.faults] == [code]
    assert not User.objects.exists()


def test_a_password_of_128_characters_is_fine() -> None:
    assert create(password="ä ß" * 42 + "xy").check_password("ä ß" * 42 + "xy")


@pytest.mark.parametrize("role", ["viewer", "engineer", "manager"])
def test_only_administrators_make_people(role: str) -> None:
    actor = world.actor(role)
    before = world.everything()
    with pytest.raises(NotPermitted):
        create(actor=actor)
    assert world.everything() == before


@pytest.mark.django_db(transaction=True)
def test_one_email_at_once_makes_one_person() -> None:
    def act(_: int) -> str:
        try:
            return create().wire_id
        except services.EmailTaken:
            return "taken"

    made = world.at_once(6, act)
    user = User.objects.get(email="ada@example.com")
    assert sorted(made) == sorted([encode("usr", user.id), *["taken"] * 5])
    assert Grant.objects.count() == 1
