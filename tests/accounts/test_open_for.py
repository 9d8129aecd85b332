"""Opening a session for somebody whom another verb has proved; how long each kind lasts."""

from datetime import datetime, timedelta

import jwt
import pytest
from django.conf import settings

from accounts import policy, services
from accounts.choices import Method, SessionKind
from accounts.models import Session, User
from audit.models import Entry
from core.models import EventRow
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def open_for(user: User, address: str | None = "192.0.2.1", **more: object) -> services.SignedIn:
    given = {
        "kind": SessionKind.OIDC,
        "methods": [Method.OIDC],
        "address": address,
        "user_agent": "x" * 600 + "\x00",
        "at": AT,
    }
    return services.open_for(user, **given | more)  # type: ignore[arg-type]


def test_it_is_live_at_once_and_on_record() -> None:
    user = world.person()
    signed_in = open_for(user, mfa_at=AT)
    session = Session.objects.get()
    assert (session.id, session.kind, session.state) == (signed_in.session_id, "oidc", "live")
    assert (session.methods, session.mfa_at, session.reauthenticated_at) == (["oidc"], AT, AT)
    assert (session.address, len(session.user_agent)) == ("192.0.2.1", 512)
    user.refresh_from_db()
    assert user.last_login_at == AT
    assert Entry.objects.filter(action="accounts.open_session").count() == 1


@pytest.mark.parametrize(
    ("kind", "idle", "absolute"),
    [
        ("login", timedelta(days=14), timedelta(days=30)),
        ("oidc", timedelta(days=14), timedelta(days=30)),
        ("back_office", timedelta(minutes=15), timedelta(hours=8)),
    ],
)
def test_each_kind_lasts_as_long_as_it_may(kind: str, idle: timedelta, absolute: timedelta) -> None:
    open_for(world.person(), kind=SessionKind(kind))
    session = Session.objects.get()
    assert (session.expires_at, session.ends_at) == (AT + idle, AT + absolute)


def test_a_long_idle_time_does_not_outlast_the_session() -> None:
    lasts = policy.lasts_of("login", timedelta(days=90))
    assert lasts.idle == lasts.absolute == timedelta(days=30)


def test_the_access_token_of_the_vector() -> None:
    at = datetime.fromisoformat("2026-01-01T00:00Z")
    signed_in = open_for(world.person(), at=at)
    claims = jwt.decode(
        signed_in.access_token,
        settings.JWT_SECRET_KEY,
        algorithms=["HS256"],
        audience="noc-iq",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (claims["iat"], claims["exp"]) == (1767225600, 1767226500)
    assert signed_in.expires_in == 900


def test_the_back_office_has_no_tokens_and_nothing_to_rotate() -> None:
    signed_in = open_for(world.person("admin"), kind=SessionKind.BACK_OFFICE)
    assert (signed_in.access_token, signed_in.refresh_token) == ("", "")
    before = world.everything()
    with pytest.raises(policy.CredentialsInvalid):
        services.rotate_session(signed_in.session_id, 0, at=AT)
    assert world.everything() == before


def test_using_the_back_office_puts_off_its_idle_end_and_never_its_last() -> None:
    session_id = open_for(world.person("admin"), kind=SessionKind.BACK_OFFICE).session_id
    at = AT
    while at < AT + timedelta(hours=8):
        assert services.keep_back_office(session_id, at=at)
        session = Session.objects.get(id=session_id)
        assert session.expires_at == min(at + timedelta(minutes=15), session.ends_at)
        at += timedelta(minutes=14)
    assert not services.keep_back_office(session_id, at=AT + timedelta(hours=8))


def test_a_rested_or_ended_back_office_is_not_kept() -> None:
    session_id = open_for(world.person("admin"), kind=SessionKind.BACK_OFFICE).session_id
    assert not services.keep_back_office(session_id, at=AT + timedelta(minutes=15))
    services.revoke_session(session_id, reason="x", actor=world.nobody(), at=AT)
    before = world.everything()
    assert not services.keep_back_office(session_id, at=AT)
    login = world.session(world.person(), AT)
    assert not services.keep_back_office(login.id, at=AT)
    assert world.everything()["accounts_session"] != before["accounts_session"]


@pytest.mark.parametrize("who", ["disabled", "erased", "service", "password changed"])
def test_whom_a_verb_proved_too_early_does_not_come_in(who: str) -> None:
    user = world.person()
    changes: dict[str, dict[str, object]] = {
        "disabled": {"status": "disabled"},
        "erased": {"status": "erased"},
        "service": {"kind": "service", "email": None, "responsible": world.person()},
        "password changed": {"password": "another"},
    }
    User.objects.filter(id=user.id).update(**changes[who])
    before = world.everything()
    with pytest.raises(policy.CredentialsInvalid):
        open_for(user)
    assert world.everything() == before


def told() -> int:
    return EventRow.objects.filter(payload__contains="sign_in_from_new_network").count()


@pytest.mark.parametrize(
    ("before", "now", "tells"),
    [
        ("192.0.2.1", "192.0.2.1", 0),
        ("192.0.2.1", "192.0.2.200", 0),
        ("192.0.2.1", "192.0.3.1", 1),
        ("2001:db8:1:2::1", "2001:db8:1:ffff::9", 0),
        ("2001:db8:1:2::1", "2001:db8:2:2::1", 1),
        ("192.0.2.1", "2001:db8::1", 1),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.9", 0),
        ("::ffff:192.0.2.1", "::ffff:192.0.3.9", 1),
        (None, "192.0.2.1", 1),
        ("192.0.2.1", None, 0),
    ],
)
def test_one_hears_of_a_sign_in_from_a_network_where_one_never_was(
    before: str | None, now: str | None, tells: int
) -> None:
    user = world.person()
    world.session(user, AT - timedelta(days=20), address=before)
    open_for(user, address=now)
    assert told() == tells
    open_for(user, address=now)
    assert told() == tells


def test_the_first_sign_in_of_all_is_no_news() -> None:
    user = world.person()
    world.session(world.person(), AT, address="203.0.113.1")
    open_for(user)
    assert told() == 0


def test_a_sign_in_that_lacked_its_code_makes_no_network_familiar() -> None:
    user = world.person()
    world.session(user, AT, address="203.0.113.1")
    world.session(user, AT, address="192.0.2.7", state="pending", reauthenticated_at=None)
    open_for(user)
    assert told() == 1


def test_nothing_secret_is_shown_where_a_session_is_printed() -> None:
    signed_in = open_for(world.person())
    assert signed_in.access_token not in repr(signed_in)
    assert signed_in.refresh_token not in repr(signed_in)
