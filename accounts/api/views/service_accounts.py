"""The doors of service accounts. They are disabled, enabled and given roles as people are."""

from typing import Any

from django.conf import settings
from rest_framework.request import Request

from accounts import policy, queries, services
from accounts.api import key_forms as forms
from accounts.api.views.base import AccountView
from accounts.models import User
from core import wire
from core.actors import ImpersonatorRefused, ReauthenticationRequired, SecondFactorRequired
from core.errors import NothingToChange
from core.ids import MalformedId, decode
from core.openapi import list_of, operation
from core.pagination import Listing, Sort, read_instant
from core.views import Answer

PATH = {"account_id": "The account's id (usr_...)."}
REFUSED_TO_MANAGE = (
    ImpersonatorRefused,
    SecondFactorRequired,
    ReauthenticationRequired,
    MalformedId,
    services.ResponsibleNotActive,
)
SERVICE = {
    "id": "usr_01h455vb4pex5vsknk084sn02r",
    "full_name": "Monitoring of the core network",
    "status": "active",
    "role": "operator",
    "responsible": {
        "id": "usr_01h455vb4pex5vsknk084sn02q",
        "full_name": "Ada Obi",
        "is_active": True,
    },
    "created_at": "2026-01-01T00:00:00Z",
}
LISTING: Listing[User] = Listing(
    sorts={"created_at": Sort("created_at", read_instant), "full_name": Sort("full_name")},
    default="created_at:desc",
    form=forms.service_forms,
)


class _ServiceView(AccountView):
    def represent(self, subject: str) -> Any:
        rows = queries.service_accounts(self.actor)
        service = rows.filter(id=decode(policy.USER, subject)).first()
        if service is None:
            raise services.UserNotFound
        return forms.service_form(service)


class ServiceAccountsView(_ServiceView):
    @operation(
        "List service accounts, each with who answers for it",
        response=list_of(forms.ServiceResponse),
        role="admin",
        query=forms.ServiceQuery,
        example={
            "items": [SERVICE],
            "total": 1,
            "page": 1,
            "page_size": 20,
            "sort_by": "created_at",
            "sort_direction": "desc",
        },
    )
    def get(self, request: Request) -> Any:
        rows = queries.service_accounts(self.actor)
        query = wire.read_query(forms.ServiceQuery, dict(request.query_params.lists()))
        if query.status:
            rows = rows.filter(status__in=query.status)
        return LISTING.answer(rows, query)

    @operation(
        "Make a service account; it has no role yet, and no way in but API keys",
        response=forms.ServiceResponse,
        status=201,
        role="admin",
        body=forms.ServiceRequest,
        writes=True,
        refuses=REFUSED_TO_MANAGE,
        body_example={
            "full_name": "Monitoring of the core network",
            "responsible": "usr_01h455vb4pex5vsknk084sn02q",
        },
        example=SERVICE | {"role": None},
    )
    def post(self, request: Request) -> Answer:
        given = wire.read(forms.ServiceRequest, request.data)
        service = services.create_service_account(
            full_name=given.full_name,
            responsible_id=decode(policy.USER, given.responsible),
            actor=self.actor,
            at=self.at,
        )
        return Answer(
            subject=service.wire_id,
            status=201,
            location=f"{settings.API_V1_PREFIX}/access/service-accounts/{service.wire_id}",
        )


class ServiceAccountView(_ServiceView):
    @operation(
        "Show a service account",
        response=forms.ServiceResponse,
        role="admin",
        path=PATH,
        refuses=(MalformedId, services.UserNotFound),
        example=SERVICE,
    )
    def get(self, request: Request, account_id: str) -> Any:
        return self.represent(account_id)

    @operation(
        "Rename a service account, or let another person answer for it",
        response=forms.ServiceResponse,
        role="admin",
        body=forms.ServiceChange,
        path=PATH,
        writes=True,
        refuses=(*REFUSED_TO_MANAGE, services.UserNotFound, NothingToChange),
        body_example={"responsible": "usr_01h455vb4pex5vsknk084sn02q"},
        example=SERVICE,
    )
    def patch(self, request: Request, account_id: str) -> Answer:
        given = wire.read(forms.ServiceChange, request.data)
        service = services.change_service_account(
            decode(policy.USER, account_id),
            full_name=given.full_name,
            responsible_id=decode(policy.USER, given.responsible) if given.responsible else None,
            actor=self.actor,
            at=self.at,
        )
        return Answer(subject=service.wire_id)
