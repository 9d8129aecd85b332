"""People with a second factor, and what their devices show."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp

from accounts import queries, services
from accounts.models import Session, User
from core.actors import Actor
from tests import world


@dataclass(frozen=True)
class Device:
    """What its owner was shown."""

    secret: str
    backup_codes: list[str]

    def code(self, at: datetime) -> str:
        return pyotp.TOTP(self.secret).at(at)


def caller(user: User, at: datetime = world.AT, **session: object) -> Actor:
    """The actor of this person in a session opened at this instant."""
    return acting_in(world.session(user, at, **session), at)


def acting_in(session: Session, at: datetime = world.AT) -> Actor:
    actor, _ = queries.actor_of_session(session.id, at=at)
    return actor


def device(user: User, at: datetime = world.AT) -> Device:
    """A confirmed device, set up an hour before."""
    before = at - timedelta(hours=1)
    actor = caller(user, before)
    shown = services.begin_2fa(actor=actor, at=before)
    made = Device(shown.secret, shown.backup_codes)
    services.confirm_2fa(made.code(before), actor=actor, at=before)
    return made
