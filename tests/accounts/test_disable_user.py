from uuid import uuid4

import pytest

from accounts import services
from accounts.models import User
from audit.models import Entry
from core.actors import NotPermitted
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def test_a_disabled_person_is_out_at_once() -> None:
    user, admin = world.person(), world.actor("admin")
    session = world.session(user, AT)
    services.disable_user(user.id, actor=admin, at=AT, reason="left us")
    session.refresh_from_db()
    assert (User.objects.get(id=user.id).status, session.state) == ("disabled", "revoked")
    assert Entry.objects.filter(action="accounts.disable_user").count() == 1


def test_an_enabled_person_may_come_back() -> None:
    user, admin = world.person(), world.actor("admin")
    services.disable_user(user.id, actor=admin, at=AT)
    assert services.enable_user(user.id, actor=admin, at=AT).status == "active"


def test_what_is_so_already_changes_nothing() -> None:
    user, admin = world.person(), world.actor("admin")
    before = world.everything()
    services.enable_user(user.id, actor=admin, at=AT)
    assert world.everything() == before


@pytest.mark.parametrize("verb", [services.disable_user, services.enable_user])
def test_only_administrators_do_so(verb: object) -> None:
    user, manager = world.person(), world.actor("manager")
    before = world.everything()
    with pytest.raises(NotPermitted):
        verb(user.id, actor=manager, at=AT)  # type: ignore[operator]
    assert world.everything() == before


@pytest.mark.parametrize("verb", [services.disable_user, services.enable_user])
def test_an_unknown_person_is_not_found(verb: object) -> None:
    with pytest.raises(services.UserNotFound):
        verb(uuid4(), actor=world.actor("admin"), at=AT)  # type: ignore[operator]
