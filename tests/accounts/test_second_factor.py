"""Setting a second factor up, using it, renewing its codes and taking it off."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from accounts import policy, services
from accounts.models import BackupCode, OneTimeDevice, Session, User
from accounts.policy import second_factor as rules
from audit.models import Entry
from core import vault
from core.actors import Actor, ImpersonatorRefused, NotPermitted, ReauthenticationRequired
from core.models import EventRow
from tests import world
from tests.accounts import codes

pytestmark = pytest.mark.django_db
AT = world.AT
VECTOR = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def later(**span: float) -> datetime:
    return AT + timedelta(**span)


def given_secret(user: User, secret: str) -> None:
    """A confirmed device with a secret of our choice."""
    made = OneTimeDevice(user=user, created_at=AT, confirmed_at=AT)
    made.sealed = vault.seal(secret.encode(), context=f"accounts_onetimedevice:{made.id}")
    made.save()


def test_the_codes_of_the_vector() -> None:
    for second, code in (
        (1767225599, "633020"),
        (1767225600, "452777"),
        (1767225630, "978927"),
    ):
        assert rules.steps_of(VECTOR, code, instant(second)) == [second // 30]


def test_a_code_of_the_period_before_counts_and_after_the_newer_one_neither() -> None:
    user, at = world.person(), instant(1767225620)
    given_secret(user, VECTOR)
    assert services.use_code(user.id, "633020", at=at) == "otp"
    assert services.use_code(user.id, "452777", at=at) == "otp"
    for used in ("633020", "452777"):
        with pytest.raises(services.CodeInvalid):
            services.use_code(user.id, used, at=at)


def test_an_older_code_does_not_count_after_a_newer_one() -> None:
    user, at = world.person(), instant(1767225620)
    given_secret(user, VECTOR)
    services.use_code(user.id, "452777", at=at)
    with pytest.raises(services.CodeInvalid):
        services.use_code(user.id, "633020", at=at)


@pytest.mark.parametrize("off", [-61, 60])
def test_a_clock_is_off_by_one_period_at_most(off: int) -> None:
    user, at = world.person(), instant(1767225620)
    given_secret(user, VECTOR)
    code = codes.Device(VECTOR, []).code(at + timedelta(seconds=off))
    with pytest.raises(services.CodeInvalid):
        services.use_code(user.id, code, at=at)


@pytest.mark.parametrize(
    "code", ["", "45277", "4527777", "٤٥٢٧٧٧", "452777x", "-452777", "000000", "\x00"]
)
def test_what_is_no_code_counts_nothing(code: str) -> None:
    user = world.person()
    given_secret(user, VECTOR)
    before = world.everything()
    with pytest.raises(services.CodeInvalid):
        services.use_code(user.id, code, at=instant(1767225620))
    assert world.everything() == before


def test_blanks_in_a_code_do_not_matter() -> None:
    user = world.person()
    given_secret(user, VECTOR)
    assert services.use_code(user.id, " 452 777 ", at=instant(1767225620)) == "otp"


def test_a_secret_moved_to_another_person_does_not_open() -> None:
    user, other = world.person(), world.person()
    given_secret(user, VECTOR)
    given_secret(other, VECTOR)
    sealed = OneTimeDevice.objects.get(user=user).sealed
    OneTimeDevice.objects.filter(user=other).update(sealed=sealed)
    with pytest.raises(vault.CannotOpen):
        services.use_code(other.id, "452777", at=instant(1767225620))


def test_setting_up_shows_a_secret_and_ten_codes_that_count_only_when_confirmed() -> None:
    user = world.person()
    actor = codes.caller(user)
    shown = services.begin_2fa(actor=actor, at=AT)
    assert len(shown.secret) == 32
    assert shown.otpauth_url.startswith("otpauth://totp/NOC%20IQ:")
    assert len({*shown.backup_codes}) == 10
    assert services.methods_of(user.id) == []
    for code in (codes.Device(shown.secret, []).code(AT), shown.backup_codes[0]):
        with pytest.raises(services.CodeInvalid):
            services.use_code(user.id, code, at=AT)
    services.confirm_2fa(codes.Device(shown.secret, []).code(AT), actor=actor, at=AT)
    assert services.methods_of(user.id) == ["otp", "backup"]


def test_nothing_stored_of_a_second_factor_can_be_used() -> None:
    user = world.person()
    made = codes.device(user)
    stored = repr(list(OneTimeDevice.objects.values())) + repr(list(BackupCode.objects.values()))
    stored += " ".join(Entry.objects.values_list("body", flat=True))
    stored += " ".join(EventRow.objects.values_list("payload", flat=True))
    for secret in (made.secret, *made.backup_codes, made.backup_codes[0].replace("-", "")):
        assert secret not in stored
    assert made.secret.encode() not in bytes(OneTimeDevice.objects.get().sealed)


def test_beginning_again_replaces_what_was_not_confirmed() -> None:
    actor = codes.caller(world.person())
    first = services.begin_2fa(actor=actor, at=AT)
    second = services.begin_2fa(actor=actor, at=AT)
    assert (OneTimeDevice.objects.count(), BackupCode.objects.count()) == (1, 10)
    with pytest.raises(services.CodeInvalid):
        services.confirm_2fa(codes.Device(first.secret, []).code(AT), actor=actor, at=AT)
    services.confirm_2fa(codes.Device(second.secret, []).code(AT), actor=actor, at=AT)


def test_a_confirmed_second_factor_is_not_replaced() -> None:
    user = world.person()
    codes.device(user)
    actor = codes.caller(user)
    before = world.everything()
    with pytest.raises(services.SecondFactorActive):
        services.begin_2fa(actor=actor, at=AT)
    with pytest.raises(services.SecondFactorActive):
        services.confirm_2fa("123456", actor=actor, at=AT)
    assert world.everything() == before


def test_confirming_ends_other_sessions_keeps_this_one_and_tells_the_person() -> None:
    user = world.person()
    others = [world.session(user, AT) for _ in range(2)]
    stranger = world.session(world.person(), AT)
    actor = codes.caller(user)
    shown = services.begin_2fa(actor=actor, at=AT)
    services.confirm_2fa(codes.Device(shown.secret, []).code(AT), actor=actor, at=AT)
    ended = Session.objects.filter(state="revoked")
    assert {session.id for session in ended} == {session.id for session in others}
    assert {session.revoked_reason for session in ended} == {"second_factor_changed"}
    own = Session.objects.filter(user=user, state="live").get()
    assert (own.mfa_at, own.methods) == (AT, ["otp"])
    stranger.refresh_from_db()
    assert stranger.state == "live"
    told = EventRow.objects.filter(type="account.changed").latest("id")
    assert '"second_factor"' in told.payload


def test_the_log_of_it_names_no_secret_and_tells_each_step() -> None:
    user = world.person()
    made = codes.device(user)
    actor = codes.caller(user)
    services.renew_backup_codes(made.code(AT), actor=actor, at=AT)
    services.disable_2fa(made.code(later(seconds=30)), actor=actor, at=later(seconds=30))
    entries = Entry.objects.filter(subject_id=user.wire_id).order_by("recorded_at", "id")
    assert [entry.action for entry in entries][-4:] == [
        "accounts.begin_2fa",
        "accounts.confirm_2fa",
        "accounts.renew_backup_codes",
        "accounts.disable_2fa",
    ]


def test_a_wrong_first_code_confirms_nothing() -> None:
    user = world.person()
    world.session(user, AT)
    actor = codes.caller(user)
    services.begin_2fa(actor=actor, at=AT)
    before = world.everything()
    with pytest.raises(services.CodeInvalid):
        services.confirm_2fa("000000", actor=actor, at=AT)
    assert world.everything() == before


Verb = Callable[[Actor, datetime], object]
VERBS: dict[str, Verb] = {
    "begin": lambda actor, at: services.begin_2fa(actor=actor, at=at),
    "confirm": lambda actor, at: services.confirm_2fa("123456", actor=actor, at=at),
    "renew": lambda actor, at: services.renew_backup_codes("123456", actor=actor, at=at),
    "disable": lambda actor, at: services.disable_2fa("123456", actor=actor, at=at),
}


@pytest.mark.parametrize("verb", ["confirm", "renew", "disable"])
def test_without_a_second_factor_there_is_nothing_to_change(verb: str) -> None:
    actor = codes.caller(world.person())
    before = world.everything()
    with pytest.raises(services.SecondFactorAbsent):
        VERBS[verb](actor, AT)
    assert world.everything() == before


@pytest.mark.parametrize("verb", ["begin", "disable"])
def test_setting_up_and_taking_off_need_a_fresh_proof(verb: str) -> None:
    user = world.person()
    codes.device(user)
    actor = codes.caller(user)
    before = world.everything()
    with pytest.raises(ReauthenticationRequired):
        VERBS[verb](actor, later(minutes=15, seconds=1))
    assert world.everything() == before


@pytest.mark.parametrize("verb", VERBS)
def test_nobody_changes_a_second_factor_in_anothers_name_or_by_a_key(verb: str) -> None:
    user = world.person()
    acted = codes.acting_in(world.impersonation(user, at=AT).session)
    key = Actor(id=user.wire_id, kind="api_key", global_role="admin", key_scopes=frozenset({"x"}))
    before = world.everything()
    for actor, refusal in ((acted, ImpersonatorRefused), (key, NotPermitted)):
        with pytest.raises(refusal):
            VERBS[verb](actor, AT)
    assert world.everything() == before


def test_new_backup_codes_void_the_old_ones_and_end_other_sessions() -> None:
    user = world.person()
    made = codes.device(user)
    other, actor = world.session(user, AT), codes.caller(user)
    fresh = services.renew_backup_codes(made.code(AT), actor=actor, at=AT)
    assert not {*fresh} & {*made.backup_codes}
    assert BackupCode.objects.count() == 10
    with pytest.raises(services.CodeInvalid):
        services.use_code(user.id, made.backup_codes[0], at=AT)
    assert services.use_code(user.id, fresh[0], at=AT) == "backup"
    other.refresh_from_db()
    assert other.state == "revoked"


def test_a_backup_code_works_once_however_it_is_typed() -> None:
    user = world.person()
    made = codes.device(user)
    typed = made.backup_codes[3].lower().replace("-", " ")
    assert services.use_code(user.id, typed, at=AT) == "backup"
    with pytest.raises(services.CodeInvalid):
        services.use_code(user.id, made.backup_codes[3], at=AT)
    assert BackupCode.objects.filter(used_at=AT).count() == 1


def test_the_backup_code_of_another_opens_nothing() -> None:
    user, other = world.person(), world.person()
    codes.device(user)
    theirs = codes.device(other)
    with pytest.raises(services.CodeInvalid):
        services.use_code(user.id, theirs.backup_codes[0], at=AT)


def test_taking_it_off_ends_other_sessions_and_leaves_nothing_of_it() -> None:
    user = world.person()
    made = codes.device(user)
    other, actor = world.session(user, AT), codes.caller(user)
    services.disable_2fa(made.code(AT), actor=actor, at=AT)
    assert not OneTimeDevice.objects.exists()
    assert not BackupCode.objects.exists()
    other.refresh_from_db()
    assert other.state == "revoked"
    assert Session.objects.get(user=user, state="live").wire_id == actor.session_id


@pytest.mark.parametrize("by", ["person", "team"])
def test_where_a_role_demands_one_it_stays(by: str, settings: Settings) -> None:
    user = world.person("manager" if by == "person" else "viewer")
    if by == "team":
        team = services.create_team("core", actor=world.actor("admin"), at=AT)
        services.set_members(team.id, [user.id], actor=world.actor("admin"), at=AT)
        services.grant_team_role(team.id, "manager", actor=world.actor("admin"), at=AT)
    made = codes.device(user)
    actor = codes.caller(user)
    settings.MFA_REQUIRED_ROLES = ("manager", "admin")
    before = world.everything()
    with pytest.raises(services.SecondFactorMandatory):
        services.disable_2fa(made.code(AT), actor=actor, at=AT)
    assert world.everything() == before


@pytest.mark.parametrize("verb", ["renew", "disable"])
def test_a_wrong_code_changes_nothing(verb: str) -> None:
    user = world.person()
    codes.device(user)
    world.session(user, AT)
    actor = codes.caller(user)
    before = world.everything()
    with pytest.raises(services.CodeInvalid):
        VERBS[verb](actor, AT)
    assert world.everything() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["otp", "backup"])
def test_of_uses_of_one_code_at_once_one_counts(kind: str) -> None:
    user = world.person()
    made = codes.device(user)
    code = made.code(AT) if kind == "otp" else made.backup_codes[0]

    def use(_: int) -> bool:
        try:
            return services.use_code(user.id, code, at=AT) == kind
        except services.CodeInvalid:
            return False

    assert sorted(world.at_once(8, use)) == [False] * 7 + [True]


@pytest.mark.django_db(transaction=True)
def test_setting_up_twice_at_once_leaves_one_device() -> None:
    actor = codes.caller(world.person())
    shown = world.at_once(4, lambda _: services.begin_2fa(actor=actor, at=AT))
    assert (OneTimeDevice.objects.count(), BackupCode.objects.count()) == (1, 10)
    confirmed = 0
    for each in shown:
        try:
            services.confirm_2fa(codes.Device(each.secret, []).code(AT), actor=actor, at=AT)
            confirmed += 1
        except (services.CodeInvalid, services.SecondFactorActive):
            continue
    assert confirmed == 1


@pytest.mark.django_db(transaction=True)
def test_confirming_and_signing_out_everywhere_at_once_do_not_wait_for_each_other() -> None:
    user = world.person()
    for _ in range(4):
        world.session(user, AT)
    actor = codes.caller(user)
    for _ in range(4):
        world.session(user, AT)
    shown = services.begin_2fa(actor=actor, at=AT)
    code = codes.Device(shown.secret, []).code(AT)

    def act(number: int) -> str:
        try:
            if number == 0:
                services.confirm_2fa(code, actor=actor, at=AT)
            else:
                services.revoke_all_sessions(user.id, reason="x", actor=world.nobody(), at=AT)
        except policy.SessionRevoked:
            return "too late"
        return "done"

    assert set(world.at_once(3, act)) <= {"done", "too late"}
    assert not Session.objects.filter(state="live").exists()
