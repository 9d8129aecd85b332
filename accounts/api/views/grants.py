"""The doors of grants: who may do what where, and since when."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework.request import Request

from accounts import policy, services
from accounts.api import access_examples as examples
from accounts.api import access_filters as filters
from accounts.api import access_forms as forms
from accounts.api.scopes import known_scope
from accounts.api.views.base import AccountView
from accounts.api.views.users import REFUSED_TO_CHANGE_RIGHTS, REFUSED_TO_MANAGE
from accounts.models import Grant, Team, User
from core import wire
from core.ids import MalformedId, decode
from core.openapi import list_of, operation
from core.pagination import Listing, Sort, read_instant
from core.views import Answer

USER_PATH = {"user_id": "The account's id (usr_...)."}
TEAM_PATH = {"team_id": "The team's id (tem_...)."}
PATH = {"grant_id": "The grant's id (grt_...)."}
TEAM_GRANT = examples.GRANT | {"user_id": None, "team_id": examples.TEAM_ID}
REFUSED_TO_GIVE = (
    *REFUSED_TO_CHANGE_RIGHTS,
    MalformedId,
    policy.OwnGrants,
    policy.RoleAboveOwn,
    policy.UnknownScope,
    policy.AlreadyOver,
)
LISTING: Listing[Grant] = Listing(
    sorts={"created_at": Sort("created_at", read_instant)},
    default="created_at:desc",
    form=forms.grant_detail_forms,
)


class _GrantFormView(AccountView):
    def represent(self, subject: str) -> Any:
        grant = Grant.objects.filter(id=decode(policy.GRANT, subject)).first()
        if grant is None:
            raise services.GrantNotFound
        return forms.grant_detail_form(grant)

    def give(
        self, request: Request, verb: Callable[..., Grant], holder_id: UUID, at: datetime
    ) -> Answer:
        """Read the terms, see that the place exists, give the role."""
        policy.require_may_change_rights(self.actor, at)
        given = wire.read(forms.GrantRequest, request.data)
        grant = verb(
            holder_id,
            given.role,
            scope_kind=given.scope_kind,
            scope_id=known_scope(given.scope_kind, given.scope_id),
            valid_until=given.valid_until,
            reason=given.reason,
            actor=self.actor,
            at=at,
        )
        return Answer(
            subject=grant.wire_id,
            status=201 if grant.created_at == at else 200,
            location=f"{settings.API_V1_PREFIX}/access/grants/{grant.wire_id}",
        )


class UserGrantsView(_GrantFormView):
    @operation(
        "List the grants of an account, its own and those of its teams",
        response=list_of(forms.GrantDetailResponse),
        role="admin",
        query=filters.GrantQuery,
        path=USER_PATH,
        refuses=(*REFUSED_TO_MANAGE, MalformedId, services.UserNotFound),
        example=examples.page_of(examples.GRANT, "created_at"),
    )
    def get(self, request: Request, user_id: str) -> Any:
        policy.require_may_manage_people(self.actor)
        query = wire.read_query(filters.GrantQuery, dict(request.query_params.lists()))
        holder_id = decode(policy.USER, user_id)
        if not User.objects.filter(id=holder_id).exists():
            raise services.UserNotFound
        rows = Grant.objects.held_by(holder_id)
        return LISTING.answer(filters.narrow_grants(rows, query, self.at), query)

    @operation(
        "Give an account a role in a place, instead of the one it holds there",
        response=forms.GrantDetailResponse,
        status=201,
        role="admin",
        body=forms.GrantRequest,
        path=USER_PATH,
        writes=True,
        refuses=(*REFUSED_TO_GIVE, services.UserNotFound, services.LastAdmin),
        body_example=examples.NEW_GRANT,
        example=examples.GRANT,
        also={(200, "application/json"): (forms.GrantDetailResponse, examples.GRANT)},
    )
    def post(self, request: Request, user_id: str) -> Answer:
        holder_id = decode(policy.USER, user_id)
        return self.give(request, services.grant_role, holder_id, self.at)


class TeamGrantsView(_GrantFormView):
    @operation(
        "List the grants of a team",
        response=list_of(forms.GrantDetailResponse),
        role="admin",
        query=filters.GrantQuery,
        path=TEAM_PATH,
        refuses=(*REFUSED_TO_MANAGE, MalformedId, services.TeamNotFound),
        example=examples.page_of(
            examples.GRANT | {"user_id": None, "team_id": examples.TEAM_ID}, "created_at"
        ),
    )
    def get(self, request: Request, team_id: str) -> Any:
        policy.require_may_manage_people(self.actor)
        query = wire.read_query(filters.GrantQuery, dict(request.query_params.lists()))
        holder_id = decode(policy.TEAM, team_id)
        if not Team.objects.filter(id=holder_id, deleted_at__isnull=True).exists():
            raise services.TeamNotFound
        rows = Grant.objects.filter(team_id=holder_id)
        return LISTING.answer(filters.narrow_grants(rows, query, self.at), query)

    @operation(
        "Give everybody in a team a role in a place; never admin",
        response=forms.GrantDetailResponse,
        status=201,
        role="admin",
        body=forms.GrantRequest,
        path=TEAM_PATH,
        writes=True,
        refuses=(*REFUSED_TO_GIVE, services.TeamNotFound, policy.RoleNotForTeams),
        body_example=examples.NEW_GRANT,
        example=TEAM_GRANT,
        also={(200, "application/json"): (forms.GrantDetailResponse, TEAM_GRANT)},
    )
    def post(self, request: Request, team_id: str) -> Answer:
        holder_id = decode(policy.TEAM, team_id)
        return self.give(request, services.grant_team_role, holder_id, self.at)


class GrantView(_GrantFormView):
    @operation(
        "Show a grant",
        response=forms.GrantDetailResponse,
        role="admin",
        path=PATH,
        refuses=(*REFUSED_TO_MANAGE, MalformedId, services.GrantNotFound),
        example=examples.GRANT,
    )
    def get(self, request: Request, grant_id: str) -> Any:
        policy.require_may_manage_people(self.actor)
        return self.represent(grant_id)

    @operation(
        "End a grant; whoever is left without any role is signed out",
        response=None,
        status=204,
        role="admin",
        query=forms.ReasonRequest,
        path=PATH,
        writes=True,
        refuses=(
            *REFUSED_TO_CHANGE_RIGHTS,
            MalformedId,
            policy.OwnGrants,
            policy.RoleAboveOwn,
            services.GrantNotFound,
            services.LastAdmin,
        ),
    )
    def delete(self, request: Request, grant_id: str) -> Answer:
        query = wire.read_query(forms.ReasonRequest, dict(request.query_params.lists()))
        services.end_grant(
            decode(policy.GRANT, grant_id), reason=query.reason, actor=self.actor, at=self.at
        )
        return Answer(subject=grant_id, status=204)
