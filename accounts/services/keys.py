"""Keys by which machines call: made, replaced, ended. Each is shown once."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts import policy
from accounts.choices import Role, ScopeKind, UserKind, UserStatus
from accounts.events import AccountChanged
from accounts.models import ApiKey, Grant, User
from accounts.services.grants import UserNotFound, locked_user
from audit import services as audit
from core import events
from core.actors import Actor
from core.errors import Conflict, NotFound
from core.ids import decode, encode


class KeyNotFound(NotFound):
    code = "key_not_found"
    title = "API key not found"


class KeyEnded(Conflict):
    code = "key_ended"
    title = "API key ended"
    summary = "This key has been replaced, has ended or was revoked. Make a new one."


@dataclass(frozen=True)
class MadeKey:
    """A new key, and the only sight of it there is."""

    key: ApiKey
    raw_key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class KeyTerms:
    """What somebody asks of a key."""

    name: str
    scopes: Collection[str]
    networks: Collection[str] = ()
    rate_rpm: int | None = None
    expires_at: datetime | None = None


def create_api_key(
    terms: KeyTerms, *, owner_id: UUID | None = None, actor: Actor, at: datetime
) -> MadeKey:
    """Make a key that acts as its owner (the caller, unless said) within its scopes.

    Emits AccountChanged. Audits accounts.create_api_key.
    Raises: ImpersonatorRefused, NotPermitted, SecondFactorRequired, ReauthenticationRequired,
    KeyScopeUnknown, ExpiryTooFar, ValidationFailed, RoleAboveOwn, UserNotFound.
    """
    policy.require_may_manage_keys(actor, at)
    owner_id = owner_id or decode(policy.USER, actor.id)
    if actor.id != encode(policy.USER, owner_id):
        policy.require_may_manage_people(actor)
    scopes = policy.normal_scopes(terms.scopes)
    networks = policy.normal_networks(terms.networks)
    if (terms.rate_rpm or 0) > settings.RATE_LIMIT_RPM:
        policy.require_may_manage_people(actor)
    with transaction.atomic():
        owner = _active(owner_id)
        _check_power(scopes, owner, actor, at)
        is_service = owner.kind == UserKind.SERVICE
        made = _make(
            owner,
            at=at,
            name=terms.name,
            scopes=scopes,
            networks=networks,
            rate_rpm=terms.rate_rpm,
            expires_at=policy.end_of_key(terms.expires_at, at, is_service=is_service),
            created_by=actor.id,
        )
        _record("create_api_key", made.key, actor, at, after=_facts(made.key))
        _tell(owner, at)
    return made


def rotate_api_key(key_id: UUID, *, overlap_hours: int = 0, actor: Actor, at: datetime) -> MadeKey:
    """Make the successor of a key, alike but for the secret; the old one ends after the overlap.

    Of several at once one makes the successor. Emits AccountChanged.
    Audits accounts.rotate_api_key. Raises: as ``create_api_key``; KeyNotFound, KeyEnded.
    """
    policy.require_may_manage_keys(actor, at)
    if not 0 <= overlap_hours <= policy.MOST_OVERLAP_HOURS:
        raise ValueError("the overlap is out of range")
    with transaction.atomic():
        # The owner first, as whoever disables or erases them does.
        owner = _active(_visible(key_id, actor).user_id)
        key = ApiKey.objects.select_for_update().get(id=key_id)
        if key.revoked_at is not None or key.replaced_by_id or key.expires_at <= at:
            raise KeyEnded
        _check_power(key.scopes, owner, actor, at)
        made = _make(
            owner,
            at=at,
            name=key.name,
            scopes=key.scopes,
            networks=key.networks,
            rate_rpm=key.rate_rpm,
            expires_at=at + min(key.expires_at - key.created_at, policy.LONGEST_LIFE),
            created_by=actor.id,
        )
        before = {"expires_at": key.expires_at, "revoked_at": None}
        key.replaced_by = made.key
        if overlap_hours:
            key.expires_at = min(key.expires_at, at + timedelta(hours=overlap_hours))
        else:
            key.revoked_at = at
        key.save(update_fields=["replaced_by", "expires_at", "revoked_at"])
        after = {
            "expires_at": key.expires_at,
            "revoked_at": key.revoked_at,
            "replaced_by": made.key.wire_id,
        }
        _record("rotate_api_key", key, actor, at, before, after, links=[made.key.wire_id])
        _tell(owner, at)
    return made


def revoke_api_key(key_id: UUID, *, reason: str = "", actor: Actor, at: datetime) -> bool:
    """End a key at once; False if it had been revoked before. Its successor goes on.

    Audits accounts.revoke_api_key. Raises: ImpersonatorRefused, NotPermitted,
    SecondFactorRequired, ReauthenticationRequired, KeyNotFound.
    """
    policy.require_may_manage_keys(actor, at)
    with transaction.atomic():
        _visible(key_id, actor)
        key = ApiKey.objects.select_for_update().get(id=key_id)
        return bool(_end([key], reason, actor=actor, at=at))


def end_api_keys(user_id: UUID, reason: str, *, actor: Actor, at: datetime) -> int:
    """End all keys of a person whom a verb has judged; returns how many had not ended."""
    live = ApiKey.objects.select_for_update().filter(user_id=user_id, revoked_at__isnull=True)
    return _end(list(live.order_by("id")), reason, actor=actor, at=at)


def see_api_key(key_id: UUID, *, at: datetime) -> bool:
    """Note that a key is in use, at most once a minute; returns whether it was noted.

    Not audited: it says when somebody called, not that anything changed.
    """
    unseen = Q(last_used_at__isnull=True) | Q(last_used_at__lt=at - policy.USED_EVERY)
    return bool(ApiKey.objects.filter(unseen, id=key_id).update(last_used_at=at))


def _visible(key_id: UUID, actor: Actor) -> ApiKey:
    """A key of the actor, to an administrator any; to others it is not there."""
    key = ApiKey.objects.filter(id=key_id).first()
    if key is None or not policy.has_keys_of(actor, key.user_id):
        raise KeyNotFound
    return key


def _active(owner_id: UUID) -> User:
    owner = locked_user(owner_id)
    if owner.status != UserStatus.ACTIVE:
        raise UserNotFound("This account is not active.")
    return owner


def _check_power(scopes: Collection[str], owner: User, actor: Actor, at: datetime) -> None:
    held = Grant.objects.held_by(owner.id).live(at)
    is_admin = held.filter(role=Role.ADMIN, scope_kind=ScopeKind.GLOBAL).exists()
    policy.check_power(scopes, actor, owner_is_admin=is_admin)


def _make(owner: User, *, at: datetime, **given: Any) -> MadeKey:
    raw_key = policy.make_key(secrets.token_bytes(8), secrets.token_bytes(32))
    key = ApiKey.objects.create(
        user=owner,
        public_id=policy.public_id_of(raw_key) or "",
        hash=policy.hash_of(raw_key),
        created_at=at,
        **given,
    )
    return MadeKey(key, raw_key)


def _end(keys: list[ApiKey], reason: str, *, actor: Actor, at: datetime) -> int:
    ended = [key for key in keys if key.revoked_at is None]
    for key in ended:
        key.revoked_at = at
        key.save(update_fields=["revoked_at"])
        _record("revoke_api_key", key, actor, at, {"revoked_at": None}, {"revoked_at": at}, reason)
    return len(ended)


def _facts(key: ApiKey) -> dict[str, Any]:
    """What the log may hold: no name, which people choose, and no addresses."""
    return {
        "scopes": key.scopes,
        "networks": len(key.networks),
        "rate_rpm": key.rate_rpm,
        "expires_at": key.expires_at,
    }


def _record(
    verb: str,
    key: ApiKey,
    actor: Actor,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    links: Collection[str] = (),
) -> None:
    audit.record(
        action=f"accounts.{verb}",
        subject=("api_key", key.wire_id),
        actor=actor,
        at=at,
        before=before,
        after=after,
        reason=reason,
        links=[encode(policy.USER, key.user_id), *links],
    )


def _tell(owner: User, at: datetime) -> None:
    events.publish(AccountChanged(occurred_at=at, user_id=owner.wire_id, what="api_key"))
