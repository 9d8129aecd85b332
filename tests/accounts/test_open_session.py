from datetime import timedelta

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from accounts import policy, services
from accounts.hashers import Argon2id
from accounts.models import Session
from audit.models import Entry
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def sign_in(email: str, password: str = world.PASSWORD) -> services.SignedIn:
    return services.open_session(
        email=email, password=password, address="127.0.0.1", user_agent="test", at=AT
    )


def test_the_right_password_opens_a_live_session() -> None:
    user = world.person("engineer", password=world.PASSWORD)
    signed_in = sign_in(str(user.email))
    session = Session.objects.get()
    assert (session.id, session.state, session.generation) == (signed_in.session_id, "live", 0)
    assert (session.expires_at - AT, session.ends_at - AT) == (
        timedelta(days=14),
        timedelta(days=30),
    )
    user.refresh_from_db()
    assert user.last_login_at == AT


def test_the_spelling_of_an_email_does_not_matter() -> None:
    world.person("viewer", email="ada@example.com", password=world.PASSWORD)
    assert sign_in("  ADA@Example.com ").user.email == "ada@example.com"


def test_a_password_is_never_trimmed() -> None:
    user = world.person("viewer", password=f" {world.PASSWORD}")
    with pytest.raises(policy.CredentialsInvalid):
        sign_in(str(user.email))
    assert sign_in(str(user.email), f" {world.PASSWORD}")


@pytest.mark.parametrize("who", ["unknown", "wrong", "disabled", "passwordless"])
def test_every_refusal_is_the_same_and_leaves_an_entry_and_nothing_else(who: str) -> None:
    user = world.person("viewer", password=None if who == "passwordless" else world.PASSWORD)
    if who == "disabled":
        services.disable_user(user.id, actor=world.nobody(), at=AT)
    email = "nobody@example.test" if who == "unknown" else str(user.email)
    before = world.everything()
    with pytest.raises(policy.CredentialsInvalid) as refused:
        sign_in(email, "wrong" if who == "wrong" else world.PASSWORD)
    after = world.everything()
    assert refused.value.detail == "The e-mail address or the password is wrong."
    assert {table for table in after if after[table] != before.get(table)} == {
        "audit_entry",
        "axes_accessattempt",  # counted: tests/accounts/test_guards.py
    }
    assert Entry.objects.filter(action="accounts.refuse_sign_in").count() == 1


def test_an_unknown_email_costs_one_hash_too(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = []
    original = Argon2PasswordHasher.encode
    monkeypatch.setattr(
        Argon2PasswordHasher,
        "encode",
        lambda *given: hashes.append(1) or original(*given),
    )
    with pytest.raises(policy.CredentialsInvalid):
        sign_in("nobody@example.test")
    assert len(hashes) == 1


def test_passwords_are_kept_as_argon2id_of_19_mebibytes() -> None:
    user = world.person("viewer", password=world.PASSWORD)
    assert user.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_an_older_hash_is_renewed_at_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Argon2id, "time_cost", 1)
    user = world.person("viewer", password=world.PASSWORD)
    monkeypatch.undo()
    assert ",t=1," in user.password
    sign_in(str(user.email))
    user.refresh_from_db()
    assert ",t=2," in user.password


def test_the_audit_log_holds_no_email_and_no_name() -> None:
    user = world.person("viewer", full_name="Ada Obi", password=world.PASSWORD)
    sign_in(str(user.email))
    with pytest.raises(policy.CredentialsInvalid):
        sign_in("stranger@example.org")
    bodies = " ".join(Entry.objects.values_list("body", flat=True))
    assert "Ada" not in bodies
    assert "@" not in bodies
