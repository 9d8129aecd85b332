"""The doors of teams. (The view for those on call is another: GET /teams.)"""

from typing import Any

from django.conf import settings
from django.db.models import Count
from rest_framework.request import Request

from accounts import policy, services
from accounts.api import access_examples as examples
from accounts.api import access_filters as filters
from accounts.api import access_forms as forms
from accounts.api.views.base import AccountView
from accounts.api.views.users import REFUSED_TO_CHANGE_RIGHTS, REFUSED_TO_MANAGE
from accounts.models import Membership, Team
from core import wire
from core.errors import NothingToChange
from core.ids import MalformedId, decode
from core.openapi import list_of, operation
from core.pagination import Listing, Sort, read_instant
from core.views import Answer

PATH = {"team_id": "The team's id (tem_...)."}
NOT_THERE = (MalformedId, services.TeamNotFound)


def _forms(teams: list[Team]) -> list[dict[str, Any]]:
    counted = Membership.objects.filter(team__in=teams).values_list("team_id")
    counts = dict(counted.annotate(Count("id")).order_by("team_id"))
    return [forms.team_form(team, counts.get(team.id, 0)) for team in teams]


LISTING: Listing[Team] = Listing(
    sorts={"name": Sort("name"), "created_at": Sort("created_at", read_instant)},
    default="name:asc",
    form=_forms,
)


class _TeamFormView(AccountView):
    """Answers with the team as it is now."""

    def represent(self, subject: str) -> Any:
        team = Team.objects.filter(id=decode(policy.TEAM, subject), deleted_at=None).first()
        if team is None:
            raise services.TeamNotFound
        members = Membership.objects.filter(team=team).select_related("user").order_by("user_id")
        return forms.team_detail_form(team, list(members))


class TeamsView(_TeamFormView):
    @operation(
        "List teams",
        response=list_of(forms.TeamResponse),
        role="admin",
        query=filters.TeamQuery,
        refuses=REFUSED_TO_MANAGE,
        example=examples.page_of(examples.TEAM, "name", "asc"),
    )
    def get(self, request: Request) -> Any:
        policy.require_may_manage_people(self.actor)
        query = wire.read_query(filters.TeamQuery, dict(request.query_params.lists()))
        return LISTING.answer(filters.narrow_teams(query), query)

    @operation(
        "Make a team, without members or rights",
        response=forms.TeamDetailResponse,
        status=201,
        role="admin",
        body=forms.TeamRequest,
        writes=True,
        refuses=(*REFUSED_TO_MANAGE, services.TeamNameTaken),
        body_example={"name": "Core network"},
        example=examples.TEAM_DETAIL | {"member_count": 0, "members": []},
    )
    def post(self, request: Request) -> Answer:
        given = wire.read(forms.TeamRequest, request.data)
        team = services.create_team(given.name, actor=self.actor, at=self.at)
        return Answer(
            subject=team.wire_id,
            status=201,
            location=f"{settings.API_V1_PREFIX}/access/teams/{team.wire_id}",
        )


class TeamView(_TeamFormView):
    @operation(
        "Show a team with its members",
        response=forms.TeamDetailResponse,
        role="admin",
        path=PATH,
        refuses=(*REFUSED_TO_MANAGE, *NOT_THERE),
        example=examples.TEAM_DETAIL,
    )
    def get(self, request: Request, team_id: str) -> Any:
        policy.require_may_manage_people(self.actor)
        return self.represent(team_id)

    @operation(
        "Rename a team",
        response=forms.TeamDetailResponse,
        role="admin",
        body=forms.TeamChange,
        path=PATH,
        writes=True,
        refuses=(*REFUSED_TO_MANAGE, *NOT_THERE, services.TeamNameTaken, NothingToChange),
        body_example={"name": "Core network, nights"},
        example=examples.TEAM_DETAIL | {"name": "Core network, nights"},
    )
    def patch(self, request: Request, team_id: str) -> Answer:
        given = wire.read(forms.TeamChange, request.data)
        if given.name is None:
            raise NothingToChange
        team = services.rename_team(
            decode(policy.TEAM, team_id), given.name, actor=self.actor, at=self.at
        )
        return Answer(subject=team.wire_id)

    @operation(
        "Delete a team with the roles it gives; whoever is left without any is signed out",
        response=None,
        status=204,
        role="admin",
        query=forms.ReasonRequest,
        path=PATH,
        writes=True,
        refuses=(*REFUSED_TO_CHANGE_RIGHTS, *NOT_THERE, policy.OwnGrants, policy.RoleAboveOwn),
    )
    def delete(self, request: Request, team_id: str) -> Answer:
        query = wire.read_query(forms.ReasonRequest, dict(request.query_params.lists()))
        services.delete_team(
            decode(policy.TEAM, team_id), reason=query.reason, actor=self.actor, at=self.at
        )
        return Answer(subject=team_id, status=204)


class MembersView(_TeamFormView):
    @operation(
        "Say who is in a team. To be put in is to be given what the team holds",
        response=forms.TeamDetailResponse,
        role="admin",
        body=forms.MembersRequest,
        path=PATH,
        writes=True,
        refuses=(
            *REFUSED_TO_CHANGE_RIGHTS,
            *NOT_THERE,
            policy.OwnGrants,
            policy.RoleAboveOwn,
            services.UnknownMember,
        ),
        body_example={"user_ids": [examples.USER_ID], "reason": "The new rota."},
        example=examples.TEAM_DETAIL,
    )
    def put(self, request: Request, team_id: str) -> Answer:
        given = wire.read(forms.MembersRequest, request.data)
        team = services.set_members(
            decode(policy.TEAM, team_id),
            [decode(policy.USER, each) for each in given.user_ids],
            reason=given.reason,
            actor=self.actor,
            at=self.at,
        )
        return Answer(subject=team.wire_id)
