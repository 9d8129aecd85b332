"""Who is calling: by a session, by a key, in the back office."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from accounts import policy
from accounts.choices import Role, ScopeKind, UserKind, UserStatus
from accounts.models import Session, User
from accounts.queries.people import named_any
from core import statements
from core.actors import Actor
from core.ids import decode, encode


def actor_of(user: AbstractBaseUser | AnonymousUser) -> Actor:
    """The actor of a person who is signed in to the back office."""
    if not isinstance(user, User):
        raise TypeError(f"{type(user).__name__} is nobody who acts")
    if user.acting is not None:
        return user.acting
    return _actor(
        user.id,
        [(grant.role, grant.scope_kind, grant.scope_id) for grant in user.live_grants],
        has_second_factor=user.kind == UserKind.SERVICE or user.has_second_factor,
    )


def in_back_office(session_id: UUID, *, at: datetime, address: str) -> User:
    """The person of this session, acting by it. Raises: CredentialsInvalid, SessionRevoked."""
    actor, _ = actor_of_session(session_id, at=at, address=address)
    found = User.objects.get(id=decode(policy.USER, actor.id))
    found.acting = actor
    return found


def session_ends_at(session_id: UUID) -> datetime:
    """When this session ends if it rests from now on."""
    return Session.objects.values_list("expires_at", flat=True).get(id=session_id)


def acting(user_id: str) -> Actor | None:
    """The actor of an active person or service (``usr_...``) with the roles they hold now.

    For work that they asked for earlier; None: they may not act any more.
    """
    found = User.objects.filter(named_any([user_id]), status=UserStatus.ACTIVE).first()
    return actor_of(found) if found else None


# What the user u may do now, by their own grants and their teams'; a row each, or one of nulls.
_RIGHTS = """
       u.id, u.kind, u.status,
       EXISTS (SELECT FROM accounts_onetimedevice d
                WHERE d.user_id = u.id AND d.confirmed_at IS NOT NULL),
       g.role, g.scope_kind, g.scope_id"""
_GRANTS = """
  LEFT JOIN LATERAL (
       SELECT role, scope_kind, scope_id, valid_until, valid_from FROM accounts_grant
        WHERE user_id = u.id AND ended_at IS NULL
       UNION ALL
       SELECT h.role, h.scope_kind, h.scope_id, h.valid_until, h.valid_from
         FROM accounts_membership m JOIN accounts_grant h ON h.team_id = m.team_id
        WHERE m.user_id = u.id AND h.ended_at IS NULL) g
    ON g.valid_from <= %(at)s AND (g.valid_until IS NULL OR g.valid_until > %(at)s)"""

# One statement for every authenticated request: the session, its person, and their live grants.
# An impersonation stands as long as its administrator is one, and signed in.
_SESSION = f"""
SELECT s.state, s.expires_at, s.ends_at, s.last_seen_at, s.mfa_at, s.reauthenticated_at,
       s.impersonator_id,
       s.impersonator_id IS NULL OR EXISTS (
           SELECT FROM accounts_session p
             JOIN accounts_user a ON a.id = p.user_id
             JOIN accounts_grant r ON r.user_id = a.id
            WHERE p.id = s.parent_id AND p.state = 'live' AND a.status = 'active'
              AND r.role = 'admin' AND r.ended_at IS NULL AND r.valid_from <= %(at)s
              AND (r.valid_until IS NULL OR r.valid_until > %(at)s)),{_RIGHTS}
  FROM accounts_session s
  JOIN accounts_user u ON u.id = s.user_id{_GRANTS}
 WHERE s.id = %(id)s
"""  # noqa: S608 - fragments of ours


def actor_of_session(
    session_id: UUID, *, at: datetime, address: str = ""
) -> tuple[Actor, datetime]:
    """The actor whose session this is, and when the session was last seen before.

    Raises: CredentialsInvalid, SessionRevoked.
    """
    rows = statements.fetch_first(_SESSION, {"id": session_id, "at": at})
    if not rows:
        raise policy.CredentialsInvalid
    (state, expires_at, ends_at, seen_at, mfa_at, again_at, impersonator, stands,
     user_id, _, status, _) = rows[0][:-3]  # fmt: skip
    policy.require_live(
        state=state, user_status=status, expires_at=expires_at, ends_at=ends_at, at=at
    )
    actor = _actor(
        user_id,
        _grants_in(rows),
        # A device alone proves nothing: an identity provider may not have asked for its code.
        has_second_factor=mfa_at is not None or impersonator is not None,
        session_id=encode(policy.SESSION, session_id),
        impersonator=encode(policy.USER, impersonator) if impersonator else "",
        address=address,
        mfa_at=mfa_at,
        reauthenticated_at=again_at,
    )
    if not stands or (impersonator and actor.global_role == Role.ADMIN):
        raise policy.SessionRevoked
    return actor, seen_at


# The same for a key and its owner.
_KEY = f"""
SELECT k.id, k.hash, k.scopes, k.networks, k.expires_at, k.revoked_at, k.last_used_at,
       k.rate_rpm,{_RIGHTS}
  FROM accounts_apikey k
  JOIN accounts_user u ON u.id = k.user_id{_GRANTS}
 WHERE k.public_id = %(public_id)s
"""  # noqa: S608 - fragments of ours


@dataclass(frozen=True)
class KeyCaller:
    """Who calls by a key. Nobody (``actor`` None) unless the outcome is ``ok``."""

    outcome: str
    actor: Actor | None = None
    key_id: UUID | None = None
    last_used_at: datetime | None = None


def actor_of_key(key: str, *, at: datetime, address: str = "") -> KeyCaller:
    """The owner of an API key, cut down to its scopes; or why it is refused."""
    public_id = policy.public_id_of(key)
    if public_id is None:
        return KeyCaller("unknown")
    rows = statements.fetch_first(_KEY, {"public_id": public_id, "at": at})
    if not rows:
        return KeyCaller(policy.judge_key(None, key, address, at))
    (key_id, key_hash, scopes, networks, expires_at, revoked_at, used_at, rate_rpm,
     user_id, kind, status, has_device) = rows[0][:-3]  # fmt: skip
    facts = policy.KeyFacts(key_hash, networks, expires_at, revoked_at, status)
    outcome = policy.judge_key(facts, key, address, at)
    if outcome != "ok":
        return KeyCaller(outcome, key_id=key_id)
    actor = _actor(
        user_id,
        _grants_in(rows),
        kind="api_key",
        has_second_factor=has_device or kind == UserKind.SERVICE,
        key_id=encode(policy.API_KEY, key_id),
        key_scopes=frozenset(scopes),
        key_rate_rpm=rate_rpm,
        address=address,
    )
    return KeyCaller(outcome, actor, key_id, used_at)


def _grants_in(rows: list[tuple[Any, ...]]) -> list[tuple[str, str, str | None]]:
    return [(role, kind, scope) for *_, role, kind, scope in rows if role is not None]


def _actor(
    user_id: UUID,
    grants: Iterable[tuple[str, str, str | None]],
    *,
    has_second_factor: bool,
    kind: str = "person",
    **more: Any,
) -> Actor:
    grants = list(grants)
    everywhere: list[str] = []
    regions: dict[str, str] = {}
    sites: dict[str, str] = {}
    for role, scope_kind, scope_id in grants:
        if scope_kind == ScopeKind.GLOBAL or scope_id is None:
            everywhere.append(role)
        else:
            held = regions if scope_kind == ScopeKind.REGION else sites
            held[scope_id] = policy.highest([role, held.get(scope_id, role)])
    return Actor(
        id=encode(policy.USER, user_id),
        kind=kind,
        global_role=policy.highest(everywhere),
        region_roles=regions,
        site_roles=sites,
        owes_second_factor=not has_second_factor
        and policy.demands_second_factor(
            [role for role, _, _ in grants], settings.MFA_REQUIRED_ROLES
        ),
        **more,
    )


# What the streams of a process hang on, in one statement however many they are.
_STANDING = """
SELECT s.id, s.state, s.revoked_reason, u.status, s.expires_at, s.ends_at, s.generation,
       s.rotated_at
  FROM accounts_session s
  JOIN accounts_user u ON u.id = s.user_id
 WHERE s.id = ANY(%s)
"""


def facts_of_sessions(ids: Collection[UUID]) -> dict[UUID, policy.SessionFacts]:
    """What decides whether these sessions stand; those whose row is gone are missing."""
    found = statements.fetch(_STANDING, [statements.array(ids)])
    return {key: policy.SessionFacts(*facts) for key, *facts in found}
