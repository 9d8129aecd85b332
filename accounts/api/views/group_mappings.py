"""The doors of group mappings: what groups of the identity provider give."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request

from accounts import policy, services
from accounts.api import access_examples as examples
from accounts.api import access_filters as filters
from accounts.api import access_forms as forms
from accounts.api.scopes import known_scope
from accounts.api.views.base import AccountView
from accounts.api.views.users import REFUSED_TO_CHANGE_RIGHTS, REFUSED_TO_MANAGE
from accounts.models import GroupMapping
from core import wire
from core.ids import MalformedId, decode
from core.openapi import list_of, operation
from core.pagination import Listing, Sort, read_instant
from core.views import Answer

PATH = {"mapping_id": "The mapping's id (gmp_...)."}
NOT_THERE = (MalformedId, services.GroupMappingNotFound)
LISTING: Listing[GroupMapping] = Listing(
    sorts={
        "claim_value": Sort("claim_value"),
        "created_at": Sort("created_at", read_instant),
    },
    default="claim_value:asc",
    form=forms.group_mapping_forms,
)


class _GroupMappingFormView(AccountView):
    """Answers with the mapping as it is now."""

    def represent(self, subject: str) -> Any:
        mapping = GroupMapping.objects.filter(id=decode(policy.GROUP_MAPPING, subject)).first()
        if mapping is None:
            raise services.GroupMappingNotFound
        return forms.group_mapping_form(mapping)


class GroupMappingsView(_GroupMappingFormView):
    @operation(
        "List what groups give",
        response=list_of(forms.GroupMappingResponse),
        role="admin",
        query=filters.GroupMappingQuery,
        refuses=REFUSED_TO_MANAGE,
        example=examples.page_of(examples.GROUP_MAPPING, "claim_value", "asc"),
    )
    def get(self, request: Request) -> Any:
        policy.require_may_manage_people(self.actor)
        query = wire.read_query(filters.GroupMappingQuery, dict(request.query_params.lists()))
        return LISTING.answer(filters.narrow_group_mappings(query), query)

    @operation(
        "Let a group give a role in a place, from the next sign-in of each person on",
        response=forms.GroupMappingResponse,
        status=201,
        role="admin",
        body=forms.GroupMappingRequest,
        writes=True,
        refuses=(
            *REFUSED_TO_CHANGE_RIGHTS,
            policy.RoleAboveOwn,
            policy.UnknownScope,
            services.GroupMappingTaken,
        ),
        body_example={"claim_value": "noc-engineers", "role": "engineer"},
        example=examples.GROUP_MAPPING,
    )
    def post(self, request: Request) -> Answer:
        policy.require_may_change_rights(self.actor, self.at)
        given = wire.read(forms.GroupMappingRequest, request.data)
        mapping = services.create_group_mapping(
            services.Mapped(
                provider=given.provider or settings.OAUTH_PROVIDER_ID,
                claim_value=given.claim_value,
                role=given.role,
                scope_kind=given.scope_kind,
                scope_id=known_scope(given.scope_kind, given.scope_id),
            ),
            actor=self.actor,
            at=self.at,
        )
        return Answer(
            subject=mapping.wire_id,
            status=201,
            location=f"{settings.API_V1_PREFIX}/access/group-mappings/{mapping.wire_id}",
        )


class GroupMappingView(_GroupMappingFormView):
    @operation(
        "Show what a group gives",
        response=forms.GroupMappingResponse,
        role="admin",
        path=PATH,
        refuses=(*REFUSED_TO_MANAGE, *NOT_THERE),
        example=examples.GROUP_MAPPING,
    )
    def get(self, request: Request, mapping_id: str) -> Any:
        policy.require_may_manage_people(self.actor)
        return self.represent(mapping_id)

    @operation(
        "Let a group give another role",
        response=forms.GroupMappingResponse,
        role="admin",
        body=forms.GroupMappingChange,
        path=PATH,
        writes=True,
        refuses=(
            *REFUSED_TO_CHANGE_RIGHTS,
            *NOT_THERE,
            policy.RoleAboveOwn,
            policy.UnknownScope,
        ),
        body_example={"role": "operator"},
        example=examples.GROUP_MAPPING | {"role": "operator"},
    )
    def patch(self, request: Request, mapping_id: str) -> Answer:
        given = wire.read(forms.GroupMappingChange, request.data)
        mapping = services.change_group_mapping(
            decode(policy.GROUP_MAPPING, mapping_id), given.role, actor=self.actor, at=self.at
        )
        return Answer(subject=mapping.wire_id)

    @operation(
        "Let a group give nothing any more",
        response=None,
        status=204,
        role="admin",
        path=PATH,
        writes=True,
        refuses=(*REFUSED_TO_CHANGE_RIGHTS, *NOT_THERE, policy.RoleAboveOwn),
    )
    def delete(self, request: Request, mapping_id: str) -> Answer:
        services.delete_group_mapping(
            decode(policy.GROUP_MAPPING, mapping_id), actor=self.actor, at=self.at
        )
        return Answer(subject=mapping_id, status=204)
