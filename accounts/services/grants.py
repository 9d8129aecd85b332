"""Giving and ending roles. There is always an administrator left."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts import policy
from accounts.choices import GrantSource, Role, ScopeKind, UserKind, UserStatus
from accounts.events import AccountChanged
from accounts.models import Grant, Membership, Team, User
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


class TeamNotFound(NotFound):
    code = "team_not_found"
    title = "Team not found"


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
    Raises: NotPermitted, ReauthenticationRequired, OwnGrants, RoleAboveOwn, UnknownScope,
    AlreadyOver, UserNotFound, LastAdmin.
    """
    policy.require_may_change_rights(actor, at)
    policy.require_others(actor, [user_id])
    policy.require_may_give(actor, [role])
    terms = Terms(role, scope_kind, scope_id, valid_until, reason).check(at)
    with transaction.atomic():
        user = locked_user(user_id)
        if user.status == UserStatus.ERASED:
            raise UserNotFound
        return _replace(user, terms, actor=actor, at=at)


def grant_team_role(
    team_id: UUID,
    role: str,
    *,
    actor: Actor,
    at: datetime,
    scope_kind: str = ScopeKind.GLOBAL,
    scope_id: str | None = None,
    valid_until: datetime | None = None,
    reason: str = "",
) -> Grant:
    """Give everybody in a team a role in a place, as ``grant_role`` does; never admin.

    Emits AccountChanged for each member. Audits accounts.grant_role, accounts.end_grant.
    Raises: NotPermitted, ReauthenticationRequired, OwnGrants, RoleAboveOwn, RoleNotForTeams,
    UnknownScope, AlreadyOver, TeamNotFound.
    """
    policy.require_may_change_rights(actor, at)
    policy.require_may_give_team(actor, role)
    terms = Terms(role, scope_kind, scope_id, valid_until, reason).check(at)
    with transaction.atomic():
        team = locked_team(team_id)
        policy.require_others(actor, member_ids(team))
        return _replace(team, terms, actor=actor, at=at)


@dataclass(frozen=True)
class Terms:
    """What a grant gives, where, and until when."""

    role: str
    scope_kind: str = ScopeKind.GLOBAL
    scope_id: str | None = None
    valid_until: datetime | None = None
    reason: str = ""

    def check(self, at: datetime) -> "Terms":
        """These terms, if they can be. Raises: UnknownScope, AlreadyOver."""
        policy.check_scope(self.role, self.scope_kind, self.scope_id)
        if self.valid_until is not None and self.valid_until <= at:
            raise policy.AlreadyOver
        return self


def _replace(holder: User | Team, terms: Terms, *, actor: Actor, at: datetime) -> Grant:
    held = Grant.objects.filter(
        **_held_by(holder),
        scope_kind=terms.scope_kind,
        scope_id=terms.scope_id,
        source=GrantSource.MANUAL,
        ended_at__isnull=True,
    ).first()
    if held is not None:
        if (held.role, held.valid_until) == (terms.role, terms.valid_until):
            return held
        policy.require_may_give(actor, [held.role])
        end(held, actor=actor, at=at, reason=terms.reason)
    return give(holder, terms, actor=actor, at=at)


def give(
    holder: User | Team,
    terms: Terms,
    *,
    actor: Actor,
    at: datetime,
    source: GrantSource = GrantSource.MANUAL,
    is_news: bool = True,
) -> Grant:
    """Write a grant that a verb has judged, with its entry and, if it is news, its announcement."""
    grant = Grant.objects.create(
        **_held_by(holder),
        role=terms.role,
        scope_kind=terms.scope_kind,
        scope_id=terms.scope_id,
        source=source,
        valid_from=at,
        valid_until=terms.valid_until,
        granted_by=actor.id,
        reason=terms.reason[:500],
        created_at=at,
    )
    audit.record(
        action="accounts.grant_role",
        subject=("grant", grant.wire_id),
        actor=actor,
        at=at,
        after={"role": terms.role, "scope_kind": terms.scope_kind, "scope_id": terms.scope_id}
        | ({"valid_until": terms.valid_until} if terms.valid_until else {}),
        reason=terms.reason,
        links=[holder.wire_id, *([terms.scope_id] if terms.scope_id else [])],
    )
    if is_news:
        tell_of_grant([holder.id] if isinstance(holder, User) else member_ids(holder), at)
    return grant


def _held_by(holder: User | Team) -> dict[str, User | Team]:
    return {"user" if isinstance(holder, User) else "team": holder}


def tell_of_grant(user_ids: Iterable[UUID], at: datetime) -> None:
    """Announce to these people that they may do more than before."""
    events.publish_many(
        AccountChanged(occurred_at=at, user_id=encode(policy.USER, user_id), what="grant")
        for user_id in user_ids
    )


def end_grant(grant_id: UUID, *, actor: Actor, at: datetime, reason: str = "") -> Grant:
    """End a grant of a person or team; whoever is left without any role is signed out.

    One that has ended stays as it is. Emits SessionRevoked. Audits.
    Raises: NotPermitted, ReauthenticationRequired, OwnGrants, RoleAboveOwn, GrantNotFound,
    LastAdmin.
    """
    policy.require_may_change_rights(actor, at)
    with transaction.atomic():
        found = Grant.objects.filter(id=grant_id).first()
        if found is None:
            raise GrantNotFound
        holders = lock_holders(found)
        grant = Grant.objects.get(id=grant_id)
        if grant.ended_at is not None:
            return grant
        policy.require_others(actor, holders)
        policy.require_may_give(actor, [grant.role])
        end(grant, actor=actor, at=at, reason=reason)
        sign_out_without_role(holders, actor=actor, at=at)
        return grant


def lock_holders(grant: Grant) -> list[UUID]:
    """Lock whom a grant serves: its person, or its team and then the people in it.

    Everybody who changes rights takes locks in this order: team, people by id, grants by id.
    """
    if grant.user_id is not None:
        return [locked_user(grant.user_id).id]
    team = Team.objects.select_for_update(no_key=True).get(id=cast(UUID, grant.team_id))
    return lock_people(member_ids(team))


def end(grant: Grant, *, actor: Actor, at: datetime, reason: str) -> None:
    """End a grant that a verb has judged, with its entry. Raises: LastAdmin."""
    if grant.role == Role.ADMIN:
        require_another_admin(at, than_grant=grant.id)
    grant.ended_at, grant.ended_by = at, actor.id
    grant.save(update_fields=["ended_at", "ended_by"])
    holder = (
        encode(policy.USER, grant.user_id)
        if grant.user_id
        else encode(policy.TEAM, cast(UUID, grant.team_id))
    )
    audit.record(
        action="accounts.end_grant",
        subject=("grant", grant.wire_id),
        actor=actor,
        at=at,
        before={"role": grant.role, "scope_kind": grant.scope_kind, "scope_id": grant.scope_id},
        reason=reason,
        links=[holder, *([grant.scope_id] if grant.scope_id else [])],
    )


def sign_out_without_role(user_ids: Iterable[UUID], *, actor: Actor, at: datetime) -> None:
    """End the sessions of those, among these locked people, who hold no live grant any more."""
    without = set(user_ids)
    live = Grant.objects.live(at)
    without -= set(live.filter(user__in=without).values_list("user_id", flat=True))
    teams = live.filter(team__isnull=False).values("team_id")
    without -= set(
        Membership.objects.filter(user__in=without, team__in=teams).values_list(
            "user_id", flat=True
        )
    )
    for user_id in sorted(without):
        sessions.revoke_all_sessions(user_id, reason="no_role", actor=actor, at=at)


def require_another_admin(
    at: datetime, *, than_grant: UUID | None = None, than_user: UUID | None = None
) -> None:
    """Lock what keeps administrators in power, and refuse to take the last of it away.

    What counts is a grant that an active person holds themselves, given by hand and without end:
    not one from the identity provider, which may fall silent. Teams hold none. Two administrators
    who remove each other meet at the locks; the second statement then sees what the first of them
    did. Raises: LastAdmin.
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
    """The person's row, locked: whoever changes rights or state comes one after the other.

    Not against rows that only refer to it: who locks one of those first waits for nobody here.
    Raises: UserNotFound.
    """
    user = User.objects.select_for_update(no_key=True).filter(id=user_id).first()
    if user is None:
        raise UserNotFound
    return user


def lock_people(user_ids: Iterable[UUID]) -> list[UUID]:
    """Lock the rows of these people in the order of their ids; returns those that are there."""
    rows = User.objects.select_for_update(no_key=True).filter(id__in=list(user_ids))
    return [user.id for user in rows.order_by("id")]


def locked_team(team_id: UUID) -> Team:
    """The team's row, locked: whoever changes what it gives, or whom, comes one after the other.

    Raises: TeamNotFound.
    """
    teams = Team.objects.select_for_update(no_key=True)
    team = teams.filter(id=team_id, deleted_at__isnull=True).first()
    if team is None:
        raise TeamNotFound
    return team


def member_ids(team: Team) -> list[UUID]:
    """The people in a team, by id."""
    members = Membership.objects.filter(team=team).order_by("user_id")
    return list(members.values_list("user_id", flat=True))
