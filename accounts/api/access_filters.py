"""How the lists of people, grants, teams and group mappings are narrowed."""

from datetime import datetime
from typing import Annotated

from django.db.models import (
    Case,
    Exists,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Greatest
from pydantic import Field

from accounts import policy, queries
from accounts.choices import GrantSource, Role, UserKind, UserStatus
from accounts.models import Grant, GroupMapping, OneTimeDevice, Team, User
from core import wire
from core.actors import ROLES
from core.ids import MalformedId, decode
from core.pagination import ListQuery

NO_ROLE = "none"
_HAS_DEVICE = Exists(OneTimeDevice.objects.filter(user=OuterRef("pk"), confirmed_at__isnull=False))
_RANKS = {NO_ROLE: 0} | {role: rank for rank, role in enumerate(ROLES, start=1)}


class UserQuery(ListQuery):
    """The filters of GET /access/users."""

    search: Annotated[str, wire.text(1, 254)] | None = Field(
        None, description="Part of an e-mail address or name, or exactly an id."
    )
    role: Annotated[list[str], wire.many([*Role.values, NO_ROLE])] = Field(
        default_factory=list, description="The highest they hold anywhere now."
    )
    status: Annotated[list[str], wire.many(UserStatus.values)] = Field(default_factory=list)
    kind: Annotated[list[str], wire.many(UserKind.values)] = Field(default_factory=list)
    mfa: wire.Flag | None = Field(None, description="With, or without, a second factor.")


class GrantQuery(ListQuery):
    """The filters of the grants of a person or team."""

    is_live: wire.Flag | None = Field(None, description="Neither ended nor run out.")
    role: Annotated[list[str], wire.many(Role.values)] = Field(default_factory=list)
    source: Annotated[list[str], wire.many(GrantSource.values)] = Field(default_factory=list)


class TeamQuery(ListQuery):
    """The filters of GET /access/teams."""

    search: Annotated[str, wire.text(1, 100)] | None = Field(None, description="Part of the name.")


class GroupMappingQuery(ListQuery):
    """The filters of GET /access/group-mappings."""

    provider: Annotated[str, wire.text(1, 64)] | None = None
    claim_value: Annotated[str, wire.text(1, 255)] | None = Field(None, description="Exactly.")
    role: Annotated[list[str], wire.many(Role.values)] = Field(default_factory=list)


def accounts() -> QuerySet[User]:
    """People and services with all that their forms tell, however many: three more queries."""
    return queries.with_grants().annotate(has_device=_HAS_DEVICE)


def narrow_users(query: UserQuery, at: datetime) -> QuerySet[User]:
    rows = accounts()
    if query.search:
        rows = rows.filter(_found_by(query.search))
    if query.role:
        ranks = [_RANKS[role] for role in query.role]
        rows = rows.alias(rank=_highest_rank(at)).filter(rank__in=ranks)
    if query.status:
        rows = rows.filter(status__in=query.status)
    if query.kind:
        rows = rows.filter(kind__in=query.kind)
    if query.mfa is not None:
        rows = rows.filter(_HAS_DEVICE if query.mfa else ~_HAS_DEVICE)
    return rows


def _found_by(text: str) -> Q:
    wanted = Q(email__icontains=policy.normal_email(text)) | Q(full_name__icontains=text)
    try:
        return wanted | Q(id=decode(policy.USER, text))
    except MalformedId:
        return wanted


def _highest_rank(at: datetime) -> Greatest:
    ranked = Case(
        *(When(role=role, then=Value(rank)) for role, rank in _RANKS.items()),
        output_field=IntegerField(),
    )
    live = Grant.objects.live(at).annotate(one=Value(1)).values("one")
    own = live.filter(user=OuterRef("pk"))
    shared = live.filter(team__memberships__user=OuterRef("pk"))
    tops = [held.annotate(top=Max(ranked)).values("top") for held in (own, shared)]
    return Greatest(*(Coalesce(Subquery(top), 0) for top in tops))


def narrow_grants(rows: QuerySet[Grant], query: GrantQuery, at: datetime) -> QuerySet[Grant]:
    if query.is_live is not None:
        live = Grant.objects.live(at).filter(id=OuterRef("id"))
        rows = rows.filter(Exists(live) if query.is_live else ~Exists(live))
    if query.role:
        rows = rows.filter(role__in=query.role)
    if query.source:
        rows = rows.filter(source__in=query.source)
    return rows


def narrow_teams(query: TeamQuery) -> QuerySet[Team]:
    rows = Team.objects.filter(deleted_at__isnull=True)
    return rows.filter(name__icontains=query.search) if query.search else rows


def narrow_group_mappings(query: GroupMappingQuery) -> QuerySet[GroupMapping]:
    rows = GroupMapping.objects.all()
    if query.provider:
        rows = rows.filter(provider=query.provider)
    if query.claim_value:
        rows = rows.filter(claim_value=query.claim_value)
    return rows.filter(role__in=query.role) if query.role else rows
