"""Who somebody is, and who may be asked for something."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from accounts import policy
from accounts.choices import ScopeKind, UserKind, UserStatus
from accounts.models import Grant, Membership, User
from core import statements
from core.actors import ROLES, Actor, Place
from core.ids import MalformedId, decode, encode


@dataclass(frozen=True)
class Person:
    """What other domains may know of a person."""

    id: UUID
    email: str | None
    full_name: str
    timezone: str
    is_active: bool

    @property
    def wire_id(self) -> str:
        return encode(policy.USER, self.id)


def _person(user: User) -> Person:
    return Person(
        id=user.id,
        email=user.email,
        full_name=user.full_name,
        timezone=user.timezone,
        is_active=user.is_active,
    )


def user(named: str | UUID) -> Person | None:
    """Find a person or service by id (``usr_...`` or UUID) or e-mail."""
    found = User.objects.filter(_named([str(named)])).first()
    return _person(found) if found else None


def active_people(named: Collection[str]) -> dict[str, UUID]:
    """Find active persons by id or e-mail; keyed by each name as given, in lower case."""
    found: dict[str, UUID] = {}
    people = User.objects.filter(
        _named(named), status=UserStatus.ACTIVE, kind=UserKind.PERSON
    ).values_list("id", "email")
    by_key = {key: pk for pk, email in people for key in (pk, email)}
    for name in named:
        match = by_key.get(_user_id(name)) or by_key.get(policy.normal_email(name))
        if match is not None:
            found[name.lower()] = match
    return found


def _named(names: Iterable[str]) -> Q:
    ids, emails = [], []
    for name in names:
        user_id = _user_id(name)
        if user_id is not None:
            ids.append(user_id)
        elif "@" in name and "\x00" not in name:
            emails.append(policy.normal_email(name))
    return Q(id__in=ids) | Q(email__in=emails)


def _user_id(name: str) -> UUID | None:
    try:
        return decode(policy.USER, name.strip())
    except MalformedId:
        return None


def people_with(least_role: str, place: Place | None = None) -> list[Person]:
    """The active persons who hold this role or a higher one in a place, by id.

    Without a place: those who hold it globally.
    """
    somewhere = Q(scope_kind=ScopeKind.GLOBAL)
    if place is not None:
        somewhere |= Q(scope_kind=ScopeKind.SITE, scope_id=place.site_id)
        somewhere |= Q(scope_kind=ScopeKind.REGION, scope_id__in=place.region_ids)
    roles = ROLES[ROLES.index(least_role) :]
    grants = Grant.objects.live(timezone.now()).filter(somewhere, role__in=roles)
    people = User.objects.filter(
        Q(id__in=grants.values("user_id"))
        | Q(id__in=Membership.objects.filter(team__in=grants.values("team_id")).values("user_id")),
        status=UserStatus.ACTIVE,
        kind=UserKind.PERSON,
    )
    return [_person(found) for found in people.order_by("id")]


def grants_on(scope_kind: str, scope_id: str) -> int:
    """How many live grants name this region or site (wire id)."""
    return (
        Grant.objects.live(timezone.now()).filter(scope_kind=scope_kind, scope_id=scope_id).count()
    )


def with_grants() -> QuerySet[User]:
    """Users with their live grants read along, for lists."""
    live = Grant.objects.live(timezone.now()).order_by("id")
    return User.objects.prefetch_related(  # type: ignore[no-redef]
        Prefetch("grants", live, to_attr="own_live_grants"),
        Prefetch("teams__grants", live, to_attr="live_grants"),
    )


def actor_of(user: AbstractBaseUser | AnonymousUser) -> Actor:
    """The actor of a person who is signed in to the back office."""
    if not isinstance(user, User):
        raise TypeError(f"{type(user).__name__} is nobody who acts")
    return _actor(
        user.id,
        [(grant.role, grant.scope_kind, grant.scope_id) for grant in user.live_grants],
        has_device=user.has_second_factor,
    )


def acting(user_id: str) -> Actor | None:
    """The actor of an active person or service (``usr_...``) with the roles they hold now.

    For work that they asked for earlier; None: they may not act any more.
    """
    found = User.objects.filter(_named([user_id]), status=UserStatus.ACTIVE).first()
    return actor_of(found) if found else None


# One statement for every authenticated request: the session, its person, and their live grants.
_SESSION = """
SELECT s.state, u.status, s.expires_at, s.ends_at, s.last_seen_at, s.mfa_at,
       s.reauthenticated_at, s.impersonator_id, u.id,
       EXISTS (SELECT FROM accounts_onetimedevice d
                WHERE d.user_id = u.id AND d.confirmed_at IS NOT NULL),
       g.role, g.scope_kind, g.scope_id
  FROM accounts_session s
  JOIN accounts_user u ON u.id = s.user_id
  LEFT JOIN LATERAL (
       SELECT role, scope_kind, scope_id, valid_until, valid_from FROM accounts_grant
        WHERE user_id = u.id AND ended_at IS NULL
       UNION ALL
       SELECT h.role, h.scope_kind, h.scope_id, h.valid_until, h.valid_from
         FROM accounts_membership m JOIN accounts_grant h ON h.team_id = m.team_id
        WHERE m.user_id = u.id AND h.ended_at IS NULL) g
    ON g.valid_from <= %(at)s AND (g.valid_until IS NULL OR g.valid_until > %(at)s)
 WHERE s.id = %(id)s
"""


def actor_of_session(
    session_id: UUID, *, at: datetime, address: str = ""
) -> tuple[Actor, datetime]:
    """The actor whose session this is, and when the session was last seen before.

    Raises: CredentialsInvalid, SessionRevoked.
    """
    rows = statements.fetch_first(_SESSION, {"id": session_id, "at": at})
    if not rows:
        raise policy.CredentialsInvalid
    (state, status, expires_at, ends_at, seen_at, mfa_at, again_at, impersonator, user_id,
     has_device) = rows[0][:10]  # fmt: skip
    policy.require_live(
        state=state, user_status=status, expires_at=expires_at, ends_at=ends_at, at=at
    )
    actor = _actor(
        user_id,
        [row[10:] for row in rows if row[10] is not None],
        has_device=has_device,
        session_id=encode(policy.SESSION, session_id),
        impersonator=encode(policy.USER, impersonator) if impersonator else "",
        address=address,
        mfa_at=mfa_at,
        reauthenticated_at=again_at,
    )
    return actor, seen_at


def _actor(
    user_id: UUID,
    grants: Iterable[tuple[str, str, str | None]],
    *,
    has_device: bool,
    **more: Any,
) -> Actor:
    grants = list(grants)
    everywhere: list[str] = []
    regions: dict[str, str] = {}
    sites: dict[str, str] = {}
    for role, kind, scope_id in grants:
        if kind == ScopeKind.GLOBAL or scope_id is None:
            everywhere.append(role)
        else:
            held = regions if kind == ScopeKind.REGION else sites
            held[scope_id] = policy.highest([role, held.get(scope_id, role)])
    return Actor(
        id=encode(policy.USER, user_id),
        kind="person",
        global_role=policy.highest(everywhere),
        region_roles=regions,
        site_roles=sites,
        owes_second_factor=not has_device
        and policy.demands_second_factor(
            [role for role, _, _ in grants], settings.MFA_REQUIRED_ROLES
        ),
        **more,
    )


def names(wire_ids: Collection[str]) -> dict[str, str]:
    """What people are called, by wire id; ids of nobody are missing. One query."""
    ids = [found for each in wire_ids if (found := _user_id(each)) is not None]
    people = User.objects.filter(id__in=ids).values_list("id", "full_name", "email")
    return {encode(policy.USER, pk): email or full_name for pk, full_name, email in people}
