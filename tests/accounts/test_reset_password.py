from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts import policy, queries, services
from accounts.models import Identity, Session, User
from audit.models import Entry
from core.models import EventRow
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT
NEW = "another horse battery staple"


def token(user: User, at: datetime = AT) -> str:
    link = queries.reset_link(user.wire_id, at=at)
    assert link is not None
    return link.partition("#token=")[2]


def reset(given: str, password: str = NEW, at: datetime = AT) -> int:
    return services.reset_password(given, password, at=at)


@pytest.fixture
def ada() -> User:
    return world.person("engineer", email="ada@example.test", password=world.PASSWORD)


def test_the_link_leads_to_a_page_of_ours_and_hides_the_token_from_servers(
    ada: User, settings: Settings
) -> None:
    link = queries.reset_link(ada.wire_id, at=AT)
    assert str(link).startswith(f"{settings.PUBLIC_URL}/reset-password#token={ada.wire_id}.")


def test_a_new_password_counts_at_once_and_every_session_ends(ada: User) -> None:
    for _ in range(2):
        world.session(ada, AT)
    assert reset(token(ada)) == 2
    assert set(Session.objects.values_list("revoked_reason", flat=True)) == {"password_changed"}
    signed_in = services.open_session(
        email="ada@example.test", password=NEW, address=None, user_agent="", at=AT
    )
    assert signed_in.user.password_changed_at == AT
    told = EventRow.objects.filter(type="account.changed", payload__contains='"password"')
    assert told.get().subject == ada.wire_id
    assert Entry.objects.filter(action="accounts.reset_password").count() == 1


def test_a_token_works_once(ada: User) -> None:
    given = token(ada)
    reset(given)
    before = world.everything()
    with pytest.raises(services.ResetTokenInvalid):
        reset(given, "a third horse battery")
    assert world.everything() == before


def test_a_token_lasts_an_hour(ada: User) -> None:
    given = token(ada)
    with pytest.raises(services.ResetTokenInvalid):
        reset(given, at=AT + timedelta(seconds=3601))
    assert reset(given, at=AT + timedelta(seconds=3600)) == 0


def test_a_token_dies_with_the_password_it_was_to_replace(ada: User) -> None:
    given = token(ada)
    reset(token(ada), "a third horse battery")
    with pytest.raises(services.ResetTokenInvalid):
        reset(given)


@pytest.mark.parametrize("kind", ["empty", "nonsense", "another", "changed", "nul", "unknown"])
def test_what_is_no_token_of_ours_resets_nothing(ada: User, kind: str) -> None:
    given, bob = token(ada), world.person("viewer", password=world.PASSWORD)
    wrong = {
        "empty": "",
        "nonsense": "abc",
        "another": f"{bob.wire_id}.{given.partition('.')[2]}",
        "changed": given[:-1] + ("0" if given[-1] != "0" else "1"),
        "nul": "usr_\x00.x",
        "unknown": f"usr_01h455vb4pex5vsknk084sn02q.{given.partition('.')[2]}",
    }[kind]
    before = world.everything()
    with pytest.raises(services.ResetTokenInvalid):
        reset(wrong)
    assert world.everything() == before


def test_a_weak_password_leaves_the_token_as_it_was(ada: User) -> None:
    given = token(ada)
    with pytest.raises(services.PasswordTooWeak):
        reset(given, "short")
    assert reset(given) == 0


def test_who_is_disabled_gets_no_link_and_uses_none(ada: User) -> None:
    given = token(ada)
    services.disable_user(ada.id, actor=world.nobody(), at=AT)
    assert queries.reset_link(ada.wire_id, at=AT) is None
    with pytest.raises(services.ResetTokenInvalid):
        reset(given)


def test_who_was_added_without_a_password_chooses_one_by_a_link() -> None:
    user = world.person("viewer", password=None)
    assert reset(token(user)) == 0


def test_who_comes_by_a_provider_only_is_left_to_it() -> None:
    user = world.person("viewer", password=None)
    Identity.objects.create(user=user, issuer="https://idp.example", subject="1", created_at=AT)
    assert queries.reset_link(user.wire_id, at=AT) is None


@pytest.mark.parametrize("named", ["usr_01h455vb4pex5vsknk084sn02q", "nobody", ""])
def test_nobody_has_a_link(named: str) -> None:
    assert queries.reset_link(named, at=AT) is None


def test_a_reset_opens_a_door_that_wrong_passwords_had_shut(ada: User) -> None:
    for _ in range(5):
        with pytest.raises(policy.CredentialsInvalid):
            services.open_session(
                email="ada@example.test", password="no", address="192.0.2.1", user_agent="", at=AT
            )
    reset(token(ada))
    assert services.open_session(
        email="ada@example.test", password=NEW, address="192.0.2.1", user_agent="", at=AT
    )


@pytest.mark.django_db(transaction=True)
def test_of_two_uses_at_once_one_counts(ada: User) -> None:
    given = token(ada)

    def one(number: int) -> str:
        try:
            reset(given, f"{NEW} {number}")
        except services.ResetTokenInvalid:
            return "refused"
        return "reset"

    assert sorted(world.at_once(2, one)) == ["refused", "reset"]
    assert Entry.objects.filter(action="accounts.reset_password").count() == 1


# --- Asking for it -------------------------------------------------------------------------------
def asked_for() -> list[str]:
    found = EventRow.objects.filter(payload__contains="password_reset")
    return list(found.values_list("subject", flat=True))


def test_asking_is_told_inside_the_house_without_any_token(ada: User) -> None:
    services.request_password_reset(" ADA@example.test", at=AT)
    assert asked_for() == [ada.wire_id]
    payloads = EventRow.objects.filter(subject=ada.wire_id).values_list("payload", flat=True)
    assert "token" not in " ".join(payloads)


@pytest.mark.parametrize("who", ["unknown", "disabled"])
def test_asking_for_nobody_leaves_an_entry_and_no_event(ada: User, who: str) -> None:
    email = "nobody@example.test"
    if who == "disabled":
        email = str(ada.email)
        services.disable_user(ada.id, actor=world.nobody(), at=AT)
    services.request_password_reset(email, at=AT)
    assert asked_for() == []
    entry = Entry.objects.get(action="accounts.request_password_reset")
    assert email not in entry.body


def test_asking_answers_the_same_and_writes_as_much(ada: User) -> None:
    told, cost = [], []
    for email in ("ada@example.test", "nobody@example.test"):
        with CaptureQueriesContext(connection) as statements:
            answer = world.Client().post(
                "/auth/password/forgot", {"email": email}, X_Correlation_ID="same"
            )
        told.append((answer.status_code, answer.content))
        words = [each["sql"].split(" ")[0] for each in statements.captured_queries]
        cost.append([word for word in words if word not in ("RELEASE", "ROLLBACK")])
    assert told[0] == told[1]
    assert told[0][0] == 202
    assert cost[0] == cost[1]


def test_by_http_a_token_resets_and_a_used_one_is_refused(ada: User) -> None:
    given = {"token": token(ada, timezone.now()), "password": NEW}
    answer = world.Client().post("/auth/password/reset", given)
    assert (answer.status_code, answer.json()["sessions_invalidated"]) == (200, 0)
    answer = world.Client().post("/auth/password/reset", given)
    assert (answer.status_code, answer.json()["code"]) == (422, "reset_token_invalid")


@pytest.mark.parametrize("path", ["forgot", "reset"])
def test_a_foreign_page_and_a_form_are_refused(ada: User, path: str) -> None:
    given = {"email": "ada@example.test", "token": token(ada), "password": NEW}
    client = world.Client()
    answer = client.post(f"/auth/password/{path}", given, Origin="https://evil.example")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    answer = client.post(
        f"/auth/password/{path}", b"a=b", content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 415
    assert asked_for() == []
