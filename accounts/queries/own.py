"""What people see of their own account: themselves, sessions, second factor, keys."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from accounts import policy
from accounts.models import ApiKey, Grant, OneTimeDevice, Session, User
from core import statements
from core.actors import Actor
from core.ids import decode


@dataclass(frozen=True)
class Myself:
    """What people are told of themselves."""

    user: User
    teams: list[str]
    has_second_factor: bool


# For every page that a browser opens: in SQL it takes a third of the time.
_MYSELF = """
SELECT u.id, u.email, u.full_name, u.stellar_wallet, u.created_at,
       ARRAY(SELECT t.name FROM accounts_team t JOIN accounts_membership m ON m.team_id = t.id
              WHERE m.user_id = u.id ORDER BY t.name, t.id),
       EXISTS (SELECT FROM accounts_onetimedevice d
                WHERE d.user_id = u.id AND d.confirmed_at IS NOT NULL)
  FROM accounts_user u
 WHERE u.id = %(id)s
"""
_HELD = """
 WHERE t.id IN (SELECT id FROM accounts_grant WHERE user_id = %(id)s AND ended_at IS NULL
                UNION ALL
                SELECT h.id FROM accounts_membership m JOIN accounts_grant h USING (team_id)
                 WHERE m.user_id = %(id)s AND h.ended_at IS NULL)
   AND t.valid_from <= %(at)s AND (t.valid_until IS NULL OR t.valid_until > %(at)s)
 ORDER BY t.id
"""


def myself(actor: Actor, *, at: datetime) -> Myself:
    """The person who calls, or whose key does, with their live grants and teams. Two queries."""
    asked = {"id": decode(policy.USER, actor.id), "at": at}
    ((key, email, full_name, wallet, created_at, teams, is_proved),) = statements.fetch(
        _MYSELF, asked
    )
    user = User(
        id=key, email=email, full_name=full_name, stellar_wallet=wallet, created_at=created_at
    )
    user.live_grants = statements.rows(Grant, _HELD, asked)
    return Myself(user, teams, is_proved)


def preferences_of(actor: Actor) -> dict[str, Any]:
    """What the person who calls has stored of their preferences."""
    found: dict[str, Any] = User.objects.values_list("preferences", flat=True).get(
        id=decode(policy.USER, actor.id)
    )
    return found


@dataclass(frozen=True)
class SecondFactor:
    """Whether a person has a second factor, and whether a role of theirs demands one."""

    confirmed_at: datetime | None
    backup_codes_left: int
    is_demanded: bool


def second_factor_of(actor: Actor, *, at: datetime) -> SecondFactor:
    """The second factor of the person who calls."""
    user_id = decode(policy.USER, actor.id)
    roles = Grant.objects.held_by(user_id).live(at).values_list("role", flat=True)
    is_demanded = policy.demands_second_factor(roles, settings.MFA_REQUIRED_ROLES)
    device = OneTimeDevice.objects.filter(user_id=user_id, confirmed_at__isnull=False)
    left = Count("backup_codes", filter=Q(backup_codes__used_at__isnull=True))
    found = device.annotate(left=left).values_list("confirmed_at", "left").first()
    return SecondFactor(*(found or (None, 0)), is_demanded)


def live_sessions(actor: Actor, *, at: datetime) -> QuerySet[Session]:
    """The sessions of the person who calls that have not ended."""
    return Session.objects.live(at).filter(user_id=decode(policy.USER, actor.id))


def api_keys(owner_id: UUID, actor: Actor) -> QuerySet[ApiKey]:
    """The keys of a person: one's own or, as an administrator, anybody's. Raises: NotPermitted."""
    if not policy.has_keys_of(actor, owner_id):
        policy.require_may_manage_people(actor)
    return ApiKey.objects.filter(user_id=owner_id)


def api_key(key_id: UUID, actor: Actor) -> ApiKey | None:
    """A key of the actor, to an administrator any."""
    found = ApiKey.objects.filter(id=key_id).first()
    return found if found and policy.has_keys_of(actor, found.user_id) else None
