"""People and service accounts: who holds what, how they are in, and what may be done about it."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import display

from accounts import queries
from accounts.admin.acts_on_people import ACTS
from accounts.admin.page import (
    LATEST,
    Page,
    State,
    browser,
    grant_state,
    key_state,
    link,
    session_state,
    spell,
    stamp,
    trail,
)
from accounts.admin.places import places, where
from accounts.choices import Role, UserKind, UserStatus
from accounts.models import ApiKey, Grant, OneTimeDevice, Session, User
from core.actors import ROLES
from core.desk import Button, Section

STATUS_COLOURS = {
    UserStatus.ACTIVE: "success",
    UserStatus.DISABLED: "warning",
    UserStatus.ERASED: "default",
}
ROLE_COLOURS = {
    Role.VIEWER: "default",
    Role.OPERATOR: "info",
    Role.ENGINEER: "info",
    Role.MANAGER: "warning",
    Role.ADMIN: "danger",
}


class RoleFilter(SimpleListFilter):
    """By the highest role that somebody holds anywhere, by themselves or by a team."""

    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[State]:
        return [*Role.choices, ("none", "No role")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        wanted = self.value()
        if wanted == "none":
            return queryset.filter(~Exists(_held()))
        if wanted not in ROLES:
            return queryset
        higher = ROLES[ROLES.index(wanted) + 1 :]
        return queryset.filter(
            Exists(_held().filter(role=wanted)), ~Exists(_held().filter(role__in=higher))
        )


class AttentionFilter(SimpleListFilter):
    title = "what is missing"
    parameter_name = "missing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[State]:
        return [
            ("no_second_factor", "Staff without second factor"),
            ("no_responsible", "Services without responsible"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() == "no_second_factor":
            staff = _held().filter(role__in=ROLES[ROLES.index(Role.OPERATOR) :])
            people = queryset.filter(kind=UserKind.PERSON, status=UserStatus.ACTIVE)
            return people.filter(Exists(staff), ~Exists(_devices()))
        if self.value() == "no_responsible":
            services_only = queryset.filter(kind=UserKind.SERVICE, status=UserStatus.ACTIVE)
            return services_only.exclude(responsible__status=UserStatus.ACTIVE)
        return queryset


def _held() -> QuerySet[Grant]:
    """The live grants of the person of a row, own and of teams."""
    person = OuterRef("pk")
    held = Q(user=person) | Q(team__memberships__user=person)
    return Grant.objects.live(timezone.now()).filter(held)


def _devices() -> QuerySet[OneTimeDevice]:
    """The second factor of the person of a row."""
    return OneTimeDevice.objects.filter(user=OuterRef("pk"), confirmed_at__isnull=False)


@admin.register(User)
class UserAdmin(Page):
    prefix = "usr"
    list_display = (
        "who",
        "shown_role",
        "second_factor",
        "live_sessions",
        "last_sign_in",
        "shown_status",
    )
    list_filter = ("status", "kind", RoleFilter, AttentionFilter)
    list_filter_submit = True
    search_fields = ("email", "full_name")
    search_help_text = "E-mail, name, or exact id (usr_...)"
    ordering = ("email", "full_name", "id")
    acts = ACTS

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        live = Session.objects.live(timezone.now()).filter(user=OuterRef("pk"))
        counted = live.order_by().values("user")
        return queries.with_grants().annotate(
            has_device=Exists(_devices()),
            session_count=Coalesce(
                Subquery(counted.annotate(n=Count("pk")).values("n"), IntegerField()), 0
            ),
        )

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> Sequence[Any]:
        if obj is not None and obj.kind == UserKind.SERVICE:
            return [
                ("full_name", "status"),
                "wire_id",
                ("highest_role", "responsible"),
                "created_at",
            ]
        return [
            ("full_name", "status"),
            ("email", "timezone"),
            "wire_id",
            ("highest_role", "has_second_factor"),
            ("last_sign_in", "password_changed_at"),
            ("created_at", "stellar_wallet"),
        ]

    def acts_on(self, request: HttpRequest, row: User) -> Sequence[str]:
        if row.status == UserStatus.ERASED:
            return ()
        is_person = row.kind == UserKind.PERSON
        is_active = row.status == UserStatus.ACTIVE
        is_other = row.wire_id != self.actor_of(request).id
        offered = {
            "grant": is_other and is_active,
            "hand_over": not is_person,
            "sign_out": is_person and is_active,
            "unlock": is_person and is_active,
            "reset_2fa": is_other and row.has_second_factor,
            "disable": is_active,
            "enable": not is_active,
            "erase": is_other,
        }
        return [name for name, is_offered in offered.items() if is_offered]

    # --- what is shown ---------------------------------------------------------------------------

    @display(description="Who", header=True, ordering="email")  # type: ignore[untyped-decorator]
    def who(self, user: User) -> tuple[str, str]:
        if user.kind == UserKind.SERVICE:
            return user.full_name, "Service account"
        return user.full_name, user.email or ""

    @admin.display(description="Id")
    def wire_id(self, user: User) -> str:
        return user.wire_id

    @display(description="Role", label=ROLE_COLOURS)  # type: ignore[untyped-decorator]
    def shown_role(self, user: User) -> State | None:
        role = user.role
        return (role, Role(role).label) if role else None

    @admin.display(description="Role")
    def highest_role(self, user: User) -> str:
        return Role(user.role).label if user.role else "None"

    @display(  # type: ignore[untyped-decorator]
        description="Second factor",
        label={"on": "success", "off": "default", "missing": "warning"},
    )
    def second_factor(self, user: User) -> State | None:
        if user.kind == UserKind.SERVICE:
            return None
        if user.has_device:  # type: ignore[attr-defined]
            return "on", "Set up"
        return ("missing" if user.is_staff else "off"), "None"

    @admin.display(description="Second factor", boolean=True)
    def has_second_factor(self, user: User) -> bool:
        return user.has_second_factor

    @admin.display(description="Live sessions", ordering="session_count")
    def live_sessions(self, user: User) -> int:
        return user.session_count  # type: ignore[attr-defined, no-any-return]

    @admin.display(description="Last sign-in", ordering="last_login_at")
    def last_sign_in(self, user: User) -> str:
        return spell(user.last_login_at)

    @display(description="Status", label=STATUS_COLOURS, ordering="status")  # type: ignore[untyped-decorator]
    def shown_status(self, user: User) -> State:
        return user.status, user.get_status_display()

    def sections(self, request: HttpRequest, row: User) -> Sequence[Section]:
        may_act = self.may_act(request, "")
        found = [self._grants(row, may_act=may_act)]
        if row.kind == UserKind.PERSON:
            found.append(self._sessions(row, may_act=may_act))
        if may_act:
            found.append(self._keys(row))
        if row.kind == UserKind.PERSON:
            found.append(self._answers_for(row))
        return [*found, trail(row.wire_id)]

    def _grants(self, user: User, *, may_act: bool) -> Section:
        rows = Grant.objects.held_by(user.id).select_related("team")
        if not may_act:  # the API shows no more to managers
            rows = rows.live(timezone.now())
        grants = list(rows.order_by("ended_at", "-id")[:LATEST])  # those that hold come first
        grants.sort(key=lambda each: each.ended_at is not None)
        known, names = places(grants), queries.names([each.granted_by for each in grants])
        end = reverse("admin:accounts_grant_act", args=["end"])
        return Section(
            "Roles",
            ("Role", "Where", "State", "Since", "Until", "By", "Why", ""),
            [
                (
                    each.get_role_display(),
                    where(each, known),
                    grant_state(each)[1],
                    stamp(each.valid_from),
                    stamp(each.valid_until) if each.valid_until else "open",
                    f"team {each.team.name}"
                    if each.team
                    else names.get(each.granted_by, each.granted_by),
                    each.reason,
                    link("End…", f"{end}?ids={each.id}")
                    if may_act and each.ended_at is None and each.team_id is None
                    else "",
                )
                for each in grants
            ],
        )

    def _sessions(self, user: User, *, may_act: bool) -> Section:
        rows = Session.objects.filter(user=user).order_by("-last_seen_at", "-id")[:LATEST]
        end = reverse("admin:accounts_session_act", args=["end"])
        now = timezone.now()
        return Section(
            "Sessions",
            ("Opened", "Last seen", "Kind", "State", "From", "Browser", ""),
            [
                (
                    stamp(each.created_at),
                    stamp(each.last_seen_at),
                    each.get_kind_display(),
                    session_state(each, now)[1],
                    each.address,
                    browser(each.user_agent),
                    link("End…", f"{end}?ids={each.id}")
                    if may_act and session_state(each, now)[0] == "live"
                    else "",
                )
                for each in rows
            ],
        )

    def _keys(self, user: User) -> Section:
        keys = ApiKey.objects.filter(user=user).order_by("-id")[:LATEST]
        make = reverse("admin:accounts_apikey_act", args=["make"])
        now = timezone.now()
        return Section(
            "API keys",
            ("Key", "Name", "State", "May", "Ends", "Last used"),
            [
                (
                    link(
                        f"noc_{each.public_id}…",
                        reverse("admin:accounts_apikey_change", args=[each.id]),
                    ),
                    each.name,
                    key_state(each, now)[1],
                    ", ".join(each.scopes),
                    stamp(each.expires_at),
                    stamp(each.last_used_at),
                )
                for each in keys
            ],
            [Button("New key…", f"{make}?owner={user.wire_id}")]
            if user.status == UserStatus.ACTIVE
            else (),
        )

    def _answers_for(self, user: User) -> Section:
        return Section(
            "Answers for",
            ("Service account", "Status"),
            [
                (
                    link(each.full_name, reverse("admin:accounts_user_change", args=[each.id])),
                    each.get_status_display(),
                )
                for each in user.services.order_by("full_name", "id")
            ],
        )
