from dataclasses import replace
from datetime import timedelta

import pytest
from pytest_django import Settings

from accounts import services
from accounts.models import Grant, GroupMapping, Identity, Session, User
from accounts.policy import oidc
from accounts.services import SignedIn
from audit.models import Entry
from core.models import EventRow
from tests import world

AT = world.AT
ADA = oidc.Identified(
    issuer="https://idp.example",
    subject="ada",
    email="ada@corp.example",
    email_verified=True,
    full_name="Ada Obi",
    groups=frozenset({"noc"}),
)

pytestmark = pytest.mark.django_db


def mapped(claim_value: str = "noc", role: str = "engineer", scope_id: str | None = None) -> None:
    GroupMapping.objects.create(
        provider="corp",
        claim_value=claim_value,
        role=role,
        scope_kind="region" if scope_id else "global",
        scope_id=scope_id,
        created_by="tests",
        created_at=AT,
    )


def sign_in(identified: oidc.Identified = ADA, after: timedelta = timedelta(0)) -> SignedIn:
    return services.sign_in_by_oidc(
        identified, address="198.51.100.7", user_agent="a browser", at=AT + after
    )


def refused(
    identified: oidc.Identified, kind: type[oidc.OidcRefused], subject: str = "unknown"
) -> None:
    """It is refused by this name, audited, and nothing else happens."""
    before = world.everything()
    with pytest.raises(kind):
        sign_in(identified)
    entry = Entry.objects.get(action="accounts.refuse_sign_in")
    assert entry.subject_id == subject
    assert f'"reason":"{kind.code}"' in entry.body
    after = world.everything()
    changed = {table for table in after if after[table] != before.get(table)}
    assert {table for table in changed if not table.startswith("audit_")} == set()


def test_a_new_person_gets_an_account_without_password() -> None:
    mapped()
    signed_in = sign_in()
    user = User.objects.get()
    assert signed_in.user == user
    assert (user.email, user.full_name, user.kind) == ("ada@corp.example", "Ada Obi", "person")
    assert not user.has_usable_password()
    assert (user.email_verified_at, user.last_login_at) == (AT, AT)
    identity = Identity.objects.get()
    assert (identity.user, identity.issuer, identity.subject) == (user, ADA.issuer, "ada")
    session = Session.objects.get()
    assert (session.kind, session.methods, session.state) == ("oidc", ["oidc"], "live")
    assert (session.address, session.user_agent) == ("198.51.100.7", "a browser")
    actions = set(Entry.objects.values_list("action", flat=True))
    assert actions == {
        "accounts.create_user",
        "accounts.link_identity",
        "accounts.grant_role",
        "accounts.sync_idp_grants",
        "accounts.open_session",
    }


def test_the_audit_log_learns_no_name_and_no_address() -> None:
    mapped()
    sign_in()
    sign_in(replace(ADA, full_name="Ada Lovelace", email="ada.l@corp.example"))
    said = "".join(Entry.objects.values_list("body", flat=True))
    said += "".join(event.payload for event in EventRow.objects.all())
    for personal in ("corp.example", "Ada", "198.51.100.7", "a browser"):
        assert personal not in said


def test_whoever_comes_without_a_name_is_called_by_their_address() -> None:
    mapped()
    sign_in(replace(ADA, full_name=None))
    assert User.objects.get().full_name == "ada"


def test_who_gets_no_role_gets_no_account() -> None:
    refused(ADA, oidc.OidcNoAccess)


def test_the_default_role_lets_everybody_in(settings: Settings) -> None:
    settings.OAUTH_DEFAULT_ROLE = "viewer"
    sign_in(replace(ADA, groups=None))
    assert Grant.objects.get(user__email="ada@corp.example").role == "viewer"


def test_a_known_subject_is_known_whatever_their_address() -> None:
    mapped()
    first = sign_in()
    for changed in ({"email": "new@corp.example"}, {"email": None}, {"email_verified": None}):
        assert sign_in(replace(ADA, **changed)).user == first.user
    assert User.objects.count() == 1


def test_the_same_subject_of_another_issuer_is_somebody_else() -> None:
    mapped()
    first = sign_in()
    other = sign_in(replace(ADA, issuer="https://other.example", email="other@corp.example"))
    assert other.user != first.user


def test_the_name_is_refreshed_and_a_missing_one_changes_nothing() -> None:
    mapped()
    sign_in()
    sign_in(replace(ADA, full_name="Ada Lovelace"))
    sign_in(replace(ADA, full_name=None))
    assert User.objects.get().full_name == "Ada Lovelace"
    entry = Entry.objects.get(action="accounts.change_profile")
    assert '"changed":["full_name"]' in entry.body


@pytest.mark.parametrize(
    ("email", "verified", "taken", "kept"),
    [
        ("new@corp.example", True, False, "new@corp.example"),
        ("new@corp.example", False, False, "ada@corp.example"),
        ("new@corp.example", None, False, "ada@corp.example"),
        ("new@corp.example", True, True, "ada@corp.example"),
        ("no address", True, False, "ada@corp.example"),
    ],
)
def test_the_address_changes_only_to_a_verified_and_free_one(
    email: str, verified: bool | None, taken: bool, kept: str
) -> None:
    mapped()
    user = sign_in().user
    if taken:
        world.person("viewer", email=email)
    sign_in(replace(ADA, email=email, email_verified=verified))
    user.refresh_from_db()
    assert user.email == kept


def test_an_address_that_the_provider_does_not_speak_of_verifying_is_taken_unverified() -> None:
    mapped()
    sign_in(replace(ADA, email_verified=None))
    assert User.objects.get().email_verified_at is None
    sign_in(after=timedelta(hours=1))
    assert User.objects.get().email_verified_at == AT + timedelta(hours=1)


def test_an_account_with_the_address_is_not_taken_over() -> None:
    mapped()
    world.person("admin", email="ada@corp.example")
    refused(ADA, oidc.OidcAccountExists)


@pytest.mark.parametrize("verified", [False, None])
def test_an_unverified_address_links_nothing_even_where_linking_is_on(
    settings: Settings, verified: bool | None
) -> None:
    settings.OAUTH_LINK_BY_EMAIL = True
    mapped()
    world.person("admin", email="ada@corp.example")
    refused(replace(ADA, email_verified=verified), oidc.OidcAccountExists)


def test_who_registered_with_the_address_of_another_is_out_when_its_owner_comes(
    settings: Settings,
) -> None:
    settings.OAUTH_LINK_BY_EMAIL = True
    user = world.person("viewer", email="ada@corp.example", password=world.PASSWORD)
    before, key = world.session(user, AT), world.api_key(user, at=AT).key
    assert sign_in().user == user
    user.refresh_from_db()
    assert not user.has_usable_password()
    assert user.email_verified_at == AT
    assert Session.objects.get(id=before.id).state == "revoked"
    key.refresh_from_db()
    assert key.revoked_at == AT


def test_whose_address_was_proved_before_keeps_their_password(settings: Settings) -> None:
    settings.OAUTH_LINK_BY_EMAIL = True
    user = world.person("viewer", email="ada@corp.example", password=world.PASSWORD)
    User.objects.update(email_verified_at=world.LONG_AGO)
    before = world.session(user, AT)
    sign_in()
    user.refresh_from_db()
    assert user.has_usable_password()
    assert Session.objects.get(id=before.id).state == "live"


def test_a_verified_address_links_where_the_operator_wants_it(settings: Settings) -> None:
    settings.OAUTH_LINK_BY_EMAIL = True
    user = world.person("viewer", email="ada@corp.example")
    assert sign_in().user == user
    assert Identity.objects.get().user == user
    assert Entry.objects.filter(action="accounts.link_identity", subject_id=user.wire_id).exists()
    told = EventRow.objects.filter(type="account.changed", subject=user.wire_id)
    assert told.filter(payload__contains="identity_provider_linked").exists()
    assert sign_in(replace(ADA, email=None)).user == user


def test_a_missing_address_makes_no_account(settings: Settings) -> None:
    settings.OAUTH_DEFAULT_ROLE = "viewer"
    for email in (None, "no address", "a@b", "a" * 250 + "@corp.example"):
        with pytest.raises(oidc.OidcEmailMissing):
            sign_in(replace(ADA, email=email))
    assert not User.objects.exists()


def test_an_address_that_the_provider_calls_unverified_makes_no_account() -> None:
    mapped()
    refused(replace(ADA, email_verified=False), oidc.OidcEmailUnverified)


def test_a_disabled_person_stays_out() -> None:
    mapped()
    user = sign_in().user
    services.disable_user(user.id, actor=world.nobody(), at=AT)
    refused(ADA, oidc.OidcNoAccess, subject=user.wire_id)


def test_a_disabled_person_is_not_linked(settings: Settings) -> None:
    settings.OAUTH_LINK_BY_EMAIL = True
    user = world.person("viewer", email="ada@corp.example")
    services.disable_user(user.id, actor=world.nobody(), at=AT)
    refused(ADA, oidc.OidcNoAccess)


def test_who_lost_every_role_is_signed_out_and_stays_out() -> None:
    mapped()
    first = sign_in()
    with pytest.raises(oidc.OidcNoAccess):
        sign_in(replace(ADA, groups=frozenset()), after=timedelta(hours=1))
    assert not Grant.objects.filter(ended_at__isnull=True).exists()
    session = Session.objects.get(id=first.session_id)
    assert (session.state, session.revoked_reason) == ("revoked", "no_role")
    assert Session.objects.count() == 1


def test_a_role_by_hand_is_enough_to_come_in() -> None:
    mapped()
    user = sign_in().user
    services.grant_role(user.id, "operator", actor=world.nobody(), at=AT)
    assert sign_in(replace(ADA, groups=frozenset())).user.role == "operator"


@pytest.mark.parametrize("second_factor", [True, False])
def test_the_second_factor_of_the_provider_counts(second_factor: bool) -> None:
    mapped()
    sign_in(replace(ADA, second_factor=second_factor))
    assert Session.objects.get().mfa_at == (AT if second_factor else None)


@pytest.mark.django_db(transaction=True)
def test_two_first_sign_ins_of_one_subject_make_one_person() -> None:
    mapped()
    signed_in = world.at_once(4, lambda _: sign_in())
    user = User.objects.get()
    assert {each.user for each in signed_in} == {user}
    assert Identity.objects.count() == 1
    assert Grant.objects.filter(ended_at__isnull=True).count() == 1
    assert Session.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_two_subjects_with_one_address_do_not_share_an_account() -> None:
    mapped()

    def come(number: int) -> str:
        try:
            return sign_in(replace(ADA, subject=f"ada-{number}")).user.wire_id
        except oidc.OidcAccountExists:
            return "refused"

    answers = world.at_once(2, come)
    assert sorted(answers) == sorted([User.objects.get().wire_id, "refused"])
    assert Identity.objects.count() == 1
