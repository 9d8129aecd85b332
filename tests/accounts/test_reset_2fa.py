from datetime import timedelta
from uuid import uuid4

import pytest

from accounts import policy, services
from accounts.models import BackupCode, OneTimeDevice, Session, User
from audit.models import Entry
from core.actors import NotPermitted, ReauthenticationRequired
from core.errors import ValidationFailed
from core.models import EventRow
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def with_device(user: User) -> User:
    device = OneTimeDevice.objects.create(
        user=user, sealed=b"sealed", created_at=AT, confirmed_at=AT
    )
    BackupCode.objects.create(device=device, hash="0" * 64)
    return user


def reset(user: User, **more: object) -> User:
    given = {"at": AT, "reason": "Lost the phone."} | more
    if "actor" not in given:
        given["actor"] = world.actor("admin")
    return services.reset_2fa(user.id, **given)


def test_a_lost_factor_goes_with_its_codes_and_sessions() -> None:
    user = with_device(world.person())
    session = world.session(user, AT)
    reset(user)
    assert not OneTimeDevice.objects.exists()
    assert not BackupCode.objects.exists()
    assert Session.objects.get(id=session.id).state == "revoked"
    entry = Entry.objects.get(action="accounts.reset_2fa")
    assert "Lost the phone." in entry.body


def test_the_person_is_told() -> None:
    user = with_device(world.person())
    reset(user)
    told = EventRow.objects.get(type="account.changed", payload__contains="second_factor")
    assert told.subject == user.wire_id


def test_without_one_there_is_nothing_to_do() -> None:
    user, admin = world.person(), world.actor("admin")
    before = world.everything()
    reset(user, actor=admin)
    assert world.everything() == before


@pytest.mark.parametrize("role", ["viewer", "manager"])
def test_only_administrators_do_so(role: str) -> None:
    user, actor = with_device(world.person()), world.actor(role)
    before = world.everything()
    with pytest.raises(NotPermitted):
        reset(user, actor=actor)
    assert world.everything() == before


def test_nobody_resets_their_own() -> None:
    admin = with_device(world.standing("admin"))
    before = world.everything()
    with pytest.raises(policy.OwnSecondFactor):
        reset(admin, actor=world.proved(admin))
    assert world.everything() == before


def test_it_asks_for_a_reason_and_a_fresh_proof() -> None:
    user, admin = with_device(world.person()), world.actor("admin")
    before = world.everything()
    with pytest.raises(ValidationFailed):
        reset(user, actor=admin, reason=" ")
    with pytest.raises(ReauthenticationRequired):
        reset(user, actor=admin, at=AT + timedelta(hours=1))
    assert world.everything() == before


def test_an_unknown_person_is_not_found() -> None:
    with pytest.raises(services.UserNotFound):
        reset(User(id=uuid4()))


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_takes_it_off() -> None:
    user = with_device(world.person())
    admin = world.actor("admin")
    world.at_once(2, lambda _: reset(user, actor=admin))
    assert Entry.objects.filter(action="accounts.reset_2fa").count() == 1
