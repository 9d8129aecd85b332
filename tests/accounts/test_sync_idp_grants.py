from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from pytest_django import Settings

from accounts import services
from accounts.models import Grant, GroupMapping, Session, User
from accounts.services import Synced
from audit.models import Entry
from core.actors import NotPermitted
from core.models import EventRow
from tests import world

AT = world.AT
DAY = timedelta(hours=24)

pytestmark = pytest.mark.django_db


@pytest.fixture
def region() -> str:
    return world.region("emea").wire_id


def mapped(
    claim_value: str, role: str, scope_id: str | None = None, provider: str = "corp"
) -> GroupMapping:
    return GroupMapping.objects.create(
        provider=provider,
        claim_value=claim_value,
        role=role,
        scope_kind="region" if scope_id else "global",
        scope_id=scope_id,
        created_by="tests",
        created_at=AT,
    )


def sync(user: User, groups: list[str] | None, at: datetime = AT) -> Synced:
    return services.sync_idp_grants(user.id, groups, actor=world.nobody(), at=at)


def held(user: User, at: datetime = AT) -> set[tuple[str, str | None, str]]:
    live = Grant.objects.held_by(user.id).live(at)
    return set(live.values_list("role", "scope_id", "source"))


def test_vector_8(region: str) -> None:
    user = world.person("viewer")
    mapped("noc", "engineer", region)
    manual = ("viewer", None, "manual")
    sync(user, ["noc"])
    assert held(user) == {manual, ("engineer", region, "idp")}
    sync(user, ["x"])
    assert held(user) == {manual}
    sync(user, ["noc"])
    sync(user, [])
    assert held(user) == {manual}
    sync(user, ["noc"])
    before = world.everything()
    assert sync(user, None) == Synced()
    assert world.everything() == before
    assert held(user) == {manual, ("engineer", region, "idp")}


def test_roles_from_the_provider_last_a_day_without_another_sign_in(region: str) -> None:
    user = world.person("viewer")
    mapped("noc", "engineer", region)
    sync(user, ["noc"])
    assert Grant.objects.get(source="idp").valid_until == AT + DAY
    assert ("engineer", region, "idp") in held(user, AT + DAY - timedelta(seconds=1))
    assert ("engineer", region, "idp") not in held(user, AT + DAY)


def test_a_role_that_stays_keeps_its_row_and_lasts_anew(region: str, settings: Settings) -> None:
    settings.OAUTH_GRANT_TTL_HOURS = 8
    user = world.person("viewer")
    mapped("noc", "engineer", region)
    sync(user, ["noc"])
    first = Grant.objects.get(source="idp")
    later = AT + timedelta(hours=5)
    assert sync(user, ["noc"], later) == Synced(renewed=1)
    again = Grant.objects.get(source="idp")
    assert (again.id, again.valid_from) == (first.id, first.valid_from)
    assert again.valid_until == later + timedelta(hours=8)


def test_a_role_that_had_run_out_begins_anew_and_is_no_news(region: str) -> None:
    user = world.person("viewer")
    mapped("noc", "engineer", region)
    sync(user, ["noc"])
    told = EventRow.objects.filter(type="account.changed").count()
    monday = AT + timedelta(days=3)
    assert sync(user, ["noc"], monday) == Synced(given=1, ended=1)
    new = Grant.objects.get(source="idp", ended_at__isnull=True)
    assert new.valid_from == monday
    assert EventRow.objects.filter(type="account.changed").count() == told


def test_the_person_is_told_of_a_new_role(region: str) -> None:
    user = world.person("viewer")
    told = EventRow.objects.filter(type="account.changed").count()
    mapped("noc", "engineer", region)
    sync(user, ["noc"])
    assert EventRow.objects.filter(type="account.changed").count() == told + 1


def test_of_two_groups_for_one_place_the_higher_role_holds(region: str) -> None:
    user = world.person("viewer")
    mapped("noc", "operator", region)
    mapped("leads", "manager", region)
    mapped("more", "engineer", region)
    sync(user, ["noc", "leads", "more"])
    assert ("manager", region, "idp") in held(user)
    assert Grant.objects.filter(source="idp").count() == 1
    sync(user, ["noc"])
    assert held(user) == {("viewer", None, "manual"), ("operator", region, "idp")}


def test_a_mapping_that_was_changed_counts_from_the_next_sign_in(region: str) -> None:
    user = world.person("viewer")
    mapping = mapped("noc", "operator", region)
    sync(user, ["noc"])
    mapping.role = "engineer"
    mapping.save()
    assert ("operator", region, "idp") in held(user)
    sync(user, ["noc"])
    assert ("engineer", region, "idp") in held(user)


def test_unknown_groups_are_counted_and_ignored(region: str) -> None:
    user = world.person("viewer")
    mapped("noc", "engineer", region)
    mapped("elsewhere", "admin", provider="other")
    long = "g" * 5000
    assert sync(user, ["noc", "x", "elsewhere", long]) == Synced(given=1, unknown_groups=3)
    entry = Entry.objects.get(action="accounts.sync_idp_grants")
    assert '"unknown_groups":3' in entry.body
    assert entry.subject_id == user.wire_id


def test_case_and_blanks_of_a_group_matter(region: str) -> None:
    user = world.person("viewer")
    mapped("noc", "engineer", region)
    assert sync(user, ["NOC", " noc"]) == Synced(unknown_groups=2)


def test_a_role_by_hand_in_the_same_place_is_not_touched() -> None:
    user = world.person("viewer")
    manual = Grant.objects.get(user=user)
    mapped("noc", "manager")
    sync(user, ["noc"])
    assert held(user) == {("viewer", None, "manual"), ("manager", None, "idp")}
    sync(user, [])
    manual.refresh_from_db()
    assert (manual.ended_at, manual.valid_until) == (None, None)


def test_the_last_administrator_by_hand_does_not_hold_up_one_from_the_provider() -> None:
    user = world.person("viewer")
    mapped("admins", "admin")
    sync(user, ["admins"])
    assert held(user) == {("viewer", None, "manual"), ("admin", None, "idp")}
    sync(user, [])
    assert held(user) == {("viewer", None, "manual")}


def test_with_the_last_role_the_sessions_end(region: str) -> None:
    user = world.person(None)
    mapped("noc", "engineer", region)
    sync(user, ["noc"])
    session = world.session(user, AT)
    sync(user, [])
    session.refresh_from_db()
    assert (session.state, session.revoked_reason) == ("revoked", "no_role")


def test_with_a_role_left_the_sessions_stay(region: str) -> None:
    user = world.person("viewer")
    mapped("noc", "engineer", region)
    sync(user, ["noc"])
    session = world.session(user, AT)
    sync(user, [])
    assert Session.objects.get(id=session.id).state == "live"


@pytest.mark.parametrize("groups", [["x"], [], None])
def test_the_default_role_is_given_with_or_without_groups(
    groups: list[str] | None, settings: Settings
) -> None:
    settings.OAUTH_DEFAULT_ROLE = "viewer"
    user = world.person(None)
    sync(user, groups)
    assert held(user) == {("viewer", None, "idp")}
    later = AT + timedelta(hours=20)
    assert sync(user, groups, later).renewed == 1
    assert held(user, later + timedelta(hours=23)) == {("viewer", None, "idp")}


def test_the_default_role_gives_way_to_a_higher_one(settings: Settings) -> None:
    settings.OAUTH_DEFAULT_ROLE = "viewer"
    user = world.person(None)
    mapped("noc", "engineer")
    sync(user, ["noc"])
    assert held(user) == {("engineer", None, "idp")}
    before = world.everything()
    sync(user, None)  # the provider does not tell: the role from the group stays as it is
    assert world.everything() == before


def test_without_word_of_groups_the_default_role_replaces_one_that_ran_out(
    settings: Settings,
) -> None:
    settings.OAUTH_DEFAULT_ROLE = "viewer"
    user = world.person(None)
    mapped("noc", "engineer")
    sync(user, ["noc"])
    sync(user, None, AT + DAY)
    assert held(user, AT + DAY) == {("viewer", None, "idp")}


def test_only_administrators_and_the_product_itself_may() -> None:
    user = world.person("viewer")
    before = world.everything()
    with pytest.raises(NotPermitted):
        services.sync_idp_grants(user.id, [], actor=world.actor("manager", email="m@x.test"), at=AT)
    after = world.everything()
    assert after["accounts_grant"] != before["accounts_grant"]  # the manager's own, and no more
    assert Grant.objects.filter(user=user, ended_at__isnull=True).count() == 1


def test_nobody_is_nobody() -> None:
    with pytest.raises(services.UserNotFound):
        services.sync_idp_grants(uuid4(), [], actor=world.nobody(), at=AT)


@pytest.mark.django_db(transaction=True)
def test_two_sign_ins_at_once_leave_one_role_in_a_place(region: str) -> None:
    user = world.person("viewer")
    mapped("noc", "engineer", region)
    mapped("leads", "manager", region)
    world.at_once(4, lambda number: sync(user, ["noc", "leads"][: 1 + number % 2]))
    assert Grant.objects.filter(source="idp", ended_at__isnull=True).count() == 1
