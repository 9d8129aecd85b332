from uuid import uuid4

import pytest

from accounts import queries, services
from core.actors import NotPermitted
from core.models import EventRow
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def test_one_ends_ones_own_session() -> None:
    user = world.person("viewer")
    session = world.session(user, AT)
    ended = services.revoke_session(
        session.id, reason="logout", actor=queries.actor_of(user), at=AT
    )
    session.refresh_from_db()
    assert ended
    assert (session.state, session.revoked_at) == ("revoked", AT)
    assert EventRow.objects.get(type="session.revoked").subject == session.wire_id


def test_ending_twice_changes_nothing() -> None:
    session = world.session(world.person(), AT)
    services.revoke_session(session.id, reason="logout", actor=world.nobody(), at=AT)
    before = world.everything()
    assert not services.revoke_session(session.id, reason="x", actor=world.nobody(), at=AT)
    assert world.everything() == before


def test_nobody_but_an_administrator_ends_the_session_of_another() -> None:
    session, manager = world.session(world.person(), AT), world.actor("manager")
    before = world.everything()
    with pytest.raises(NotPermitted):
        services.revoke_session(session.id, reason="x", actor=manager, at=AT)
    assert world.everything() == before
    assert services.revoke_session(session.id, reason="x", actor=world.actor("admin"), at=AT)


def test_an_unknown_session_is_not_found() -> None:
    with pytest.raises(services.SessionNotFound):
        services.revoke_session(uuid4(), reason="x", actor=world.actor("admin"), at=AT)


def test_all_sessions_of_a_person_end_and_no_others() -> None:
    user = world.person()
    mine = [world.session(user, AT) for _ in range(3)]
    other = world.session(world.person(), AT)
    assert services.revoke_all_sessions(user.id, reason="x", actor=world.nobody(), at=AT) == 3
    for session in [*mine, other]:
        session.refresh_from_db()
    assert [session.state for session in [*mine, other]] == ["revoked"] * 3 + ["live"]
