"""The doors of sign-in."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.middleware.csrf import get_token, rotate_token
from rest_framework.request import Request

from accounts import policy, services
from accounts.api.authentication import (
    HeaderAuthentication,
    bearer_of_session,
    check_csrf,
    client_address,
    require_own_origin,
)
from accounts.api.forms import (
    LoginRequest,
    MeResponse,
    RefreshRequest,
    RegisterRequest,
    SessionResponse,
    SignedOutResponse,
    UserResponse,
    me_form,
    user_form,
)
from accounts.api.views.base import SignInView, answer, signed_in_answer
from accounts.choices import Role
from accounts.models import User
from core import wire
from core.actors import Actor, may
from core.ids import decode
from core.openapi import operation
from core.views import Answer

USER_EXAMPLE = {
    "id": "usr_01h455vb4pex5vsknk084sn02q",
    "email": "ada@example.com",
    "full_name": "Ada Obi",
    "role": "engineer",
    "stellar_wallet": None,
    "created_at": "2026-01-05T10:00:00Z",
}
SESSION_EXAMPLE = {
    "access_token": "eyJhbGciOiJIUzI1NiIs...",
    "token": "eyJhbGciOiJIUzI1NiIs...",
    "api_key": "eyJhbGciOiJIUzI1NiIs...",
    "refresh_token": "eyJhbGciOiJIUzI1NiIs...",
    "token_type": "bearer",
    "expires_in": 900,
    "user": USER_EXAMPLE,
}


class RegisterView(SignInView):
    authentication_classes = [HeaderAuthentication]
    permission_classes = []

    @operation(
        "Register, or as an administrator add a colleague",
        response=UserResponse,
        status=201,
        role=None,
        body=RegisterRequest,
        refuses=[
            *HeaderAuthentication.refuses,
            policy.CsrfFailed,
            services.RegistrationClosed,
            services.EmailTaken,
            services.InvalidEmail,
            services.PasswordTooWeak,
        ],
        body_example={
            "email": "ada@example.com",
            "password": "correct horse battery",
            "full_name": "Ada Obi",
        },
        example=USER_EXAMPLE,
    )
    def post(self, request: Request) -> Answer:
        require_own_origin(request._request)
        given = wire.read(RegisterRequest, request.data)
        caller: object = request.user
        if isinstance(caller, Actor) and may(caller, Role.ADMIN, "admin:full").allowed:
            role = given.role or settings.REGISTRATION_ROLE
            user = services.create_user(
                email=given.email,
                password=given.password,
                full_name=given.full_name,
                role=role,
                actor=caller,
                at=self.at,
            )
        else:
            user, role = services.register_user(
                email=given.email,
                password=given.password,
                full_name=given.full_name,
                at=self.at,
            )
        return Answer(
            user_form(user, role), status=201, location=f"{settings.API_V1_PREFIX}/auth/me"
        )


class LoginView(SignInView):
    authentication_classes = []
    permission_classes = []

    @operation(
        "Sign in by e-mail and password",
        response=SessionResponse,
        role=None,
        body=LoginRequest,
        refuses=[policy.CredentialsInvalid, policy.CsrfFailed],
        body_example={"email": "ada@example.com", "password": "correct horse battery"},
        example=SESSION_EXAMPLE,
    )
    def post(self, request: Request) -> HttpResponse:
        require_own_origin(request._request)
        given = wire.read(LoginRequest, request.data)
        signed_in = services.open_session(
            email=given.email,
            password=given.password,
            address=client_address(request._request),
            user_agent=request.headers.get("User-Agent", ""),
            at=self.at,
        )
        rotate_token(request._request)
        return signed_in_answer(signed_in, self.at)


class RefreshView(SignInView):
    authentication_classes = []
    permission_classes = []

    @operation(
        "Exchange a refresh token for a new pair",
        response=SessionResponse,
        role=None,
        body=RefreshRequest,
        refuses=[
            policy.CredentialsInvalid,
            policy.TokenExpired,
            policy.SessionRevoked,
            policy.CsrfFailed,
        ],
        body_example={"refresh_token": "eyJhbGciOiJIUzI1NiIs..."},
        example=SESSION_EXAMPLE,
    )
    def post(self, request: Request) -> HttpResponse:
        require_own_origin(request._request)
        token = wire.read(RefreshRequest, request.data).refresh_token
        by_cookie = token is None
        token = token or request.COOKIES.get(settings.AUTH_COOKIE_REFRESH_NAME)
        if not token:
            raise policy.CredentialsInvalid("Send a refresh_token, or its cookie.")
        if by_cookie:
            check_csrf(request._request)
        claims = policy.read_token(token, "refresh", key=settings.JWT_SECRET_KEY, at=self.at)
        signed_in = services.rotate_session(claims.session_id, claims.generation or 0, at=self.at)
        get_token(request._request)  # the readable cookie lives as long as the refresh cookie
        return signed_in_answer(signed_in, self.at)


class LogoutView(SignInView):
    authentication_classes = []
    permission_classes = []

    @operation(
        "Sign out: end the session that any of its tokens names",
        response=SignedOutResponse,
        role=None,
        body=RefreshRequest,
        refuses=[policy.CsrfFailed],
        body_example={"refresh_token": "eyJhbGciOiJIUzI1NiIs..."},
        example={"message": "Signed out.", "sessions_invalidated": 1},
    )
    def post(self, request: Request) -> HttpResponse:
        given = wire.read(RefreshRequest, request.data)
        claims = bearer_of_session(request._request, given.refresh_token, self.at)
        ended = False
        if claims is not None:
            bearer = Actor(id=claims.user_id, kind="person")
            try:
                ended = services.revoke_session(
                    claims.session_id, reason="logout", actor=bearer, at=self.at
                )
            except services.SessionNotFound:
                ended = False
        response = answer({"message": "Signed out.", "sessions_invalidated": int(ended)})
        for name in (
            settings.AUTH_COOKIE_ACCESS_NAME,
            settings.AUTH_COOKIE_REFRESH_NAME,
            settings.CSRF_COOKIE_NAME,
        ):
            response.delete_cookie(name, samesite=settings.AUTH_COOKIE_SAMESITE)  # type: ignore[arg-type]
        return response


class MeView(SignInView):
    @operation(
        "Who is signed in, with roles and what they open",
        response=MeResponse,
        example=USER_EXAMPLE
        | {
            "grants": [
                {
                    "id": "grt_01h455vb4pex5vsknk084sn02q",
                    "role": "engineer",
                    "scope_kind": "global",
                    "scope_id": None,
                    "source": "manual",
                    "valid_until": None,
                }
            ],
            "teams": [],
            "permissions": ["outages:read", "outages:write"],
            "two_factor": False,
            "acting_as": None,
        },
    )
    def get(self, request: Request) -> dict[str, Any]:
        if settings.CSRF_COOKIE_NAME not in request.COOKIES:
            get_token(request._request)
        user = User.objects.get(id=decode(policy.USER, self.actor.id))
        return me_form(user, self.actor)
