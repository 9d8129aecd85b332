"""The doors of passwords: changing one's own, and choosing a new one by a link."""

from django.http import HttpResponse
from rest_framework.request import Request

from accounts import policy, services
from accounts.api.authentication import require_own_origin
from accounts.api.forms import SignedOutResponse
from accounts.api.password_forms import (
    ChangePasswordRequest,
    ForgotPasswordRequest,
    ResetPasswordRequest,
    ToldResponse,
)
from accounts.api.views.base import SignInView, answer
from accounts.services import guards
from core import limits, wire
from core.actors import ImpersonatorRefused, SecondFactorRequired
from core.openapi import operation

CHANGED = {"message": "The password is changed.", "sessions_invalidated": 2}
ASKED = "If an account has this e-mail address, a link is on its way to it."


class ChangePasswordView(SignInView):
    @operation(
        "Change one's own password; every other session ends",
        response=SignedOutResponse,
        body=ChangePasswordRequest,
        refuses=[
            policy.CredentialsInvalid,
            policy.AccountLocked,
            policy.LoginThrottled,
            ImpersonatorRefused,
            SecondFactorRequired,
            services.PasswordTooWeak,
        ],
        body_example={
            "current_password": "correct horse battery",
            "password": "wrong horse battery staple",
        },
        example=CHANGED,
    )
    def post(self, request: Request) -> HttpResponse:
        given = wire.read(ChangePasswordRequest, request.data)
        ended = services.change_password(
            given.current_password, given.password, actor=self.actor, at=self.at
        )
        return answer(CHANGED | {"sessions_invalidated": ended})


class _NewcomersView(SignInView):
    """Open to anyone, some times an hour from one address."""

    authentication_classes = []
    permission_classes = []

    def limit_of_stranger(self) -> limits.Limit:
        return guards.NEWCOMERS


class ForgotPasswordView(_NewcomersView):
    @operation(
        "Ask for a link to choose a new password",
        response=ToldResponse,
        status=202,
        role=None,
        body=ForgotPasswordRequest,
        refuses=[policy.CsrfFailed],
        body_example={"email": "ada@example.com"},
        example={"message": ASKED},
    )
    def post(self, request: Request) -> HttpResponse:
        require_own_origin(request._request)
        given = wire.read(ForgotPasswordRequest, request.data)
        services.request_password_reset(given.email, at=self.at)
        return answer({"message": ASKED}, status=202)


class ResetPasswordView(_NewcomersView):
    @operation(
        "Choose a new password by the token of a link; every session ends",
        response=SignedOutResponse,
        role=None,
        body=ResetPasswordRequest,
        refuses=[policy.CsrfFailed, services.ResetTokenInvalid, services.PasswordTooWeak],
        body_example={
            "token": "usr_01h455vb4pex5vsknk084sn02q.d2x3k4-0f9a...",
            "password": "wrong horse battery staple",
        },
        example=CHANGED,
    )
    def post(self, request: Request) -> HttpResponse:
        require_own_origin(request._request)
        given = wire.read(ResetPasswordRequest, request.data)
        ended = services.reset_password(given.token, given.password, at=self.at)
        return answer(CHANGED | {"sessions_invalidated": ended})
