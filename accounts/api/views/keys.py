"""The doors of API keys: one's own and, for administrators, anybody's."""

from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from rest_framework.request import Request

from accounts import policy, queries, services
from accounts.api import key_forms as forms
from accounts.api.views.base import AccountView
from accounts.models import ApiKey
from core import wire
from core.actors import Actor, ImpersonatorRefused, ReauthenticationRequired, SecondFactorRequired
from core.ids import MalformedId, decode
from core.openapi import list_of, operation
from core.pagination import Listing, Sort, read_instant
from core.views import Answer

PATH = {"key_id": "The key's id (key_...)."}
REFUSED_TO_MANAGE = (ImpersonatorRefused, SecondFactorRequired, ReauthenticationRequired)
REFUSED_TO_MAKE = (*REFUSED_TO_MANAGE, policy.RoleAboveOwn, services.UserNotFound, MalformedId)
NOT_THERE = (MalformedId, services.KeyNotFound)
KEY = {
    "id": "key_01h455vb4pex5vsknk084sn02q",
    "name": "Monitoring",
    "prefix": "noc_7zzk2m9q4x1c",
    "user_id": "usr_01h455vb4pex5vsknk084sn02q",
    "scopes": ["outages:read"],
    "networks": ["10.20.0.0/16"],
    "rate_rpm": None,
    "created_at": "2026-01-01T00:00:00Z",
    "expires_at": "2026-04-01T00:00:00Z",
    "last_used_at": None,
    "revoked_at": None,
    "replaced_by": None,
}
MADE = KEY | {"raw_key": "noc_7zzk2m9q4x1c_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}
LISTING: Listing[ApiKey] = Listing(
    sorts={
        "created_at": Sort("created_at", read_instant),
        "expires_at": Sort("expires_at", read_instant),
        "name": Sort("name"),
    },
    default="created_at:desc",
    form=forms.key_forms,
)


class KeysView(AccountView):
    shown_once = ("raw_key",)

    @operation(
        "List API keys: your own, or as an administrator somebody else's",
        response=list_of(forms.KeyResponse),
        query=forms.KeyQuery,
        refuses=(MalformedId,),
        example={
            "items": [KEY],
            "total": 1,
            "page": 1,
            "page_size": 20,
            "sort_by": "created_at",
            "sort_direction": "desc",
        },
    )
    def get(self, request: Request) -> Any:
        query = wire.read_query(forms.KeyQuery, dict(request.query_params.lists()))
        owner_id = decode(policy.USER, query.user_id or self.actor.id)
        rows = queries.api_keys(owner_id, self.actor)
        return LISTING.answer(self._narrow(rows, query), query)

    def _narrow(self, rows: QuerySet[ApiKey], query: forms.KeyQuery) -> QuerySet[ApiKey]:
        live = Q(revoked_at__isnull=True, expires_at__gt=self.at)
        if query.is_live is None:
            return rows
        return rows.filter(live) if query.is_live else rows.exclude(live)

    @operation(
        "Make an API key; it is shown once",
        response=forms.MadeKeyResponse,
        status=201,
        body=forms.KeyRequest,
        writes=True,
        refuses=(*REFUSED_TO_MAKE, policy.KeyScopeUnknown, policy.ExpiryTooFar),
        body_example={
            "name": "Monitoring",
            "scopes": ["outages:read"],
            "networks": ["10.20.0.0/16"],
            "expires_at": "2026-04-01T00:00:00Z",
        },
        example=MADE,
    )
    def post(self, request: Request) -> Answer:
        given = wire.read(forms.KeyRequest, request.data)
        made = services.create_api_key(
            given.terms(),
            owner_id=decode(policy.USER, given.user_id) if given.user_id else None,
            actor=self.actor,
            at=self.at,
        )
        return _made(made)

    def represent(self, subject: str) -> Any:
        return _form(subject, self.actor)


class KeyView(AccountView):
    @operation(
        "Show an API key, without its secret",
        response=forms.KeyResponse,
        path=PATH,
        refuses=NOT_THERE,
        example=KEY,
    )
    def get(self, request: Request, key_id: str) -> Any:
        return _form(key_id, self.actor)

    @operation(
        "Revoke an API key at once",
        response=None,
        status=204,
        query=forms.KeyReasonQuery,
        path=PATH,
        writes=True,
        refuses=(*NOT_THERE, *REFUSED_TO_MANAGE),
    )
    def delete(self, request: Request, key_id: str) -> Answer:
        query = wire.read_query(forms.KeyReasonQuery, dict(request.query_params.lists()))
        services.revoke_api_key(
            decode(policy.API_KEY, key_id), reason=query.reason, actor=self.actor, at=self.at
        )
        return Answer(subject=key_id, status=204)


class RotateKeyView(AccountView):
    shown_once = ("raw_key",)

    @operation(
        "Replace an API key by one that is alike; the old one ends after the overlap",
        response=forms.MadeKeyResponse,
        status=201,
        body=forms.RotationRequest,
        path=PATH,
        writes=True,
        refuses=(*REFUSED_TO_MAKE, services.KeyNotFound, services.KeyEnded),
        body_example={"overlap_hours": 24},
        example=MADE,
    )
    def post(self, request: Request, key_id: str) -> Answer:
        given = wire.read(forms.RotationRequest, request.data)
        made = services.rotate_api_key(
            decode(policy.API_KEY, key_id),
            overlap_hours=given.overlap_hours,
            actor=self.actor,
            at=self.at,
        )
        return _made(made)

    def represent(self, subject: str) -> Any:
        return _form(subject, self.actor)


def _form(key_id: str, actor: Actor) -> dict[str, Any]:
    found = queries.api_key(decode(policy.API_KEY, key_id), actor)
    if found is None:
        raise services.KeyNotFound
    return forms.key_form(found)


def _made(made: services.MadeKey) -> Answer:
    return Answer(
        subject=made.key.wire_id,
        status=201,
        location=f"{settings.API_V1_PREFIX}/api-keys/{made.key.wire_id}",
        secrets={"raw_key": made.raw_key},
    )
