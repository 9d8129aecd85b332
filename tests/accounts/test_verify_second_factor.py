"""Signing in with a second factor: by one call with the code, or by a challenge."""

from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.conf import settings

from accounts import policy, services
from accounts.models import Session, User
from audit.models import Entry
from core.models import EventRow
from tests import world
from tests.accounts import codes

pytestmark = pytest.mark.django_db
AT = world.AT


@pytest.fixture
def user() -> User:
    return world.person(password=world.PASSWORD)


@pytest.fixture
def device(user: User) -> codes.Device:
    made = codes.device(user)
    Session.objects.all().delete()
    return made


def later(**span: float) -> datetime:
    return AT + timedelta(**span)


def sign_in(user: User, code: str | None = None, at: datetime = AT) -> services.SignedIn:
    return services.open_session(
        email=user.email or "",
        password=world.PASSWORD,
        code=code,
        address="192.0.2.1",
        user_agent="x",
        at=at,
    )


def challenge(user: User, at: datetime = AT) -> UUID:
    """The pending session that a sign-in without code leaves."""
    with pytest.raises(services.MfaRequired) as refused:
        sign_in(user, at=at)
    claims = policy.read_token(
        refused.value.members["challenge"], "challenge", key=settings.JWT_SECRET_KEY, at=at
    )
    return claims.session_id


def test_password_and_code_in_one_call_open_a_session(user: User, device: codes.Device) -> None:
    signed_in = sign_in(user, device.code(AT))
    session = Session.objects.get()
    assert (session.id, session.state) == (signed_in.session_id, "live")
    assert (session.methods, session.mfa_at) == (["pwd", "otp"], AT)


def test_a_backup_code_does_too(user: User, device: codes.Device) -> None:
    sign_in(user, device.backup_codes[0])
    assert Session.objects.get().methods == ["pwd", "backup"]


def test_a_code_that_nobody_needs_is_not_asked_about(user: User) -> None:
    sign_in(user, "123456")
    session = Session.objects.get()
    assert (session.state, session.methods, session.mfa_at) == ("live", ["pwd"], None)


def test_a_wrong_code_opens_nothing_and_is_on_record(user: User, device: codes.Device) -> None:
    with pytest.raises(services.CodeInvalid):
        sign_in(user, "000000")
    assert not Session.objects.exists()
    assert Entry.objects.filter(action="accounts.refuse_sign_in").count() == 1


def test_a_code_with_a_wrong_password_is_not_used_up(user: User, device: codes.Device) -> None:
    with pytest.raises(policy.CredentialsInvalid):
        services.open_session(
            email=user.email or "",
            password="wrong",
            code=device.code(AT),
            address=None,
            user_agent="",
            at=AT,
        )
    assert sign_in(user, device.code(AT))


def test_without_the_code_a_session_is_pending_for_five_minutes(
    user: User, device: codes.Device
) -> None:
    with pytest.raises(services.MfaRequired) as refused:
        sign_in(user)
    assert refused.value.members["methods"] == ["otp", "backup"]
    session = Session.objects.get()
    assert (session.state, session.mfa_at, session.reauthenticated_at) == ("pending", None, None)
    assert session.expires_at == session.ends_at == later(minutes=5)
    user.refresh_from_db()
    assert user.last_login_at is None


def test_the_code_makes_the_pending_session_live(user: User, device: codes.Device) -> None:
    at = later(minutes=4, seconds=59)
    signed_in = services.verify_second_factor(challenge(user), device.code(at), at=at)
    session = Session.objects.get()
    assert (session.id, session.state) == (signed_in.session_id, "live")
    assert (session.methods, session.mfa_at, session.reauthenticated_at) == (
        ["pwd", "otp"],
        at,
        at,
    )
    assert (session.expires_at, session.ends_at) == (
        at + timedelta(days=14),
        at + timedelta(days=30),
    )
    user.refresh_from_db()
    assert user.last_login_at == at
    assert Entry.objects.filter(action="accounts.verify_second_factor").count() == 1


def test_a_challenge_runs_out(user: User, device: codes.Device) -> None:
    pending, at = challenge(user), later(minutes=5)
    before = world.everything()
    with pytest.raises(services.ChallengeExpired):
        services.verify_second_factor(pending, device.code(at), at=at)
    assert world.everything() == before


def test_a_challenge_is_used_once(user: User, device: codes.Device) -> None:
    pending = challenge(user)
    services.verify_second_factor(pending, device.code(AT), at=AT)
    with pytest.raises(services.ChallengeExpired):
        services.verify_second_factor(pending, device.backup_codes[0], at=AT)
    assert Session.objects.get().state == "live"


def test_five_wrong_codes_are_the_end_of_a_challenge(user: User, device: codes.Device) -> None:
    pending = challenge(user)
    for _ in range(5):
        with pytest.raises(services.CodeInvalid):
            services.verify_second_factor(pending, "000000", at=AT)
    with pytest.raises(services.ChallengeExpired):
        services.verify_second_factor(pending, device.code(AT), at=AT)
    session = Session.objects.get()
    assert (session.state, session.revoked_reason) == ("revoked", "too_many_codes")
    assert Entry.objects.filter(action="accounts.refuse_sign_in").count() == 5


def test_the_right_code_at_the_fifth_try_still_counts(user: User, device: codes.Device) -> None:
    pending = challenge(user)
    for _ in range(4):
        with pytest.raises(services.CodeInvalid):
            services.verify_second_factor(pending, "000000", at=AT)
    assert services.verify_second_factor(pending, device.code(AT), at=AT)


def test_after_ten_wrong_codes_the_person_waits_whatever_the_challenge(
    user: User, device: codes.Device
) -> None:
    for _ in range(2):
        pending = challenge(user)
        for _ in range(5):
            with pytest.raises(services.CodeInvalid):
                services.verify_second_factor(pending, "000000", at=AT)
    with pytest.raises(policy.LoginThrottled):
        services.verify_second_factor(challenge(user), device.code(AT), at=AT)
    with pytest.raises(policy.LoginThrottled):
        sign_in(user, device.code(AT))
    soon = later(minutes=15, seconds=1)
    assert sign_in(user, device.code(soon), at=soon)


@pytest.mark.parametrize("end", ["disabled", "password", "all ended"])
def test_what_ends_sessions_ends_challenges(user: User, device: codes.Device, end: str) -> None:
    pending = challenge(user)
    if end == "disabled":
        services.disable_user(user.id, actor=world.nobody(), at=AT)
    elif end == "password":
        services.change_password(
            world.PASSWORD, "another horse battery staple", actor=codes.caller(user), at=AT
        )
    else:
        services.revoke_all_sessions(user.id, reason="x", actor=world.nobody(), at=AT)
    with pytest.raises(services.ChallengeExpired):
        services.verify_second_factor(pending, device.code(AT), at=AT)
    assert Session.objects.get(id=pending).state == "revoked"


def test_what_is_no_pending_session_is_no_challenge(user: User, device: codes.Device) -> None:
    live = world.session(user, AT)
    before = world.everything()
    for session_id in (live.id, user.id):
        with pytest.raises(services.ChallengeExpired):
            services.verify_second_factor(session_id, device.code(AT), at=AT)
    assert world.everything() == before


def test_a_challenge_is_no_token(user: User, device: codes.Device) -> None:
    with pytest.raises(services.MfaRequired) as refused:
        sign_in(user)
    token, key = refused.value.members["challenge"], settings.JWT_SECRET_KEY
    for kind in ("access", "refresh"):
        with pytest.raises(policy.CredentialsInvalid):
            policy.read_token(token, kind, key=key, at=AT)
    session = Session.objects.get()
    with pytest.raises(policy.CredentialsInvalid):
        services.rotate_session(session.id, 0, at=AT)


def test_one_hears_of_a_sign_in_from_a_new_network_only_once_it_is_whole(
    user: User, device: codes.Device
) -> None:
    world.session(user, AT, address="203.0.113.9")
    told = EventRow.objects.filter(payload__contains="sign_in_from_new_network")
    pending = challenge(user)
    assert not told.exists()
    services.verify_second_factor(pending, device.code(AT), at=AT)
    assert told.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_verifications_of_one_challenge_at_once_one_counts(user: User) -> None:
    made = codes.device(user)
    pending = challenge(user)

    def verify(number: int) -> bool:
        try:
            return bool(services.verify_second_factor(pending, made.backup_codes[number], at=AT))
        except services.ChallengeExpired:
            return False

    assert sum(world.at_once(8, verify)) == 1
    assert Session.objects.filter(id=pending, state="live").count() == 1


@pytest.mark.django_db(transaction=True)
def test_wrong_codes_at_once_are_all_counted(user: User) -> None:
    codes.device(user)
    pending = challenge(user)

    def guess(_: int) -> str:
        try:
            services.verify_second_factor(pending, "000000", at=AT)
        except (services.CodeInvalid, services.ChallengeExpired) as refused:
            return refused.code
        return "let in"

    assert sorted(world.at_once(8, guess)) == ["challenge_expired"] * 3 + ["code_invalid"] * 5


@pytest.mark.django_db(transaction=True)
def test_a_device_confirmed_during_a_sign_in_is_not_passed_by(user: User) -> None:
    actor = codes.caller(user)
    shown = services.begin_2fa(actor=actor, at=AT)
    code = codes.Device(shown.secret, []).code(AT)

    def act(number: int) -> None:
        if number == 0:
            services.confirm_2fa(code, actor=actor, at=AT)
            return
        with suppress(services.MfaRequired):
            sign_in(user)

    world.at_once(4, act)
    by_password_only = Session.objects.filter(state="live", methods=["pwd"])
    assert not by_password_only.exists()
