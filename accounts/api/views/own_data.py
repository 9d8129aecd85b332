"""The doors by which people take their own data along, and leave."""

from django.http import HttpResponse, StreamingHttpResponse
from rest_framework.request import Request

from accounts import policy, services
from accounts.api import access_examples as examples
from accounts.api import access_forms as forms
from accounts.api.cookies import take_away
from accounts.api.own_data_document import FILENAME, OwnData
from accounts.api.views.base import SignInView, answer
from core import limits, wire
from core.actors import ImpersonatorRefused, ReauthenticationRequired, SecondFactorRequired
from core.openapi import operation


class ExportView(SignInView):
    bucket = limits.HEAVY

    @operation(
        "Take one's own data along, as a JSON file; once an hour",
        response=forms.OwnDataResponse,
        refuses=(ImpersonatorRefused, SecondFactorRequired),
        example=examples.OWN_DATA,
    )
    def post(self, request: Request) -> StreamingHttpResponse:
        user_id = services.export_own_data(actor=self.actor, at=self.at)
        response = StreamingHttpResponse(OwnData(user_id, self.at), content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="{FILENAME}"'
        response["Cache-Control"] = "no-store"
        return response


class EraseView(SignInView):
    @operation(
        "Erase one's own account, proved by password or code",
        response=forms.ErasedResponse,
        body=forms.EraseRequest,
        refuses=(
            ImpersonatorRefused,
            SecondFactorRequired,
            ReauthenticationRequired,
            policy.CredentialsInvalid,
            policy.AccountLocked,
            policy.LoginThrottled,
            services.CodeInvalid,
            services.LastAdmin,
        ),
        body_example={"password": "correct horse battery", "confirm": forms.CONFIRMED},
        example=examples.ERASED,
    )
    def post(self, request: Request) -> HttpResponse:
        given = wire.read(forms.EraseRequest, request.data)
        user = services.erase_oneself(
            password=given.password, code=given.code, actor=self.actor, at=self.at
        )
        response = answer(forms.erased_form(user))
        take_away(response)
        return response
