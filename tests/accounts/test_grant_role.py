from datetime import timedelta
from uuid import uuid4

import pytest

from accounts import policy, queries, services
from accounts.models import Grant, Session, User
from audit.models import Entry
from core.actors import Actor, NotPermitted, Place, ReauthenticationRequired, role_at
from core.ids import encode, uuid7
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def test_another_role_replaces_the_one_held_there() -> None:
    user = world.person("viewer")
    services.grant_role(user.id, "manager", actor=world.actor("admin"), at=AT)
    assert user.role == "manager"
    ended = Grant.objects.get(user=user, ended_at__isnull=False)
    assert (ended.role, ended.ended_at) == ("viewer", AT)


def test_the_same_role_again_is_no_change() -> None:
    user, admin = world.person("viewer"), world.actor("admin")
    before = world.everything()
    services.grant_role(user.id, "viewer", actor=admin, at=AT)
    assert world.everything() == before


@pytest.mark.parametrize("ends", [AT, AT - timedelta(days=1)])
def test_a_grant_that_is_already_over_is_refused(ends: object) -> None:
    user, admin = world.person(None), world.actor("admin")
    before = world.everything()
    with pytest.raises(policy.AlreadyOver):
        services.grant_role(user.id, "viewer", valid_until=ends, actor=admin, at=AT)
    assert world.everything() == before


def test_a_grant_that_has_run_out_is_given_anew() -> None:
    user, admin = world.person(None), world.actor("admin")
    until, later = AT + timedelta(days=1), AT + timedelta(days=2)
    services.grant_role(user.id, "viewer", valid_until=until, actor=admin, at=AT)
    given = services.grant_role(
        user.id, "viewer", valid_until=later + timedelta(days=1), actor=world.nobody(), at=later
    )
    assert list(Grant.objects.filter(user=user).live(later)) == [given]


def test_roles_add_up_over_places() -> None:
    user = world.person("viewer")
    region, site = encode("reg", uuid7()), encode("site", uuid7())
    for role, kind, scope in (("engineer", "region", region), ("manager", "site", site)):
        services.grant_role(
            user.id, role, scope_kind=kind, scope_id=scope, actor=world.nobody(), at=AT
        )
    actor = queries.actor_of(user)
    assert role_at(actor, Place(site, frozenset({region}))) == "manager"
    assert role_at(actor, Place("site_x", frozenset({region}))) == "engineer"
    assert role_at(actor, Place("site_x", frozenset({"reg_y"}))) == "viewer"
    assert role_at(actor, None) == "viewer"
    assert actor.highest_role == "manager"


@pytest.mark.parametrize(
    ("role", "kind", "scope"),
    [
        ("viewer", "global", "site_01h455vb4pex5vsknk084sn02q"),
        ("viewer", "region", None),
        ("viewer", "region", "site_01h455vb4pex5vsknk084sn02q"),
        ("viewer", "site", "nonsense"),
        ("viewer", "planet", "site_01h455vb4pex5vsknk084sn02q"),
        ("admin", "site", "site_01h455vb4pex5vsknk084sn02q"),
    ],
)
def test_a_scope_that_cannot_be_is_refused(role: str, kind: str, scope: str | None) -> None:
    user, admin = world.person("viewer"), world.actor("admin")
    before = world.everything()
    with pytest.raises(policy.UnknownScope):
        services.grant_role(user.id, role, scope_kind=kind, scope_id=scope, actor=admin, at=AT)
    assert world.everything() == before


@pytest.mark.parametrize("role", ["viewer", "operator", "engineer", "manager"])
def test_only_administrators_grant(role: str) -> None:
    user, actor = world.person("viewer"), world.actor(role)
    before = world.everything()
    with pytest.raises(NotPermitted):
        services.grant_role(user.id, "viewer", actor=actor, at=AT)
    with pytest.raises(NotPermitted):
        services.end_grant(user.grants.get().id, actor=actor, at=AT)
    assert world.everything() == before


def test_granting_asks_for_a_proof_of_the_last_quarter_of_an_hour() -> None:
    user, admin = world.person("viewer"), world.actor("admin")
    late = AT + timedelta(minutes=15, seconds=1)
    before = world.everything()
    for attempt in (
        lambda: services.grant_role(user.id, "manager", actor=admin, at=late),
        lambda: services.end_grant(user.grants.get().id, actor=admin, at=late),
    ):
        with pytest.raises(ReauthenticationRequired):
            attempt()
    assert world.everything() == before
    services.grant_role(user.id, "manager", actor=admin, at=late - timedelta(seconds=1))


def test_an_erased_person_gets_nothing() -> None:
    user, admin = world.person("viewer"), world.actor("admin")
    services.erase_user(user.id, actor=admin, at=AT, reason="asked us to")
    before = world.everything()
    with pytest.raises(services.UserNotFound):
        services.grant_role(user.id, "viewer", actor=admin, at=AT)
    assert world.everything() == before


def test_a_grant_of_the_identity_provider_is_not_the_one_given_by_hand() -> None:
    user, admin = world.person(None), world.actor("admin")
    from_groups = Grant.objects.create(
        user=user, role="manager", scope_kind="global", source="idp", valid_from=AT,
        granted_by="oidc", created_at=AT,
    )  # fmt: skip
    services.grant_role(user.id, "viewer", actor=admin, at=AT)
    assert [grant.role for grant in user.grants.live(AT).order_by("id")] == ["manager", "viewer"]
    services.end_grant(from_groups.id, actor=admin, at=AT)
    assert [grant.role for grant in user.grants.live(AT)] == ["viewer"]


def test_nobody_changes_their_own_grants() -> None:
    admin = world.standing("admin")
    world.person("admin")
    before = world.everything()
    with pytest.raises(policy.OwnGrants):
        services.grant_role(admin.id, "viewer", actor=world.proved(admin), at=AT)
    with pytest.raises(policy.OwnGrants):
        services.end_grant(admin.grants.get().id, actor=world.proved(admin), at=AT)
    assert world.everything() == before


def test_an_unknown_person_is_not_found() -> None:
    with pytest.raises(services.UserNotFound):
        services.grant_role(uuid4(), "viewer", actor=world.nobody(), at=AT)


def test_an_expired_grant_gives_nothing() -> None:
    user = world.person(None)
    services.grant_role(
        user.id,
        "manager",
        valid_until=AT + timedelta(days=1),
        actor=world.nobody(),
        at=AT,
    )
    assert user.role == ""


def test_a_grant_ends_and_with_the_last_one_the_sessions() -> None:
    user, admin = world.person("engineer"), world.actor("admin")
    session = world.session(user, AT)
    grant = Grant.objects.get(user=user)
    services.end_grant(grant.id, actor=admin, at=AT)
    assert Session.objects.get(id=session.id).state == "revoked"
    assert Entry.objects.filter(action="accounts.end_grant").count() == 1


def test_an_ended_grant_stays_as_it_is() -> None:
    user, admin = world.person("engineer"), world.actor("admin")
    grant = Grant.objects.get(user=user)
    services.end_grant(grant.id, actor=admin, at=AT)
    before = world.everything()
    services.end_grant(grant.id, actor=admin, at=AT + timedelta(minutes=1))
    assert world.everything() == before


def test_an_unknown_grant_is_not_found() -> None:
    with pytest.raises(services.GrantNotFound):
        services.end_grant(uuid4(), actor=world.actor("admin"), at=AT)


def test_the_last_administrator_keeps_the_role() -> None:
    admin = world.person("admin")
    before = world.everything()
    for attempt in (
        lambda: services.grant_role(admin.id, "viewer", actor=world.nobody(), at=AT),
        lambda: services.end_grant(admin.grants.get().id, actor=world.nobody(), at=AT),
        lambda: services.disable_user(admin.id, actor=world.nobody(), at=AT),
    ):
        with pytest.raises(services.LastAdmin):
            attempt()
    assert world.everything() == before


def test_a_disabled_or_passing_administrator_does_not_count() -> None:
    admin, other, passing = world.person("admin"), world.person("admin"), world.person(None)
    services.disable_user(other.id, actor=world.nobody(), at=AT)
    services.grant_role(
        passing.id, "admin", valid_until=AT + timedelta(1), actor=world.nobody(), at=AT
    )
    from_groups = world.person(None)
    Grant.objects.create(
        user=from_groups, role="admin", scope_kind="global", source="idp", valid_from=AT,
        granted_by="oidc", created_at=AT,
    )  # fmt: skip
    with pytest.raises(services.LastAdmin):
        services.disable_user(admin.id, actor=world.nobody(), at=AT)
    services.end_grant(other.grants.get().id, actor=world.nobody(), at=AT)


def demote(user: User, actor: Actor) -> None:
    services.grant_role(user.id, "viewer", actor=actor, at=AT)


def strip(user: User, actor: Actor) -> None:
    services.end_grant(user.grants.get(ended_at=None).id, actor=actor, at=AT)


def disable(user: User, actor: Actor) -> None:
    services.disable_user(user.id, actor=actor, at=AT)


def erase(user: User, actor: Actor) -> None:
    services.erase_user(user.id, actor=actor, at=AT, reason="a race")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "ways", [(disable, disable), (strip, strip), (erase, erase), (demote, disable), (strip, erase)]
)
def test_two_administrators_cannot_remove_each_other_at_once(ways: tuple) -> None:
    for _ in range(5):
        pair = [world.person("admin"), world.person("admin")]
        actors = [world.proved(each) for each in pair]

        def remove(
            number: int,
            pair: list = pair,
            actors: list = actors,
        ) -> str:
            try:
                ways[number](pair[1 - number], actors[number])
            except services.LastAdmin:
                return "last"
            return "removed"

        assert sorted(world.at_once(2, remove)) == ["last", "removed"]
        for each in pair:  # makes room for the next pair, and keeps none
            User.objects.filter(id=each.id, status="active").update(status="disabled")


@pytest.mark.django_db(transaction=True)
def test_the_same_grant_at_once_is_one() -> None:
    user = world.person(None)
    world.at_once(6, lambda _: services.grant_role(user.id, "viewer", actor=world.nobody(), at=AT))
    assert Grant.objects.filter(user=user).count() == 1
