from dataclasses import replace
from datetime import timedelta

import pytest

from accounts import policy, services
from accounts.models import ApiKey, User
from audit.models import Entry
from core.actors import (
    Actor,
    ImpersonatorRefused,
    NotPermitted,
    ReauthenticationRequired,
    SecondFactorRequired,
)
from core.errors import DomainError, ValidationFailed
from core.ids import uuid7
from core.models import EventRow
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def terms(*scopes: str, **given: object) -> services.KeyTerms:
    return services.KeyTerms(name="Monitoring", scopes=scopes or ("outages:read",), **given)


def make(actor: Actor, asked: services.KeyTerms | None = None, **more: object) -> services.MadeKey:
    return services.create_api_key(asked or terms(), actor=actor, at=AT, **more)


def service(responsible: User | None = None) -> User:
    return services.create_service_account(
        full_name="Probe",
        responsible_id=(responsible or world.person()).id,
        actor=world.nobody(),
        at=AT,
    )


def refused(error: type[DomainError], actor: Actor, *given: object, **more: object) -> DomainError:
    before = world.everything()
    with pytest.raises(error) as found:
        make(actor, *given, **more)
    assert world.everything() == before
    return found.value


def test_a_key_is_shown_once_and_kept_as_a_hash() -> None:
    made = make(world.actor())
    row = ApiKey.objects.get()
    assert policy.hash_of(made.raw_key) == row.hash
    assert made.raw_key.startswith(f"noc_{row.public_id}_")
    assert made.raw_key not in str(vars(row))
    assert made.raw_key not in repr(made)
    assert (row.scopes, row.expires_at) == (["outages:read"], AT + timedelta(days=90))


def test_two_keys_are_never_alike() -> None:
    actor = world.actor()
    first, second = make(actor), make(actor)
    assert first.key.public_id != second.key.public_id
    assert first.raw_key[17:] != second.raw_key[17:]


def test_it_is_audited_without_its_name_and_networks_and_its_owner_told() -> None:
    actor = world.actor()
    asked = terms(networks=["192.0.2.0/24"])
    made = make(actor, asked)
    entry = Entry.objects.get(action="accounts.create_api_key")
    assert (entry.subject_id, entry.actor_id) == (made.key.wire_id, actor.id)
    assert actor.id in entry.links
    for kept_out in ("Monitoring", "192.0.2", made.raw_key[17:], made.key.hash):
        assert kept_out not in entry.body
    told = EventRow.objects.filter(type="account.changed").latest("id")
    assert (told.subject, '"api_key"' in told.payload) == (actor.id, True)


def test_an_administrator_makes_keys_for_others_and_for_machines() -> None:
    admin, machine = world.actor("admin"), service()
    made = make(admin, owner_id=machine.id)
    assert (made.key.user_id, made.key.created_by) == (machine.id, admin.id)
    assert made.key.expires_at == AT + timedelta(days=365)


def test_nobody_else_makes_keys_for_others() -> None:
    other = world.person()
    found = refused(NotPermitted, world.actor("manager"), owner_id=other.id)
    assert found.members["reason"] == "role_too_low"


def test_no_key_makes_keys() -> None:
    key = replace(world.actor("admin"), kind="api_key", key_scopes=frozenset({"admin:full"}))
    found = refused(NotPermitted, key)
    assert found.members["reason"] == "key_scope_missing"


def test_nobody_makes_keys_in_anothers_name() -> None:
    refused(ImpersonatorRefused, replace(world.actor(), impersonator="usr_x"))


def test_it_needs_a_fresh_proof() -> None:
    stale = replace(world.actor(), reauthenticated_at=AT - timedelta(minutes=15, seconds=1))
    refused(ReauthenticationRequired, stale)
    refused(ReauthenticationRequired, replace(stale, reauthenticated_at=None))


def test_who_owes_a_second_factor_makes_none() -> None:
    refused(SecondFactorRequired, replace(world.actor(), owes_second_factor=True))


@pytest.mark.parametrize("scopes", [("outages:everything",), ("admin:write",), ("outages",)])
def test_an_unknown_scope_is_refused(scopes: tuple[str, ...]) -> None:
    found = refused(policy.KeyScopeUnknown, world.actor(), terms(*scopes))
    assert [fault.pointer for fault in found.faults] == ["/scopes/0"]


def test_a_key_without_scopes_is_refused() -> None:
    refused(policy.KeyScopeUnknown, world.actor(), replace(terms(), scopes=()))


def test_an_expiry_too_far_or_past_is_refused() -> None:
    actor = world.actor()
    refused(policy.ExpiryTooFar, actor, terms(expires_at=AT + timedelta(days=366)))
    refused(ValidationFailed, actor, terms(expires_at=AT - timedelta(seconds=1)))


def test_full_power_is_given_by_an_administrator_to_one() -> None:
    made = make(world.actor("admin"), terms("admin:full"))
    assert made.key.scopes == ["admin:full"]


def test_full_power_is_not_for_others() -> None:
    refused(NotPermitted, world.actor("manager"), terms("admin:full"))
    other = world.person("manager")
    refused(policy.RoleAboveOwn, world.actor("admin"), terms("admin:full"), owner_id=other.id)


def test_only_an_administrator_raises_the_rate(settings: pytest.FixtureRequest) -> None:
    settings.RATE_LIMIT_RPM = 120
    assert make(world.actor(), terms(rate_rpm=120)).key.rate_rpm == 120
    refused(NotPermitted, world.actor(), terms(rate_rpm=121))
    assert make(world.actor("admin"), terms(rate_rpm=5000)).key.rate_rpm == 5000


def test_nobody_has_keys_who_is_not_there() -> None:
    admin, gone = world.actor("admin"), world.person()
    services.disable_user(gone.id, actor=world.nobody(), at=AT)
    refused(services.UserNotFound, admin, owner_id=gone.id)
    refused(services.UserNotFound, admin, owner_id=uuid7())
