"""The door through which an administrator acts as somebody else."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from accounts import policy, services
from accounts.api import key_forms as forms
from accounts.api.views.base import SignInView
from core import wire
from core.actors import ImpersonatorRefused, ReauthenticationRequired, SecondFactorRequired
from core.ids import MalformedId, decode
from core.openapi import operation


class ImpersonateView(SignInView):
    @operation(
        "Act as another person for 15 minutes; they are told, and every entry names you",
        response=forms.ImpersonationResponse,
        role="admin",
        body=forms.ImpersonationRequest,
        refuses=(
            ImpersonatorRefused,
            SecondFactorRequired,
            ReauthenticationRequired,
            MalformedId,
            services.UserNotFound,
            policy.NotImpersonable,
        ),
        body_example={
            "user_id": "usr_01h455vb4pex5vsknk084sn02q",
            "reason": "Ticket 4711: the list of sites stays empty.",
        },
        example={
            "access_token": "eyJhbGciOiJIUzI1NiIs...",
            "token_type": "bearer",
            "expires_in": 900,
            "acting_as": "usr_01h455vb4pex5vsknk084sn02q",
            "session_id": "ses_01h455vb4pex5vsknk084sn02q",
        },
    )
    def post(self, request: Request) -> dict[str, Any]:
        given = wire.read(forms.ImpersonationRequest, request.data)
        made = services.impersonate(
            decode(policy.USER, given.user_id),
            reason=given.reason,
            user_agent=request.headers.get("User-Agent", ""),
            actor=self.actor,
            at=self.at,
        )
        return forms.impersonation_form(made)

    @operation(
        "Stop acting as somebody else: the calling impersonation, or all that you opened",
        response=None,
        status=204,
    )
    def delete(self, request: Request) -> HttpResponse:
        services.end_impersonation(actor=self.actor, at=self.at)
        return HttpResponse(status=204)
