"""Who there is, and who may be asked for something."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from accounts import policy
from accounts.choices import ScopeKind, UserKind, UserStatus
from accounts.models import Grant, Membership, Team, User
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
    found = User.objects.filter(named_any([str(named)])).first()
    return _person(found) if found else None


def active_people(named: Collection[str]) -> dict[str, UUID]:
    """Find active persons by id or e-mail; keyed by each name as given, in lower case."""
    found: dict[str, UUID] = {}
    people = User.objects.filter(
        named_any(named), status=UserStatus.ACTIVE, kind=UserKind.PERSON
    ).values_list("id", "email")
    by_key = {key: pk for pk, email in people for key in (pk, email)}
    for name in named:
        match = by_key.get(user_id_of(name)) or by_key.get(policy.normal_email(name))
        if match is not None:
            found[name.lower()] = match
    return found


def named_any(names: Iterable[str]) -> Q:
    """Narrow people to those with one of these ids or e-mails."""
    ids, emails = [], []
    for name in names:
        user_id = user_id_of(name)
        if user_id is not None:
            ids.append(user_id)
        elif "@" in name and "\x00" not in name:
            emails.append(policy.normal_email(name))
    return Q(id__in=ids) | Q(email__in=emails)


def user_id_of(name: str) -> UUID | None:
    """Read the id of a person; None for what is none."""
    try:
        return decode(policy.USER, name.strip())
    except MalformedId:
        return None


@dataclass(frozen=True)
class TeamFacts:
    """What other domains may know of a team."""

    id: UUID
    name: str

    @property
    def wire_id(self) -> str:
        return encode(policy.TEAM, self.id)


def team(named: str) -> TeamFacts | None:
    """Find a team by name, in any case, or by id (``tem_...`` or UUID)."""
    wanted = Q(name__iexact=named.strip())
    with suppress(MalformedId):
        wanted |= Q(id=decode(policy.TEAM, named.strip()))
    found = Team.objects.filter(wanted, deleted_at__isnull=True).order_by("id").first()
    return TeamFacts(found.id, found.name) if found else None


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


def names(wire_ids: Collection[str]) -> dict[str, str]:
    """What people are called, by wire id; ids of nobody are missing. One query."""
    ids = [found for each in wire_ids if (found := user_id_of(each)) is not None]
    people = User.objects.filter(id__in=ids).values_list("id", "full_name", "email")
    return {encode(policy.USER, pk): email or full_name for pk, full_name, email in people}


def service_accounts(actor: Actor) -> QuerySet[User]:
    """The accounts of machines, each with who answers for it. Raises: NotPermitted."""
    policy.require_may_manage_people(actor)
    return with_grants().filter(kind=UserKind.SERVICE).select_related("responsible")


def services_without_responsible() -> int:
    """How many active service accounts nobody active answers for."""
    active = User.objects.filter(kind=UserKind.SERVICE, status=UserStatus.ACTIVE)
    return active.exclude(responsible__status=UserStatus.ACTIVE).count()
