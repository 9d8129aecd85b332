from datetime import datetime, timedelta

import pytest
import time_machine

from accounts import services, tasks
from accounts.models import Session
from config.celery import BEAT_SCHEDULE
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def ago(**span: float) -> datetime:
    return AT - timedelta(**span)


def ended(session: Session, at: datetime) -> Session:
    Session.objects.filter(id=session.id).update(state="revoked", revoked_at=at)
    return session


def test_sessions_are_forgotten_ninety_days_after_their_end() -> None:
    user = world.person()
    kept = [
        world.session(user, AT),
        world.session(user, ago(days=14 + 89)),  # ran out 89 days ago
        ended(world.session(user, ago(days=100)), ago(days=89)),
    ]
    world.session(user, ago(days=14 + 91))
    ended(world.session(user, ago(days=91)), ago(days=90, seconds=1))
    ended(world.session(user, ago(days=400)), ago(days=399))
    assert services.purge_sessions(at=AT) == 3
    assert {session.id for session in Session.objects.all()} == {session.id for session in kept}
    assert services.purge_sessions(at=AT) == 0


def test_it_goes_in_portions() -> None:
    user = world.person()
    for _ in range(5):
        world.session(user, ago(days=200))
    assert services.purge_sessions(at=AT, limit=2) == 5


def test_a_session_with_impersonations_goes_with_them() -> None:
    made = world.impersonation(world.person(), at=ago(days=200))
    assert services.purge_sessions(at=AT) == 2
    assert not Session.objects.filter(id=made.session.id).exists()


def test_it_runs_by_the_clock() -> None:
    assert BEAT_SCHEDULE["accounts.purge_sessions"]["task"] == tasks.purge_sessions.name
    world.session(world.person(), ago(days=200))
    with time_machine.travel(AT):
        tasks.purge_sessions()
    assert not Session.objects.exists()
