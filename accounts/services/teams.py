"""Teams: people who share grants. Who is put into one gets what it gives."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from psycopg import errors as pg

from accounts import policy
from accounts.choices import UserKind, UserStatus
from accounts.models import Grant, Membership, Team, User
from accounts.services import grants
from audit import services as audit
from core.actors import Actor
from core.errors import Conflict, Fault, Invalid
from core.ids import encode

MOST_MEMBERS = 500
_IN_ONE_ENTRY = 40  # an entry names so many people that each one's timeline finds it


class TeamNameTaken(Conflict):
    code = "team_name_taken"
    title = "Team name taken"
    summary = "There is a team of this name. Names of teams do not differ by case alone."


class UnknownMember(Invalid):
    code = "unknown_member"
    title = "Unknown member"
    summary = "A team takes in active persons; service accounts hold grants of their own."


def create_team(name: str, *, actor: Actor, at: datetime) -> Team:
    """Make a team without members or rights. Audits. Raises: NotPermitted, TeamNameTaken."""
    policy.require_may_manage_people(actor)
    team = Team(name=name, created_at=at)
    with transaction.atomic():
        _save(team, new=True)
        audit.record(
            action="accounts.create_team",
            subject=("team", team.wire_id),
            actor=actor,
            at=at,
            after={"name": name},
        )
    return team


def rename_team(team_id: UUID, name: str, *, actor: Actor, at: datetime) -> Team:
    """Give a team another name. Audits. Raises: NotPermitted, TeamNotFound, TeamNameTaken."""
    policy.require_may_manage_people(actor)
    with transaction.atomic():
        team = grants.locked_team(team_id)
        before = team.name
        if before != name:
            team.name = name
            _save(team)
            audit.record(
                action="accounts.rename_team",
                subject=("team", team.wire_id),
                actor=actor,
                at=at,
                before={"name": before},
                after={"name": name},
            )
        return team


def _save(team: Team, *, new: bool = False) -> None:
    try:
        with transaction.atomic():
            team.save(force_insert=new, update_fields=None if new else ["name"])
    except IntegrityError as error:
        if isinstance(error.__cause__, pg.UniqueViolation):
            raise TeamNameTaken from None
        raise


def delete_team(team_id: UUID, *, actor: Actor, at: datetime, reason: str = "") -> Team:
    """End a team with all it gives; whoever is left without any role is signed out.

    Emits SessionRevoked. Audits accounts.delete_team, and accounts.end_grant for each grant.
    Raises: NotPermitted, ReauthenticationRequired, OwnGrants, RoleAboveOwn, TeamNotFound.
    """
    policy.require_may_change_rights(actor, at)
    with transaction.atomic():
        team = grants.locked_team(team_id)
        members = grants.lock_people(grants.member_ids(team))
        _require_may_move(actor, team, members, at)
        for grant in Grant.objects.filter(team=team, ended_at__isnull=True).order_by("id"):
            grants.end(grant, actor=actor, at=at, reason=reason)
        Membership.objects.filter(team=team).delete()
        team.deleted_at = at
        team.save(update_fields=["deleted_at"])
        _record("delete_team", team, (), members, actor=actor, at=at, reason=reason)
        grants.sign_out_without_role(members, actor=actor, at=at)
        return team


def set_members(
    team_id: UUID, user_ids: Collection[UUID], *, actor: Actor, at: datetime, reason: str = ""
) -> Team:
    """Let a team consist of these people. To be put in is to be given what the team holds.

    Those who are in it may stay whatever has become of them; newcomers are active persons.
    Emits AccountChanged, SessionRevoked. Audits.
    Raises: NotPermitted, ReauthenticationRequired, OwnGrants, RoleAboveOwn, TeamNotFound,
    UnknownMember.
    """
    policy.require_may_change_rights(actor, at)
    with transaction.atomic():
        team = grants.locked_team(team_id)
        held = grants.member_ids(team)
        joined = sorted(set(user_ids) - set(held))
        left = sorted(set(held) - set(user_ids))
        if not joined and not left:
            return team
        grants.lock_people([*joined, *left])
        _require_active(user_ids, joined)
        gives = _require_may_move(actor, team, [*joined, *left], at)
        Membership.objects.filter(team=team, user__in=left).delete()
        Membership.objects.bulk_create(Membership(team=team, user_id=each) for each in joined)
        _record("set_members", team, joined, left, actor=actor, at=at, reason=reason)
        if gives:
            grants.tell_of_grant(joined, at)
        grants.sign_out_without_role(left, actor=actor, at=at)
        return team


def _require_may_move(actor: Actor, team: Team, user_ids: Sequence[UUID], at: datetime) -> bool:
    """Whether these people gain or lose rights; refuses as granting does."""
    roles = list(Grant.objects.filter(team=team).live(at).values_list("role", flat=True))
    if roles:
        policy.require_others(actor, user_ids)
        policy.require_may_give(actor, roles)
    return bool(roles)


def _require_active(named: Collection[UUID], joined: Sequence[UUID]) -> None:
    active = set(
        User.objects.filter(
            id__in=joined, status=UserStatus.ACTIVE, kind=UserKind.PERSON
        ).values_list("id", flat=True)
    )
    unknown = [
        Fault(f"/user_ids/{index}", "unknown_member", "There is no such active person.")
        for index, each in enumerate(named)
        if each in joined and each not in active
    ]
    if unknown:
        raise UnknownMember(faults=unknown)


def _record(
    verb: str,
    team: Team,
    joined: Sequence[UUID],
    left: Sequence[UUID],
    *,
    actor: Actor,
    at: datetime,
    reason: str,
) -> None:
    moved = [("joined", each) for each in joined] + [("left", each) for each in left]
    pieces = [moved[start : start + _IN_ONE_ENTRY] for start in range(0, len(moved), _IN_ONE_ENTRY)]
    audit.record_many(
        audit.Record(
            action=f"accounts.{verb}",
            subject=("team", team.wire_id),
            actor=actor,
            at=at,
            after={
                way: [encode(policy.USER, each) for moved_so, each in piece if moved_so == way]
                for way in dict.fromkeys(way for way, _ in piece)
            },
            reason=reason,
            links=[encode(policy.USER, each) for _, each in piece],
        )
        for piece in pieces or [[]]
    )
