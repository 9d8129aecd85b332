from dataclasses import replace
from datetime import timedelta

import pytest

from accounts import queries, services
from accounts.models import ApiKey
from accounts.services import keys
from audit.models import Entry
from core.actors import Actor, ImpersonatorRefused, ReauthenticationRequired
from core.errors import DomainError
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT
LATER = AT + timedelta(hours=1)


def revoke(made: services.MadeKey, actor: Actor | None = None) -> bool:
    actor = actor or world.proved(made.key.user, LATER)
    return services.revoke_api_key(made.key.id, reason="leaked", actor=actor, at=LATER)


def refused(error: type[DomainError], made: services.MadeKey, actor: Actor) -> None:
    before = world.everything()
    with pytest.raises(error):
        revoke(made, actor)
    assert world.everything() == before


def test_a_revoked_key_opens_nothing_any_more() -> None:
    made = world.api_key(world.person(), at=AT)
    assert revoke(made)
    assert queries.actor_of_key(made.raw_key, at=LATER).outcome == "revoked"
    entry = Entry.objects.get(action="accounts.revoke_api_key")
    assert made.key.wire_id in entry.links
    assert '"reason":"leaked"' in entry.body


def test_twice_is_harmless() -> None:
    made = world.api_key(world.person(), at=AT)
    revoke(made)
    before = world.everything()
    assert not revoke(made)
    assert world.everything() == before


def test_the_successor_goes_on() -> None:
    made = world.api_key(world.person(), at=AT)
    own = world.proved(made.key.user)
    new = services.rotate_api_key(made.key.id, overlap_hours=24, actor=own, at=AT)
    revoke(made)
    assert queries.actor_of_key(new.raw_key, at=LATER).outcome == "ok"


def test_only_the_owner_and_administrators_revoke() -> None:
    made = world.api_key(world.person(), at=AT)
    refused(services.KeyNotFound, made, world.proved(world.person("manager"), LATER))
    assert revoke(made, world.proved(world.standing("admin"), LATER))


def test_it_needs_a_fresh_proof_of_oneself() -> None:
    made = world.api_key(world.person(), at=AT)
    own = world.proved(made.key.user, LATER)
    refused(ReauthenticationRequired, made, replace(own, reauthenticated_at=None))
    refused(ImpersonatorRefused, made, replace(own, impersonator="usr_x"))


def test_all_keys_of_a_person_end_together() -> None:
    user = world.person()
    for _ in range(3):
        world.api_key(user, at=AT)
    other = world.api_key(world.person(), at=AT)
    ended = keys.end_api_keys(user.id, "erased", actor=world.nobody(), at=LATER)
    assert ended == 3
    assert ApiKey.objects.filter(revoked_at=None).get() == other.key


@pytest.mark.django_db(transaction=True)
def test_revoking_at_once_leaves_one_entry() -> None:
    made = world.api_key(world.person(), at=AT)
    actor = world.proved(made.key.user, LATER)
    answers = world.at_once(4, lambda _: revoke(made, actor))
    assert sorted(answers) == [False, False, False, True]
    assert Entry.objects.filter(action="accounts.revoke_api_key").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_key_revoked_while_it_is_rotated_has_at_most_a_successor() -> None:
    made = world.api_key(world.person(), at=AT)
    actor = world.proved(made.key.user, LATER)

    def act(number: int) -> str:
        try:
            if number:
                return str(revoke(made, actor))
            return services.rotate_api_key(made.key.id, actor=actor, at=LATER).raw_key
        except services.KeyEnded:
            return "ended"

    world.at_once(2, act)
    assert ApiKey.objects.get(id=made.key.id).revoked_at == LATER
