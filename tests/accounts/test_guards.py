"""Who may not try any more to sign in, and who still may."""

import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from axes.models import AccessAttempt
from django.core.management import call_command
from django.http import HttpResponse
from django.utils import timezone
from pytest_django import Settings

from accounts import policy, services
from accounts.choices import SessionState
from accounts.models import User
from accounts.services import guards
from audit.models import Entry
from core.actors import NotPermitted
from core.models import EventRow
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT
HERE, THERE = "192.0.2.1", "198.51.100.7"
LOCKED, THROTTLED, WRONG = policy.AccountLocked, policy.LoginThrottled, policy.CredentialsInvalid
Refusal = type[Exception]


def after(**given: float) -> Any:
    return AT + timedelta(**given)


def sign_in(
    email: str, password: str = world.PASSWORD, *, address: str | None = HERE, at: Any = AT
) -> services.SignedIn:
    return services.open_session(
        email=email, password=password, address=address, user_agent="test", at=at
    )


def wrong(email: str, refusal: Refusal = WRONG, **where: Any) -> Exception:
    with pytest.raises(refusal) as refused:
        sign_in(email, "not the password", **where)
    return refused.value


@pytest.fixture
def ada() -> str:
    return str(world.person("viewer", email="ada@example.test", password=world.PASSWORD).email)


# --- One address and one e-mail ------------------------------------------------------------------
def test_five_wrong_passwords_shut_the_door_for_that_address_for_a_quarter_of_an_hour(
    ada: str,
) -> None:
    for _ in range(5):
        wrong(ada)
    with pytest.raises(LOCKED) as locked:
        sign_in(ada)
    assert locked.value.members["retry_after"] == 15 * 60
    assert sign_in(ada, address=THERE)
    with pytest.raises(LOCKED) as locked:
        sign_in(ada, at=after(minutes=14, seconds=59))
    assert locked.value.members["retry_after"] == 1
    assert sign_in(ada, at=after(minutes=15, seconds=1))


def test_four_wrong_passwords_shut_nothing_and_a_right_one_forgives_them(ada: str) -> None:
    for _ in range(2):
        for _ in range(4):
            wrong(ada)
        assert sign_in(ada)
    assert not AccessAttempt.objects.exists()


def test_tries_while_it_is_shut_do_not_prolong_it(ada: str) -> None:
    for _ in range(5):
        wrong(ada)
    for minute in range(1, 15):
        wrong(ada, LOCKED, at=after(minutes=minute))
    assert sign_in(ada, at=after(minutes=15, seconds=1))


def test_the_lock_is_of_the_address_and_the_email_however_they_are_spelled(ada: str) -> None:
    for email in (ada, ada.upper(), f" {ada}", "Ada@Example.test", ada):
        wrong(email, address="2001:db8:1:2::1")
    wrong(ada, LOCKED, address="2001:db8:1:2:ffff::9")
    wrong(ada, address="2001:db8:1:3::1")
    world.person("viewer", email="bob@example.test", password=world.PASSWORD)
    assert sign_in("bob@example.test", address="2001:db8:1:2::1")


@pytest.mark.parametrize("who", ["unknown", "disabled", "passwordless", "service"])
def test_an_email_without_a_way_in_is_locked_like_any_other(who: str) -> None:
    email = "nobody@example.test"
    if who != "unknown":
        user = world.person(
            "viewer", email=email, password=None if who == "passwordless" else world.PASSWORD
        )
        if who == "disabled":
            services.disable_user(user.id, actor=world.nobody(), at=AT)
        if who == "service":
            User.objects.filter(id=user.id).update(
                kind="service", email=None, responsible=world.standing("admin")
            )
    for _ in range(5):
        wrong(email)
    wrong(email, LOCKED)


def test_what_is_kept_of_a_failure_names_nobody(ada: str) -> None:
    wrong(ada)
    kept = AccessAttempt.objects.get()
    told = " ".join(str(value) for value in vars(kept).values())
    assert ada not in told.lower()
    assert ada.partition("@")[2] not in told.lower()
    assert (kept.user_agent, kept.http_accept, kept.path_info) == ("", "", "")
    assert (kept.get_data, kept.post_data) == ("", "")


def test_what_is_kept_goes_when_it_no_longer_counts(ada: str) -> None:
    wrong(ada)
    wrong(ada)
    wrong("bob@example.test", at=after(minutes=16))
    assert AccessAttempt.objects.count() == 1


def test_a_lock_leaves_one_entry_that_names_nobody(ada: str) -> None:
    for _ in range(5):
        wrong(ada)
    for _ in range(3):
        wrong(ada, LOCKED)
    (entry,) = Entry.objects.filter(action="accounts.lock_sign_in")
    assert User.objects.get(email=ada).wire_id in entry.body
    assert ada not in entry.body


def test_refused_at_a_shut_door_means_nothing_was_written(ada: str) -> None:
    for _ in range(5):
        wrong(ada)
    before = world.everything()
    wrong(ada, LOCKED)
    with pytest.raises(LOCKED):
        sign_in(ada)
    assert world.everything() == before


@pytest.mark.django_db(transaction=True)
def test_no_wrong_password_of_many_at_once_is_forgotten(ada: str) -> None:
    def one(_: int) -> str:
        try:
            sign_in(ada, "not the password")
        except (WRONG, LOCKED) as refused:
            return str(refused.code)
        return "in"

    told = world.at_once(8, one)
    assert set(told) <= {"credentials_invalid", "account_locked"}
    assert AccessAttempt.objects.get().failures_since_start == told.count("credentials_invalid")
    wrong(ada, LOCKED)


def test_who_was_let_in_before_the_lock_learns_nothing_after_it(
    ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accounts.services import sign_in as verb

    original = verb.check_password

    def slow(*given: Any, **named: Any) -> bool:
        for _ in range(5):
            guards.note_failure(ada, HERE, at=AT)
        return bool(original(*given, **named))

    monkeypatch.setattr(verb, "check_password", slow)
    with pytest.raises(LOCKED):
        sign_in(ada)
    assert not User.objects.get(email=ada).sessions.exists()


# --- One address over all accounts ---------------------------------------------------------------
def test_twenty_failures_of_an_address_in_five_minutes_throttle_it_for_everybody(ada: str) -> None:
    for n in range(20):
        wrong(f"{n}@example.test", at=after(seconds=n))
    refused = wrong(ada, THROTTLED, at=after(seconds=20))
    assert refused.members["retry_after"] == 280  # type: ignore[attr-defined]
    with pytest.raises(THROTTLED):
        sign_in(ada, at=after(seconds=20))
    assert sign_in(ada, address=THERE, at=after(seconds=20))
    assert sign_in(ada, at=after(seconds=301))


def test_nineteen_failures_do_not(ada: str) -> None:
    for n in range(19):
        wrong(f"{n}@example.test")
    assert sign_in(ada)


# --- One account over all addresses --------------------------------------------------------------
def sprayed(email: str, times: int = 100) -> None:
    for n in range(times):
        guards.note_failure(email, f"203.0.{n // 250}.{n % 250}", at=AT)


def test_a_hundred_failures_of_an_account_shut_it_to_unfamiliar_addresses(ada: str) -> None:
    user = User.objects.get(email=ada)
    world.session(user, after(days=-29), address=THERE)
    world.session(user, after(days=-31), address="198.51.100.31")
    world.session(user, after(days=-1), address="198.51.100.1", state=SessionState.PENDING)
    sprayed(ada)
    for unfamiliar in (HERE, "198.51.100.31", "198.51.100.1", None):
        with pytest.raises(THROTTLED):
            sign_in(ada, address=unfamiliar)
    assert sign_in(ada, address=THERE)
    assert sign_in(ada, at=after(minutes=61))


def test_ninety_nine_do_not(ada: str) -> None:
    sprayed(ada, 99)
    assert sign_in(ada)


def test_an_unknown_email_is_shut_alike() -> None:
    sprayed("nobody@example.test")
    wrong("nobody@example.test", THROTTLED)


def test_the_person_is_told_once(ada: str) -> None:
    sprayed(ada, 120)
    told = EventRow.objects.filter(type="account.changed", payload__contains="failed_sign_ins")
    assert told.count() == 1
    assert told.get().subject == User.objects.get(email=ada).wire_id
    assert Entry.objects.filter(action="accounts.throttle_sign_in").count() == 1


def test_nobody_is_told_of_an_unknown_email() -> None:
    sprayed("nobody@example.test")
    assert not EventRow.objects.filter(type="account.changed").exists()


# --- The second factor ---------------------------------------------------------------------------
def test_ten_wrong_codes_in_a_quarter_of_an_hour_stop_a_person_whatever_the_challenge() -> None:
    user, other = world.person("viewer"), world.person("viewer")
    for n in range(10):
        with pytest.raises(services.CodeInvalid):
            services.use_code(user.id, "000000", at=after(seconds=n))
    with pytest.raises(THROTTLED) as refused:
        services.use_code(user.id, "000000", at=after(seconds=10))
    assert refused.value.members["retry_after"] == 890
    with pytest.raises(services.CodeInvalid):
        services.use_code(other.id, "000000", at=AT)
    with pytest.raises(services.CodeInvalid):
        services.use_code(user.id, "000000", at=after(seconds=901))


# --- Opening the door again ----------------------------------------------------------------------
def test_an_administrator_opens_the_door(ada: str) -> None:
    for _ in range(5):
        wrong(ada)
    sprayed(ada)
    assert services.unlock_sign_in(ada, actor=world.actor("admin"), at=AT, reason="phoned")
    assert sign_in(ada)
    assert Entry.objects.filter(action="accounts.unlock_sign_in").count() == 1


def test_others_do_not(ada: str) -> None:
    for _ in range(5):
        wrong(ada)
    before = world.everything()
    with pytest.raises(NotPermitted):
        services.unlock_sign_in(ada, actor=world.actor("manager"), at=AT)
    after_it = world.everything()
    assert after_it["axes_accessattempt"] == before["axes_accessattempt"]
    wrong(ada, LOCKED)


def test_the_command_unlocks(ada: str, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(5):
        wrong(ada, at=timezone.now())
    call_command("unlock", ada)
    assert "may try again" in capsys.readouterr().out
    assert sign_in(ada, at=timezone.now())
    call_command("unlock", "nobody@example.test")
    assert "was not locked" in capsys.readouterr().out


# --- By HTTP -------------------------------------------------------------------------------------
def login(client: world.Client, email: str, password: str, **headers: str) -> HttpResponse:
    return client.post("/auth/login", {"email": email, "password": password}, **headers)


def test_vector_11_five_wrong_then_right_from_here_and_from_elsewhere(
    ada: str, settings: Settings
) -> None:
    settings.TRUSTED_PROXY_COUNT = 1
    client = world.Client()
    for _ in range(5):
        assert login(client, ada, "no", X_Forwarded_For=HERE).status_code == 401
    answer = login(client, ada, world.PASSWORD, X_Forwarded_For=HERE)
    assert (answer.status_code, answer.json()["code"]) == (429, "account_locked")
    assert 890 <= int(answer["Retry-After"]) <= 900
    assert login(client, ada, world.PASSWORD, X_Forwarded_For=THERE).status_code == 200


def test_vector_12_a_forged_forwarded_for_does_not_open_the_door(ada: str) -> None:
    client = world.Client()
    codes = [
        login(client, ada, "no", X_Forwarded_For=f"203.0.113.{n}").status_code for n in range(6)
    ]
    assert codes == [401] * 5 + [429]


def test_an_unknown_email_answers_byte_for_byte_what_a_known_one_does(
    ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.views.timezone.now", lambda: AT)
    client = world.Client()
    for _ in range(7):
        answers = [
            login(client, email, "no", X_Correlation_ID="same")
            for email in (ada, "nobody@example.test")
        ]
        assert answers[0].status_code == answers[1].status_code
        assert answers[0].content == answers[1].content
    assert answers[0].status_code == 429


@pytest.mark.slow
def test_an_unknown_email_takes_as_long_as_a_wrong_password() -> None:
    user = world.person("viewer", password=world.PASSWORD)

    def took(call: Callable[[], Any]) -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    known, unknown = [], []
    for n in range(200):
        address = f"203.0.113.{n}"
        known.append(took(lambda a=address: wrong(str(user.email), address=a)))
        unknown.append(took(lambda a=address: wrong(f"{uuid4().hex}@example.test", address=a)))
        services.unlock_sign_in(str(user.email), actor=world.nobody(), at=AT)
    ratio = statistics.median(known) / statistics.median(unknown)
    assert 0.9 <= ratio <= 1.1


def test_what_no_longer_counts_is_forgotten_by_the_clock(ada: str) -> None:
    for at in (AT, AT, after(minutes=5), after(minutes=5)):
        wrong(ada if at == AT else "bob@example.test", at=at)
    assert services.forget_failures(at=after(minutes=16)) == 1
    assert services.forget_failures(at=after(minutes=21)) == 1
    assert not AccessAttempt.objects.exists()
