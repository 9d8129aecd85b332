"""Leaving: what goes, what ends, what stays."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

from accounts import policy, queries, services
from accounts.models import (
    ApiKey,
    BackupCode,
    Grant,
    Identity,
    Membership,
    OneTimeDevice,
    Session,
    User,
)
from accounts.services import KeyTerms
from audit import queries as audit
from audit.models import Entry
from core.actors import (
    Actor,
    ImpersonatorRefused,
    NotPermitted,
    ReauthenticationRequired,
    SecondFactorRequired,
)
from core.errors import ValidationFailed
from core.models import IdempotencyKey
from tests import world
from tests.accounts import codes

pytestmark = pytest.mark.django_db
AT = world.AT
EMAIL, NAME, ADDRESS, BROWSER = "ada.obi@example.test", "Ada Obi", "198.51.100.77", "Mosaic/1.0"
WALLET = "G" + "A" * 55


def somebody() -> User:
    """A person of whom everything is known that can be."""
    user = world.person("engineer", email=EMAIL, full_name=NAME, password=world.PASSWORD)
    team = services.create_team("Core network", actor=world.nobody(), at=AT)
    services.set_members(team.id, [user.id], actor=world.nobody(), at=AT)
    codes.device(user)
    world.session(user, AT, address=ADDRESS, user_agent=BROWSER)
    services.create_api_key(
        KeyTerms(name="probe", scopes=["outages:read"]), actor=world.proved(user), at=AT
    )
    Identity.objects.create(user=user, issuer="https://idp", subject="ada-sub", created_at=AT)
    User.objects.filter(id=user.id).update(
        stellar_wallet=WALLET, preferences={"theme": "dark"}, timezone="Africa/Lagos",
        last_login_at=AT, email_verified_at=AT, password_changed_at=AT,
    )  # fmt: skip
    return User.objects.get(id=user.id)


def erase(user: User, **more: object) -> User:
    given = {"at": AT, "reason": "Asked us to."} | more
    if "actor" not in given:
        given["actor"] = world.actor("admin")
    return services.erase_user(user.id, **given)


def test_what_is_known_goes_and_the_id_stays() -> None:
    user = somebody()
    erase(user)
    gone = User.objects.get(id=user.id)
    assert (gone.status, gone.email, gone.full_name) == ("erased", None, "Erased")
    assert (gone.stellar_wallet, gone.preferences, gone.timezone) == (None, {}, "UTC")
    assert not gone.has_usable_password()
    assert (gone.last_login_at, gone.email_verified_at, gone.password_changed_at) == (None,) * 3
    for table in (OneTimeDevice, BackupCode, Identity, Membership):
        assert not table.objects.exists(), table


def test_what_is_held_ends() -> None:
    user = somebody()
    erase(user)
    assert not Grant.objects.filter(user=user, ended_at=None).exists()
    assert not Session.objects.filter(user=user).exclude(state="revoked").exists()
    assert not ApiKey.objects.filter(user=user, revoked_at=None).exists()
    assert queries.acting(user.wire_id) is None
    actions = set(audit.entries_about(user.wire_id).values_list("action", flat=True))
    assert {
        "accounts.erase_user",
        "audit.erase_subject",
        "accounts.end_grant",
        "accounts.revoke_session",
        "accounts.revoke_api_key",
    } <= actions


def test_no_table_holds_the_personal_data_any_more() -> None:
    user = somebody()
    with pytest.raises(policy.CredentialsInvalid):
        sign_in(EMAIL)
    secrets = {EMAIL, NAME, ADDRESS, BROWSER, WALLET, "ada-sub", "dark"}
    assert secrets == {secret for secret in secrets if secret in dump()}
    erase(user)
    told = dump()
    assert not {secret for secret in secrets if secret in told}
    assert user.wire_id in told


def sign_in(email: str) -> None:
    services.open_session(
        email=email, password="not the password", address=ADDRESS, user_agent=BROWSER, at=AT
    )


def dump() -> str:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()"
        )
        texts = []
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")
            texts += [text for (text,) in cursor.fetchall() if text]
    return "\n".join(texts)


def test_no_kept_answer_and_no_key_tells_of_them_any_more() -> None:
    user = world.person("engineer", email=EMAIL, full_name=NAME)
    own, admin = world.client(user=user), world.client("admin")
    key = {"name": f"Laptop of {NAME}", "scopes": ["outages:read"], "networks": [ADDRESS]}
    own.post("/api-keys", key, Idempotency_Key="k")
    team = admin.post("/access/teams", {"name": "Core network"}).json()["id"]
    members = {"user_ids": [user.wire_id]}
    admin.put(f"/access/teams/{team}/members", members, Idempotency_Key="k")
    address, change = f"/access/users/{user.wire_id}", {"full_name": f"{NAME} II"}
    admin.patch(address, change, Idempotency_Key="k")
    told = answers() + dump()
    assert all(told.count(each) >= 2 for each in (NAME, EMAIL, ADDRESS))
    erase(user)
    told = answers() + dump()
    assert not {each for each in (NAME, EMAIL, ADDRESS) if each in told}
    again = admin.patch(address, change, Idempotency_Key="k")
    assert (again["Idempotency-Replayed"], again.json()["status"]) == ("true", "erased")


def answers() -> str:
    """What is kept for repeats of requests."""
    bodies = IdempotencyKey.objects.filter(body__isnull=False).values_list("body", flat=True)
    return "".join(bytes(body).decode() for body in bodies)


def test_the_email_may_register_again_as_somebody_else() -> None:
    user = somebody()
    erase(user)
    again = world.person("viewer", email=EMAIL)
    assert again.id != user.id
    assert again.role == "viewer"


def test_who_impersonated_leaves_no_trace_of_where_they_sat() -> None:
    admin, other = world.person("admin"), world.person("admin")
    parent = world.session(admin, AT)
    acting = world.session(
        world.person(), AT, kind="impersonation", impersonator=admin, parent=parent,
        address=ADDRESS, user_agent=BROWSER,
    )  # fmt: skip
    erase(admin, actor=world.proved(other))
    acting.refresh_from_db()
    assert (acting.address, acting.user_agent, acting.state) == (None, "", "revoked")


def test_a_service_account_can_be_erased() -> None:
    service = services.create_service_account(
        full_name="Probe", responsible_id=world.person().id, actor=world.nobody(), at=AT
    )
    assert erase(service).status == "erased"


def test_the_erased_stay_so() -> None:
    user, admin = somebody(), world.actor("admin")
    erase(user, actor=admin)
    before = world.everything()
    erase(user, actor=admin)
    services.disable_user(user.id, actor=admin, at=AT)
    with pytest.raises(services.UserNotFound):
        services.enable_user(user.id, actor=admin, at=AT)
    assert world.everything() == before


@pytest.mark.parametrize("role", ["viewer", "manager"])
def test_only_administrators_erase_others(role: str) -> None:
    user, actor = somebody(), world.actor(role)
    before = world.everything()
    with pytest.raises(NotPermitted):
        erase(user, actor=actor)
    assert world.everything() == before


def test_it_asks_for_a_reason_and_a_fresh_proof() -> None:
    user, admin = somebody(), world.actor("admin")
    before = world.everything()
    with pytest.raises(ValidationFailed):
        erase(user, actor=admin, reason="")
    with pytest.raises(ReauthenticationRequired):
        erase(user, actor=admin, at=AT + timedelta(hours=1))
    assert world.everything() == before


def test_an_unknown_person_is_not_found() -> None:
    with pytest.raises(services.UserNotFound):
        erase(User(id=uuid4()))


def test_the_last_administrator_stays() -> None:
    admin = world.person("admin", password=world.PASSWORD)
    actor = codes.caller(admin)
    before = world.everything()
    with pytest.raises(services.LastAdmin):
        erase(admin, actor=world.nobody())
    assert world.everything() == before
    with pytest.raises(services.LastAdmin):
        services.erase_oneself(password=world.PASSWORD, actor=actor, at=AT)
    assert User.objects.get(id=admin.id).email


# --- by oneself -----------------------------------------------------------------------------------
def test_one_leaves_by_password() -> None:
    user = world.person("viewer", password=world.PASSWORD)
    services.erase_oneself(password=world.PASSWORD, actor=codes.caller(user), at=AT)
    assert User.objects.get(id=user.id).status == "erased"
    entry = audit.view(Entry.objects.get(action="accounts.erase_user"))
    assert entry.actor["id"] == user.wire_id


def test_one_leaves_by_code() -> None:
    user = world.person("viewer", password=world.PASSWORD)
    device = codes.device(user)
    services.erase_oneself(code=device.code(AT), actor=codes.caller(user), at=AT)
    assert User.objects.get(id=user.id).status == "erased"


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"password": "not the password"}, policy.CredentialsInvalid),
        ({"code": "000000"}, services.CodeInvalid),
        ({"password": world.PASSWORD, "code": "000000"}, services.CodeInvalid),
        ({}, ValidationFailed),
    ],
)
def test_nobody_leaves_without_a_proof(given: dict[str, str], refusal: type[Exception]) -> None:
    user = world.person("viewer", password=world.PASSWORD)
    codes.device(user)
    actor = codes.caller(user)
    kept = User.objects.filter(id=user.id).values().get()
    with pytest.raises(refusal):
        services.erase_oneself(**given, actor=actor, at=AT)
    assert User.objects.filter(id=user.id).values().get() == kept
    assert Session.objects.filter(state="live").exists()
    assert not Entry.objects.filter(action="accounts.erase_user").exists()


def test_who_has_neither_password_nor_code_leaves_by_a_fresh_sign_in() -> None:
    user = world.person("viewer")
    actor = codes.caller(user)
    with pytest.raises(ReauthenticationRequired):
        services.erase_oneself(actor=actor, at=AT + timedelta(minutes=16))
    services.erase_oneself(actor=actor, at=AT)
    assert User.objects.get(id=user.id).status == "erased"


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"impersonator": "usr_1"}, ImpersonatorRefused),
        ({"kind": "api_key", "key_scopes": frozenset({"admin:full"})}, NotPermitted),
        ({"owes_second_factor": True}, SecondFactorRequired),
    ],
)
def test_nobody_leaves_in_somebodys_name(more: dict[str, object], refusal: type[Exception]) -> None:
    user = world.person("viewer", password=world.PASSWORD)
    actor = Actor(**{"id": user.wire_id, "kind": "person", "reauthenticated_at": AT} | more)
    before = world.everything()
    with pytest.raises(refusal):
        services.erase_oneself(password=world.PASSWORD, actor=actor, at=AT)
    assert world.everything() == before


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_erases() -> None:
    user, admin = world.person("viewer"), world.actor("admin")
    world.at_once(2, lambda _: erase(user, actor=admin))
    assert Entry.objects.filter(action="accounts.erase_user").count() == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_held_survives_a_role_a_key_or_a_team_given_meanwhile() -> None:
    for number in range(5):
        user, admin = world.person("viewer"), world.proved(world.standing("admin"))
        team = services.create_team(f"Team {number}", actor=world.nobody(), at=AT)
        calls = [
            lambda user=user, admin=admin: erase(user, actor=admin),
            lambda user=user: services.grant_role(user.id, "manager", actor=world.nobody(), at=AT),
            lambda user=user: services.create_api_key(
                KeyTerms(name="x", scopes=["outages:read"]), actor=world.proved(user), at=AT
            ),
            lambda user=user, team=team: services.set_members(
                team.id, [user.id], actor=world.nobody(), at=AT
            ),
        ]

        def attempt(place: int, calls: list = calls) -> None:
            try:
                calls[place]()
            except (services.UserNotFound, services.UnknownMember):
                assert place > 0

        world.at_once(4, attempt)
        assert User.objects.get(id=user.id).status == "erased"
        assert not Grant.objects.filter(user=user, ended_at=None).exists()
        assert not ApiKey.objects.filter(user=user, revoked_at=None).exists()
        assert not Membership.objects.filter(user=user).exists()


def test_the_flows_of_the_house_do_not_trip_over_the_erased() -> None:
    user = somebody()
    erase(user)
    assert queries.user(user.wire_id).email is None
    assert queries.names([user.wire_id]) == {user.wire_id: "Erased"}
    assert str(User.objects.get(id=user.id)) == "Erased"
