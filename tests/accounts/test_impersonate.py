from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import jwt
import pytest

from accounts import policy, queries, services
from accounts.models import Session, User
from accounts.policy import SessionRevoked
from audit.models import Entry
from core.actors import (
    Actor,
    ImpersonatorRefused,
    NotPermitted,
    ReauthenticationRequired,
    SecondFactorRequired,
)
from core.errors import DomainError, ValidationFailed
from core.ids import decode, encode, uuid7
from core.models import EventRow
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT
WHY = "Ticket 4711: sees no sites"


def administrator(user: User | None = None, **given: object) -> Actor:
    """An administrator in a session that a second factor proved, just now."""
    own = world.session(user or world.standing("admin"), AT, **{"mfa_at": AT} | given)
    return queries.actor_of_session(own.id, at=AT, address="192.0.2.1")[0]


def begin(user_id: UUID, actor: Actor | None = None, reason: str = WHY) -> services.Impersonation:
    return services.impersonate(user_id, reason=reason, actor=actor or administrator(), at=AT)


def acting(made: services.Impersonation, at: datetime = AT) -> Actor:
    return queries.actor_of_session(made.session.id, at=at)[0]


def refused(error: type[DomainError], user_id: UUID, actor: Actor, reason: str = WHY) -> None:
    before = world.everything()
    with pytest.raises(error):
        begin(user_id, actor, reason)
    assert world.everything() == before


def test_the_administrator_acts_with_the_rights_of_the_person() -> None:
    target, admin = world.person("operator"), administrator()
    actor = acting(begin(target.id, admin))
    assert (actor.id, actor.kind, actor.global_role) == (target.wire_id, "person", "operator")
    assert actor.impersonator == admin.id
    assert (actor.mfa_at, actor.reauthenticated_at) == (None, None)


def test_it_lasts_15_minutes_and_is_named_by_one_token() -> None:
    target, admin = world.person(), administrator()
    made = begin(target.id, admin)
    claims = jwt.decode(made.access_token, options={"verify_signature": False})
    assert made.expires_in == 900
    assert claims["exp"] - claims["iat"] == 900
    assert (claims["sub"], claims["act"]) == (target.wire_id, {"sub": admin.id})
    assert "gen" not in claims
    assert acting(made, AT + timedelta(seconds=899))
    with pytest.raises(SessionRevoked):
        acting(made, AT + timedelta(seconds=900))


def test_it_is_written_down_and_the_person_told() -> None:
    target, admin = world.person(), administrator()
    made = begin(target.id, admin)
    entry = Entry.objects.get(action="accounts.impersonate")
    assert (entry.actor_id, entry.subject_id) == (admin.id, made.session.wire_id)
    assert {target.wire_id, admin.session_id} <= set(entry.links)
    assert WHY in entry.body
    assert "192.0.2.1" not in entry.body
    told = EventRow.objects.filter(type="account.changed").latest("id")
    assert (told.subject, '"impersonation"' in told.payload) == (target.wire_id, True)


def test_every_entry_of_it_names_the_person_and_links_the_administrator() -> None:
    target, admin = world.person("engineer"), administrator()
    actor = acting(begin(target.id, admin))
    world.outages.open_outage(world.facts(), actor=actor, at=AT)
    entry = Entry.objects.get(action="outages.open")
    assert entry.actor_id == target.wire_id
    assert admin.id in entry.links


@pytest.mark.parametrize("role", ["manager", "engineer", "viewer"])
def test_only_administrators_act_as_others(role: str) -> None:
    refused(NotPermitted, world.person().id, administrator(world.person(role)))


def test_it_takes_a_second_factor_a_fresh_proof_and_a_session() -> None:
    target = world.person().id
    refused(SecondFactorRequired, target, administrator(mfa_at=None))
    stale = AT - timedelta(minutes=15, seconds=1)
    refused(ReauthenticationRequired, target, administrator(reauthenticated_at=stale))
    refused(NotPermitted, target, replace(administrator(), session_id=""))


def test_no_key_and_no_impersonator_acts_as_others() -> None:
    target, admin = world.person().id, administrator()
    key = replace(admin, kind="api_key", key_scopes=frozenset({"admin:full"}))
    refused(NotPermitted, target, key)
    refused(ImpersonatorRefused, target, replace(admin, impersonator="usr_x"))


@pytest.mark.parametrize("reason", ["", "short", "  nine 9  "])
def test_it_takes_a_reason(reason: str) -> None:
    refused(ValidationFailed, world.person().id, administrator(), reason)


def test_nobody_acts_as_an_administrator_a_machine_or_somebody_gone() -> None:
    admin, gone = administrator(), world.person()
    services.disable_user(gone.id, actor=world.nobody(), at=AT)
    machine = services.create_service_account(
        full_name="Probe", responsible_id=world.person().id, actor=world.nobody(), at=AT
    )
    for target in (gone.id, machine.id, world.person("admin").id, decode("usr", admin.id)):
        refused(policy.NotImpersonable, target, admin)
    refused(services.UserNotFound, uuid7(), admin)


def test_it_ends_with_the_administrators_own_session() -> None:
    admin = administrator()
    made = begin(world.person().id, admin)
    services.revoke_session(decode("ses", admin.session_id), reason="logout", actor=admin, at=AT)
    row = Session.objects.get(id=made.session.id)
    assert (row.state, row.revoked_reason) == ("revoked", "logout")
    ended = EventRow.objects.filter(type="session.revoked").values_list("subject", flat=True)
    assert set(ended) == {made.session.wire_id, admin.session_id}


def test_it_never_outlasts_the_administrators_own_session() -> None:
    soon = AT + timedelta(minutes=3)
    made = begin(world.person().id, administrator(expires_at=soon))
    assert (made.expires_in, made.session.ends_at) == (180, soon)


def test_it_ends_with_all_sessions_of_the_administrator_or_of_the_person() -> None:
    for whose in ("admin", "person"):
        admin, target = administrator(world.person("admin")), world.person()
        made = begin(target.id, admin)
        ended = target.id if whose == "person" else decode("usr", admin.id)
        services.revoke_all_sessions(ended, reason="logout_all", actor=world.nobody(), at=AT)
        with pytest.raises(SessionRevoked):
            acting(made)


def test_another_session_of_the_administrator_does_not_matter() -> None:
    admin = administrator()
    made = begin(world.person().id, admin)
    other = administrator()
    services.revoke_session(decode("ses", other.session_id), reason="logout", actor=admin, at=AT)
    assert acting(made)


def test_it_ends_with_the_administrators_power() -> None:
    user = world.person("admin")
    made = begin(world.person().id, administrator(user))
    world.standing("admin")
    services.grant_role(user.id, "manager", actor=world.nobody(), at=AT)
    with pytest.raises(SessionRevoked):
        acting(made)


def test_it_ends_when_the_person_rises_to_administrator() -> None:
    target = world.person()
    made = begin(target.id)
    services.grant_role(target.id, "admin", actor=world.nobody(), at=AT)
    with pytest.raises(SessionRevoked):
        acting(made)


def test_an_administrator_who_is_disabled_acts_as_nobody() -> None:
    user = world.person("admin")
    made = begin(world.person().id, administrator(user))
    world.standing("admin")
    services.disable_user(user.id, actor=world.nobody(), at=AT)
    with pytest.raises(SessionRevoked):
        acting(made)


def test_who_acts_ends_it_alone() -> None:
    admin = administrator()
    made, other = begin(world.person().id, admin), begin(world.person().id, admin)
    assert services.end_impersonation(actor=acting(made), at=AT) == 1
    with pytest.raises(SessionRevoked):
        acting(made)
    assert acting(other)
    entry = Entry.objects.get(action="accounts.revoke_session")
    assert entry.actor_id == made.user.wire_id
    assert admin.id in entry.links


def test_the_administrator_ends_all_of_theirs_and_nobody_elses() -> None:
    admin, colleague = administrator(), administrator(world.person("admin"))
    mine = [begin(world.person().id, admin) for _ in range(2)]
    theirs = begin(world.person().id, colleague)
    assert services.end_impersonation(actor=admin, at=AT) == 2
    assert services.end_impersonation(actor=admin, at=AT) == 0
    assert (
        Session.objects.filter(id__in=[each.session.id for each in mine], state="live").count() == 0
    )
    assert acting(theirs)


def test_a_session_that_ended_meanwhile_opens_nothing() -> None:
    admin, target = administrator(), world.person()
    services.revoke_session(decode("ses", admin.session_id), reason="logout", actor=admin, at=AT)
    refused(SessionRevoked, target.id, admin)
    gone = replace(admin, session_id=encode("ses", uuid7()))
    refused(policy.CredentialsInvalid, target.id, gone)


@pytest.mark.django_db(transaction=True)
def test_whoever_ends_the_session_while_it_opens_another_ends_both() -> None:
    for _ in range(5):
        admin, target = administrator(), world.person()

        def act(number: int, admin: Actor = admin, target: User = target) -> None:
            if number:
                own = decode("ses", admin.session_id)
                services.revoke_session(own, reason="logout", actor=admin, at=AT)
                return
            try:
                begin(target.id, admin)
            except SessionRevoked:
                return

        world.at_once(2, act)
        assert not Session.objects.filter(user=target, state="live").exists()
