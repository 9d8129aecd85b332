from dataclasses import replace
from datetime import timedelta

import pytest

from accounts import policy, queries, services
from accounts.models import ApiKey
from audit.models import Entry
from core.actors import Actor, ImpersonatorRefused, ReauthenticationRequired
from core.errors import DomainError
from core.ids import uuid7
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT
LATER = AT + timedelta(days=10)


def opens(raw_key: str, at: object) -> bool:
    return queries.actor_of_key(raw_key, at=at).actor is not None


def rotate(made: services.MadeKey, actor: Actor | None = None, hours: int = 0) -> services.MadeKey:
    actor = actor or world.proved(made.key.user, LATER)
    return services.rotate_api_key(made.key.id, overlap_hours=hours, actor=actor, at=LATER)


def refused(error: type[DomainError], made: services.MadeKey, actor: Actor | None = None) -> None:
    actor = actor or world.proved(made.key.user, LATER)
    before = world.everything()
    with pytest.raises(error):
        rotate(made, actor)
    assert world.everything() == before


def test_the_successor_is_alike_but_for_the_secret() -> None:
    made = world.api_key(world.person(), "sla:read", at=AT, networks=["10.0.0.0/8"], rate_rpm=30)
    new = rotate(made).key
    old = ApiKey.objects.get(id=made.key.id)
    assert old.replaced_by_id == new.id
    for name in ("user_id", "name", "scopes", "networks", "rate_rpm"):
        assert getattr(new, name) == getattr(old, name)
    assert (new.hash != old.hash, new.expires_at) == (True, LATER + timedelta(days=90))


def test_the_old_key_ends_after_the_overlap() -> None:
    made = world.api_key(world.person(), at=AT)
    new = rotate(made, hours=2)
    assert opens(made.raw_key, LATER + timedelta(minutes=119))
    assert not opens(made.raw_key, LATER + timedelta(hours=2))
    assert opens(new.raw_key, LATER + timedelta(hours=2))


def test_without_overlap_it_ends_now() -> None:
    made = world.api_key(world.person(), at=AT)
    new = rotate(made)
    assert (opens(made.raw_key, LATER), opens(new.raw_key, LATER)) == (False, True)


def test_an_overlap_never_prolongs_a_key() -> None:
    made = world.api_key(world.person(), at=AT, expires_at=LATER + timedelta(hours=1))
    rotate(made, hours=168)
    assert not opens(made.raw_key, LATER + timedelta(hours=1))


def test_it_is_audited_with_both_keys() -> None:
    made = world.api_key(world.person(), at=AT)
    new = rotate(made)
    entry = Entry.objects.get(action="accounts.rotate_api_key")
    assert {made.key.wire_id, new.key.wire_id, made.key.user.wire_id} <= set(entry.links)
    assert new.raw_key[17:] not in entry.body


def test_a_key_that_was_replaced_ended_or_revoked_has_no_other_successor() -> None:
    user = world.person()
    replaced = world.api_key(user, at=AT)
    rotate(replaced, hours=5)
    refused(services.KeyEnded, replaced)
    expired = world.api_key(user, at=AT, expires_at=LATER)
    refused(services.KeyEnded, expired)
    revoked = world.api_key(user, at=AT)
    services.revoke_api_key(revoked.key.id, actor=world.nobody(), at=AT)
    refused(services.KeyEnded, revoked)


def test_the_key_of_another_is_not_there() -> None:
    made = world.api_key(world.person(), at=AT)
    refused(services.KeyNotFound, made, world.proved(world.person("manager"), LATER))
    with pytest.raises(services.KeyNotFound):
        services.rotate_api_key(uuid7(), actor=world.proved(world.person(), LATER), at=LATER)


def test_an_administrator_rotates_the_keys_of_others() -> None:
    made = world.api_key(world.person(), at=AT)
    new = rotate(made, world.proved(world.standing("admin"), LATER))
    assert new.key.user_id == made.key.user_id


def test_it_needs_a_fresh_proof_of_oneself() -> None:
    made = world.api_key(world.person(), at=AT)
    own = world.proved(made.key.user, LATER)
    stale = LATER - timedelta(minutes=16)
    refused(ReauthenticationRequired, made, replace(own, reauthenticated_at=stale))
    refused(ImpersonatorRefused, made, replace(own, impersonator="usr_x"))


def test_full_power_is_not_passed_on_to_who_lost_it() -> None:
    user = world.person("admin")
    world.person("admin")
    made = world.api_key(user, "admin:full", at=AT)
    services.grant_role(user.id, "manager", actor=world.nobody(), at=AT)
    refused(policy.RoleAboveOwn, made, world.proved(world.standing("admin"), LATER))


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_makes_the_successor() -> None:
    made = world.api_key(world.person(), at=AT)
    actor = world.proved(made.key.user, LATER)

    def act(_: int) -> str:
        try:
            return services.rotate_api_key(made.key.id, actor=actor, at=LATER).raw_key
        except services.KeyEnded:
            return "ended"

    answers = world.at_once(4, act)
    assert sorted(answers)[:3] == ["ended"] * 3
    assert ApiKey.objects.count() == 2
