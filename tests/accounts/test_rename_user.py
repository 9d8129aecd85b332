from uuid import uuid4

import pytest

from accounts import services
from accounts.models import User
from audit.models import Entry
from core.actors import NotPermitted
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def test_a_name_is_corrected_and_the_log_does_not_hold_it() -> None:
    user = world.person(full_name="Ada Obbi")
    services.rename_user(user.id, "Ada Obi", actor=world.actor("admin"), at=AT)
    assert User.objects.get(id=user.id).full_name == "Ada Obi"
    entry = Entry.objects.get(action="accounts.rename_user")
    assert "Obi" not in entry.body


def test_the_same_name_is_no_change() -> None:
    user, admin = world.person(full_name="Ada Obi"), world.actor("admin")
    before = world.everything()
    services.rename_user(user.id, "Ada Obi", actor=admin, at=AT)
    assert world.everything() == before


@pytest.mark.parametrize("role", ["viewer", "manager"])
def test_only_administrators_do_so(role: str) -> None:
    user, actor = world.person(), world.actor(role)
    before = world.everything()
    with pytest.raises(NotPermitted):
        services.rename_user(user.id, "Somebody", actor=actor, at=AT)
    assert world.everything() == before


def test_nobody_gives_the_erased_a_name() -> None:
    user, admin = world.person(), world.actor("admin")
    services.erase_user(user.id, actor=admin, at=AT, reason="asked us to")
    for user_id in (user.id, uuid4()):
        with pytest.raises(services.UserNotFound):
            services.rename_user(user_id, "Ada Obi", actor=admin, at=AT)
