"""Giving and ending roles. There is always an administrator left."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts import policy
from accounts.choices import GrantSource, Role, ScopeKind, UserKind, UserStatus
from accounts.events import AccountChanged
from accounts.models import Grant, User
from accounts.services import sessions
from audit import services as audit
from core import events
from core.actors import Actor
from core.errors import Conflict, NotFound
from core.ids import encode


class UserNotFound(NotFound):
    code = "user_not_found"
    title = "Person not found"


class GrantNotFound(NotFound):
    code = "grant_not_found"
    title = "Grant not found"


class LastAdmin(Conflict):
    code = "last_admin"
    title = "Last administrator"
    summary = "This is the last administrator. Make another one first."


def grant_role(
    user_id: UUID,
    role: str,
    *,
    actor: Actor,
    at: datetime,
    scope_kind: str = ScopeKind.GLOBAL,
    scope_id: str | None = None,
    valid_until: datetime | None = None,
    reason: str = "",
) -> Grant:
    """Give a person a role in a place (wire id of a region or site), instead of the one held there.

    The same role until the same instant is no change. Emits AccountChanged.
    Audits accounts.grant_role, and accounts.end_grant for the one it replaces.
    Raises: NotPermitted, OwnGrants, RoleAboveOwn, UnknownScope, AlreadyOver, UserNotFound,
    LastAdmin.
    """
    policy.require_may_grant(actor, user_id, role)
    policy.check_scope(role, scope_kind, scope_id)
    if valid_until is not None and valid_until <= at:
        raise policy.AlreadyOver
    with transaction.atomic():
        user = locked_user(user_id)
        held = Grant.objects.filter(
            user=user,
            scope_kind=scope_kind,
            scope_id=scope_id,
            source=GrantSource.MANUAL,
            ended_at__isnull=True,
        ).first()
        if held is not None:
            if (held.role, held.valid_until) == (role, valid_until):
                return held
            _end(held, actor=actor, at=at, reason=reason)
        return give(
            user,
            role,
            actor=actor,
            at=at,
            scope_kind=scope_kind,
            scope_id=scope_id,
            valid_until=valid_until,
            reason=reason,
        )


def give(
    user: User,
    role: str,
    *,
    actor: Actor,
    at: datetime,
    scope_kind: str = ScopeKind.GLOBAL,
    scope_id: str | None = None,
    valid_until: datetime | None = None,
    reason: str = "",
) -> Grant:
    """Write a grant that a verb has judged, with its entry and its announcement."""
    grant = Grant.objects.create(
        user=user,
        role=role,
        scope_kind=scope_kind,
        scope_id=scope_id,
        source=GrantSource.MANUAL,
        valid_from=at,
        valid_until=valid_until,
        granted_by=actor.id,
        reason=reason[:500],
        created_at=at,
    )
    links = [user.wire_id, *([scope_id] if scope_id else [])]
    audit.record(
        action="accounts.grant_role",
        subject=("grant", grant.wire_id),
        actor=actor,
        at=at,
        after={"role": role, "scope_kind": scope_kind, "scope_id": scope_id}
        | ({"valid_until": valid_until} if valid_until else {}),
        reason=reason,
        links=links,
    )
    events.publish(AccountChanged(occurred_at=at, user_id=user.wire_id, what="grant"))
    return grant


def end_grant(grant_id: UUID, *, actor: Actor, at: datetime, reason: str = "") -> Grant:
    """End a grant; with the last one of a person their sessions end too. Ended ones stay.

    Emits SessionRevoked. Audits. Raises: NotPermitted, OwnGrants, GrantNotFound, LastAdmin.
    """
    with transaction.atomic():
        found = Grant.objects.filter(id=grant_id).first()
        if found is None or found.user_id is None:
            policy.require_may_manage_people(actor)
            raise GrantNotFound
        policy.require_may_grant(actor, found.user_id, found.role)
        user = locked_user(found.user_id)
        grant = Grant.objects.get(id=grant_id)
        if grant.ended_at is not None:
            return grant
        _end(grant, actor=actor, at=at, reason=reason)
        if not user.grants.live(at).exists():
            sessions.revoke_all_sessions(user.id, reason="no_role", actor=actor, at=at)
        return grant


def _end(grant: Grant, *, actor: Actor, at: datetime, reason: str) -> None:
    if grant.role == Role.ADMIN:
        require_another_admin(at, than_grant=grant.id)
    grant.ended_at, grant.ended_by = at, actor.id
    grant.save(update_fields=["ended_at", "ended_by"])
    audit.record(
        action="accounts.end_grant",
        subject=("grant", grant.wire_id),
        actor=actor,
        at=at,
        before={"role": grant.role, "scope_kind": grant.scope_kind, "scope_id": grant.scope_id},
        reason=reason,
        links=[encode(policy.USER, grant.user_id)],
    )


def require_another_admin(
    at: datetime, *, than_grant: UUID | None = None, than_user: UUID | None = None
) -> None:
    """Lock what keeps administrators in power, and refuse to take the last of it away.

    Two administrators who remove each other meet at the locks; the second statement then sees
    what the first of them did. Raises: LastAdmin.
    """
    lasting = Grant.objects.live(at).filter(
        role=Role.ADMIN,
        scope_kind=ScopeKind.GLOBAL,
        source=GrantSource.MANUAL,
        valid_until__isnull=True,
    )
    list(lasting.select_for_update().order_by("id"))
    in_power = lasting.filter(user__status=UserStatus.ACTIVE, user__kind=UserKind.PERSON)
    losing = Q(id=than_grant) if than_grant else Q(user_id=than_user)
    if in_power.filter(losing).exists() and not in_power.exclude(losing).exists():
        raise LastAdmin


def locked_user(user_id: UUID) -> User:
    """The person's row, locked: whoever changes rights or state comes one after the other."""
    user = User.objects.select_for_update().filter(id=user_id).first()
    if user is None:
        raise UserNotFound
    return user
