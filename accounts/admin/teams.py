"""Teams: who is in, and what they share."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.urls import reverse

from accounts import services
from accounts.admin import forms
from accounts.admin.page import LATEST, Page, grant_state, link, stamp, trail
from accounts.admin.places import places, where
from accounts.models import Grant, Team
from core.actors import Actor
from core.desk import Act, Section

Given = dict[str, Any]


def _add(_: None, given: Given, *, actor: Actor, at: datetime) -> Team:
    return services.create_team(given["name"], actor=actor, at=at)


def _rename(team: Team, given: Given, *, actor: Actor, at: datetime) -> None:
    services.rename_team(team.id, given["name"], actor=actor, at=at)


def _set_members(team: Team, given: Given, *, actor: Actor, at: datetime) -> None:
    services.set_members(team.id, given["members"], actor=actor, at=at, reason=given["reason"])


def _grant(team: Team, given: Given, *, actor: Actor, at: datetime) -> None:
    services.grant_team_role(team.id, **forms.without(given, "place"), actor=actor, at=at)


def _dissolve(team: Team, given: Given, *, actor: Actor, at: datetime) -> None:
    services.delete_team(team.id, actor=actor, at=at, reason=given["reason"])


def _members_now(team: Team) -> Mapping[str, Any]:
    members = dict(team.members.order_by("email").values_list("email", "id"))
    return {"members": "\n".join(str(email) for email in members), "known": members}


@admin.register(Team)
class TeamAdmin(Page):
    prefix = "tem"
    list_display = ("name", "member_count", "grant_count", "created_at")
    search_fields = ("name",)
    search_help_text = "Name, or exact id (tem_...)"
    ordering = ("name", "id")
    fields = ("wire_id", "name", "created_at")
    acts = {
        "add": Act("Add a team", _add, forms.NameForm, done="is added.", on_rows=False),
        "members": Act(
            "Change members",
            _set_members,
            forms.MembersForm,
            "Who is put in gets what the team holds; who is taken out loses it at once.",
            "has these members now.",
            in_lists=False,
            needs_proof=True,
            start=_members_now,
        ),
        "grant": Act(
            "Give a role",
            _grant,
            forms.GrantForm,
            "Everybody in the team has it from the next request on.",
            "has the role.",
            in_lists=False,
            needs_proof=True,
        ),
        "rename": Act(
            "Rename",
            _rename,
            forms.NameForm,
            done="is renamed.",
            in_lists=False,
            start=lambda team: {"name": team.name},
        ),
        "dissolve": Act(
            "Dissolve",
            _dissolve,
            about="Its members lose what it gave them; who is left without any role is signed out.",
            done="is dissolved.",
            in_lists=False,
            is_grave=True,
            needs_proof=True,
        ),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        live = Q(grants__ended_at__isnull=True) & (
            Q(grants__valid_until__isnull=True) | Q(grants__valid_until__gt=Now())
        )
        teams: QuerySet[Team] = super().get_queryset(request)
        return teams.filter(deleted_at__isnull=True).annotate(
            members_n=Count("memberships", distinct=True),
            grants_n=Count("grants", distinct=True, filter=live),
        )

    @admin.display(description="Id")
    def wire_id(self, team: Team) -> str:
        return team.wire_id

    @admin.display(description="Members", ordering="members_n")
    def member_count(self, team: Team) -> int:
        return team.members_n  # type: ignore[attr-defined, no-any-return]

    @admin.display(description="Roles", ordering="grants_n")
    def grant_count(self, team: Team) -> int:
        return team.grants_n  # type: ignore[attr-defined, no-any-return]

    def sections(self, request: HttpRequest, row: Team) -> Sequence[Section]:
        return [
            self._members(row),
            self._grants(row, self.may_act(request, "")),
            trail(row.wire_id),
        ]

    @staticmethod
    def _members(team: Team) -> Section:
        return Section(
            "Members",
            ("Who", "Status"),
            [
                (
                    link(str(each), reverse("admin:accounts_user_change", args=[each.id])),
                    each.get_status_display(),
                )
                for each in team.members.order_by("email", "id")
            ],
        )

    @staticmethod
    def _grants(team: Team, may_act: bool) -> Section:
        grants = list(Grant.objects.filter(team=team).order_by("-id")[:LATEST])
        known = places(grants)
        end = reverse("admin:accounts_grant_act", args=["end"])
        return Section(
            "Roles",
            ("Role", "Where", "State", "Since", "Until", "Why", ""),
            [
                (
                    each.get_role_display(),
                    where(each, known),
                    grant_state(each)[1],
                    stamp(each.valid_from),
                    stamp(each.valid_until) if each.valid_until else "open",
                    each.reason,
                    link("End…", f"{end}?ids={each.id}")
                    if may_act and each.ended_at is None
                    else "",
                )
                for each in grants
            ],
        )
