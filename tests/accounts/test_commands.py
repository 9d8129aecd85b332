from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts import services
from accounts.management.commands import create_admin
from accounts.models import User
from tests import world

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_create_admin_takes_the_password_from_the_environment(settings: Settings) -> None:
    settings.NOCIQ_ADMIN_PASSWORD = world.PASSWORD
    assert "root@example.com is an administrator" in run("create_admin", "Root@example.com")
    user = User.objects.get()
    assert user.role == "admin"
    assert user.check_password(world.PASSWORD)


def test_create_admin_asks_else_and_wants_it_twice(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NOCIQ_ADMIN_PASSWORD = None
    typed = iter([world.PASSWORD, world.PASSWORD, world.PASSWORD, "something else"])
    monkeypatch.setattr(create_admin, "getpass", lambda _: next(typed))
    run("create_admin", "root@example.com")
    with pytest.raises(CommandError, match="differ"):
        run("create_admin", "other@example.com")
    assert User.objects.count() == 1


def test_create_admin_says_what_is_wrong_in_one_sentence(settings: Settings) -> None:
    settings.NOCIQ_ADMIN_PASSWORD = "short"
    with pytest.raises(CommandError, match="12 to 128 characters"):
        run("create_admin", "root@example.com")
    assert not User.objects.exists()


def test_bootstrap_makes_two_accounts_and_tells_made_up_passwords_once(
    settings: Settings,
) -> None:
    settings.NOCIQ_ADMIN_PASSWORD, settings.NOCIQ_ENGINEER_PASSWORD = world.PASSWORD, None
    told = run("bootstrap").splitlines()
    assert " ".join(told[0].split()) == (
        "admin admin@example.com password: as set in the environment"
    )
    password = told[1].rpartition(" ")[2]
    engineer = User.objects.get(email="engineer@example.com")
    assert engineer.check_password(password)
    assert {user.email: user.role for user in User.objects.all()} == {
        "admin@example.com": "admin",
        "engineer@example.com": "engineer",
    }
    before = world.everything()
    again = run("bootstrap")
    assert password not in again
    assert world.everything() == before


def test_grant_role_gives_a_role_in_a_place() -> None:
    user = world.person(None, email="ada@example.com")
    assert "engineer global" in run("grant_role", "ada@example.com", "engineer")
    assert user.role == "engineer"
    with pytest.raises(CommandError, match="Nobody is called"):
        run("grant_role", "stranger@example.com", "engineer")
    with pytest.raises(CommandError):
        run("grant_role", user.wire_id, "admin", "--site", "site_01h455vb4pex5vsknk084sn02q")


def test_grant_role_gives_a_role_to_a_team() -> None:
    user = world.person(None)
    team = services.create_team("Core network", actor=world.nobody(), at=world.AT)
    services.set_members(team.id, [user.id], actor=world.nobody(), at=world.AT)
    assert "Core network: engineer global" in run("grant_role", "core network", "engineer")
    assert user.role == "engineer"
    with pytest.raises(CommandError, match="team cannot be one"):
        run("grant_role", team.wire_id, "admin")
