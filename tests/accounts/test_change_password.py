from dataclasses import replace
from typing import Any

import pytest

from accounts import policy, queries, services
from accounts.models import Session, User
from audit.models import Entry
from core.actors import Actor, ImpersonatorRefused, NotPermitted, SecondFactorRequired
from core.models import EventRow
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT
NEW = "another horse battery staple"


def signed_in(role: str = "engineer", password: str | None = world.PASSWORD) -> Actor:
    user = world.person(role, password=password)
    own = world.session(user, AT)
    actor, _ = queries.actor_of_session(own.id, at=AT, address="192.0.2.1")
    return actor


def change(actor: Actor, present: str = world.PASSWORD, new: str = NEW) -> int:
    return services.change_password(present, new, actor=actor, at=AT)


def _user(actor: Actor) -> User:
    found = queries.user(actor.id)
    assert found is not None
    return User.objects.get(id=found.id)


def sign_in(user: User, password: str) -> services.SignedIn:
    return services.open_session(
        email=str(user.email), password=password, address="192.0.2.9", user_agent="test", at=AT
    )


def test_the_new_password_counts_and_the_old_one_no_more() -> None:
    actor = signed_in()
    change(actor)
    user = _user(actor)
    assert user.password_changed_at == AT
    assert sign_in(user, NEW)
    with pytest.raises(policy.CredentialsInvalid):
        sign_in(user, world.PASSWORD)


def test_all_other_sessions_end_and_the_own_one_stays() -> None:
    actor = signed_in()
    user = _user(actor)
    others = {world.session(user, AT).id for _ in range(2)}
    assert change(actor) == 2
    ended = Session.objects.filter(state="revoked", revoked_reason="password_changed")
    assert set(ended.values_list("id", flat=True)) == others
    assert Session.objects.get(state="live").wire_id == actor.session_id


def test_the_person_is_told_and_the_log_knows_without_either_password() -> None:
    actor = signed_in()
    change(actor)
    told = EventRow.objects.filter(type="account.changed", payload__contains='"password"')
    assert told.get().subject == actor.id
    assert Entry.objects.filter(action="accounts.change_password").count() == 1
    bodies = " ".join(Entry.objects.values_list("body", flat=True))
    assert NEW not in bodies
    assert world.PASSWORD not in bodies


def test_without_the_present_password_nothing_changes() -> None:
    actor = signed_in()
    user = _user(actor)
    with pytest.raises(policy.CredentialsInvalid):
        change(actor, present="not the password")
    assert _user(actor).password == user.password
    assert Session.objects.get().state == "live"
    assert Entry.objects.filter(action="accounts.refuse_password").count() == 1


def test_the_present_password_is_not_guessed_here_either() -> None:
    actor = signed_in()
    for _ in range(5):
        with pytest.raises(policy.CredentialsInvalid):
            change(actor, present="not the password")
    with pytest.raises(policy.AccountLocked):
        change(actor)


def test_who_has_no_password_cannot_change_it() -> None:
    with pytest.raises(policy.CredentialsInvalid):
        change(signed_in(password=None), present="")


def test_a_weak_new_password_changes_nothing() -> None:
    actor = signed_in()
    before = world.everything()
    with pytest.raises(services.PasswordTooWeak):
        change(actor, new="short")
    assert world.everything() == before


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"kind": "api_key", "key_id": "key_x"}, NotPermitted),
        ({"impersonator": "usr_x"}, ImpersonatorRefused),
        ({"owes_second_factor": True}, SecondFactorRequired),
    ],
)
def test_only_the_person_changes_it(changed: dict[str, Any], refusal: type[Exception]) -> None:
    actor = replace(signed_in(), **changed)
    before = world.everything()
    with pytest.raises(refusal):
        change(actor)
    assert world.everything() == before


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_at_once_one_counts() -> None:
    actor = signed_in()

    def one(number: int) -> str:
        try:
            change(actor, new=f"{NEW} {number}")
        except policy.CredentialsInvalid:
            return "refused"
        return "changed"

    assert sorted(world.at_once(2, one)) == ["changed", "refused"]
    assert Entry.objects.filter(action="accounts.change_password").count() == 1


# --- By HTTP -------------------------------------------------------------------------------------
def test_by_http_the_other_sessions_are_told_how_many() -> None:
    user = world.person("engineer", password=world.PASSWORD)
    other, own = world.client(user=user), world.client(user=user)
    answer = own.post(
        "/auth/password/change", {"current_password": world.PASSWORD, "new_password": NEW}
    )
    assert answer.status_code == 200
    assert answer.json() == {"message": "The password is changed.", "sessions_invalidated": 1}
    assert own.get("/auth/me").status_code == 200
    assert other.get("/auth/me").json()["code"] == "session_revoked"


def test_by_http_a_weak_one_has_a_fault_for_each_rule() -> None:
    user = world.person("manager", email="ada.obi@example.com", password=world.PASSWORD)
    answer = world.client(user=user).post(
        "/auth/password/change", {"current_password": world.PASSWORD, "password": "ada.obi"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "password_too_weak")
    faults = [(each["pointer"], each["code"]) for each in answer.json()["errors"]]
    assert faults == [("/password", "password_length"), ("/password", "password_too_similar")]


def test_by_http_strangers_and_wrong_passwords_are_401() -> None:
    given = {"current_password": "not it", "password": NEW}
    assert world.client(None).post("/auth/password/change", given).status_code == 401
    user = world.person("viewer", password=world.PASSWORD)
    answer = world.client(user=user).post("/auth/password/change", given)
    assert (answer.status_code, answer.json()["code"]) == (401, "credentials_invalid")
