"""A fresh proof that it is still the same person."""

from datetime import timedelta

import pytest

from accounts import policy, services
from accounts.models import Session, User
from accounts.services import guards, passwords, second_factor
from audit.models import Entry
from core.actors import Actor, ImpersonatorRefused, NotPermitted, ReauthenticationRequired
from core.errors import ValidationFailed
from tests import world
from tests.accounts import codes

pytestmark = pytest.mark.django_db
AT = world.AT
LATER = AT + timedelta(minutes=16)


@pytest.fixture
def user() -> User:
    return world.person(password=world.PASSWORD)


def test_the_password_is_a_proof_for_fifteen_minutes(user: User) -> None:
    session = world.session(user, AT)
    with pytest.raises(ReauthenticationRequired):
        services.begin_2fa(actor=codes.acting_in(session, LATER), at=LATER)
    services.reauthenticate(
        password=world.PASSWORD, actor=codes.acting_in(session, LATER), at=LATER
    )
    session.refresh_from_db()
    assert (session.reauthenticated_at, session.mfa_at) == (LATER, None)
    services.begin_2fa(actor=codes.acting_in(session, LATER), at=LATER + timedelta(minutes=15))
    assert Entry.objects.filter(action="accounts.reauthenticate").count() == 1


def test_a_code_is_one_too_and_counts_as_second_factor(user: User) -> None:
    made = codes.device(user)
    session = world.session(user, AT, methods=["pwd"])
    services.reauthenticate(code=made.code(LATER), actor=codes.acting_in(session, LATER), at=LATER)
    session.refresh_from_db()
    assert (session.reauthenticated_at, session.mfa_at) == (LATER, LATER)
    assert session.methods == ["pwd", "otp"]


def test_other_sessions_are_not_proved_by_it(user: User) -> None:
    session, other = world.session(user, AT), world.session(user, AT)
    services.reauthenticate(
        password=world.PASSWORD, actor=codes.acting_in(session, LATER), at=LATER
    )
    other.refresh_from_db()
    assert other.reauthenticated_at == AT


@pytest.mark.parametrize("given", ["nothing", "wrong password", "wrong code", "right and wrong"])
def test_what_proves_nothing_changes_no_session(user: User, given: str) -> None:
    codes.device(user)
    actor = codes.caller(user)
    before = list(Session.objects.order_by("id").values())
    proof: dict[str, str] = {
        "nothing": {},
        "wrong password": {"password": "wrong"},
        "wrong code": {"code": "000000"},
        "right and wrong": {"password": world.PASSWORD, "code": "000000"},
    }[given]
    with pytest.raises((ValidationFailed, policy.CredentialsInvalid, services.CodeInvalid)):
        services.reauthenticate(**proof, actor=actor, at=LATER)
    assert list(Session.objects.order_by("id").values()) == before


def test_wrong_passwords_shut_this_door_as_they_do_the_front_one(user: User) -> None:
    actor = codes.caller(user)
    for _ in range(5):
        with pytest.raises(policy.CredentialsInvalid):
            services.reauthenticate(password="wrong", actor=actor, at=LATER)
    with pytest.raises(policy.AccountLocked):
        services.reauthenticate(password=world.PASSWORD, actor=actor, at=LATER)


def test_nobody_proves_to_be_somebody_else(user: User) -> None:
    acted = codes.acting_in(world.impersonation(user, at=AT).session)
    key = Actor(id=user.wire_id, kind="api_key", key_scopes=frozenset({"admin:full"}))
    before = world.everything()
    for actor, refusal in ((acted, ImpersonatorRefused), (key, NotPermitted)):
        with pytest.raises(refusal):
            services.reauthenticate(password=world.PASSWORD, actor=actor, at=AT)
    assert world.everything() == before


def test_an_ended_session_is_not_proved(user: User) -> None:
    session = world.session(user, AT)
    actor = codes.acting_in(session)
    services.revoke_session(session.id, reason="x", actor=world.nobody(), at=AT)
    before = world.everything()
    with pytest.raises(policy.SessionRevoked):
        services.reauthenticate(password=world.PASSWORD, actor=actor, at=LATER)
    assert world.everything() == before


def test_a_password_is_not_told_right_once_the_door_has_shut_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = world.person(password=world.PASSWORD)
    actor = codes.caller(user)

    def slow(_: str, __: str) -> bool:
        for _ in range(policy.WRONG_PASSWORDS.amount):
            guards.note_failure(user.email or "", actor.address, at=AT)
        return True

    for module in (second_factor, passwords):
        monkeypatch.setattr(module, "check_password", slow)
    with pytest.raises(policy.AccountLocked):
        services.reauthenticate(password=world.PASSWORD, actor=actor, at=AT)
    guards.forgive(user.email or "", user.id)
    with pytest.raises(policy.AccountLocked):
        services.change_password(world.PASSWORD, "another battery staple", actor=actor, at=AT)


@pytest.mark.django_db(transaction=True)
def test_of_wrong_codes_at_once_ten_are_looked_at() -> None:
    user = world.person()
    codes.device(user)
    actor = codes.caller(user)

    def guess(_: int) -> str:
        try:
            services.reauthenticate(code="000000", actor=actor, at=AT)
        except (services.CodeInvalid, policy.LoginThrottled) as refused:
            return refused.code
        return "proved"

    told = sorted(world.at_once(14, guess))
    assert told == ["code_invalid"] * 10 + ["login_throttled"] * 4
