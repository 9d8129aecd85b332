"""The doors of sign-in."""

from django.conf import settings
from django.http import HttpResponse
from django.middleware.csrf import get_token, rotate_token
from rest_framework.request import Request

from accounts import policy, services
from accounts.api import examples
from accounts.api.authentication import (
    HeaderAuthentication,
    bearer_of_session,
    check_csrf,
    require_own_origin,
    rotate,
)
from accounts.api.forms import (
    LoginRequest,
    LogoutRequest,
    RefreshRequest,
    RegisterRequest,
    SessionResponse,
    SignedOutResponse,
    UserResponse,
    user_form,
)
from accounts.api.second_factor_forms import VerifyRequest
from accounts.api.views.base import SignInView, signed_in_answer, signed_out_answer
from accounts.choices import Role
from accounts.services import guards
from core import limits, wire
from core.actors import Actor, may
from core.callers import client_address
from core.openapi import operation
from core.views import Answer


class RegisterView(SignInView):
    authentication_classes = [HeaderAuthentication]
    permission_classes = []

    def limit_of_stranger(self) -> limits.Limit:
        return guards.NEWCOMERS

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
        example=examples.USER,
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


class _CountedDoor(SignInView):
    """Open to anyone, some times from one address."""

    authentication_classes = []
    permission_classes = []

    def limit_of_stranger(self) -> limits.Limit:
        return guards.sign_ins()


class LoginView(_CountedDoor):
    @operation(
        "Sign in by e-mail and password",
        response=SessionResponse,
        role=None,
        body=LoginRequest,
        refuses=[
            policy.CredentialsInvalid,
            policy.CsrfFailed,
            policy.AccountLocked,
            policy.LoginThrottled,
            services.MfaRequired,
            services.CodeInvalid,
        ],
        body_example={"email": "ada@example.com", "password": "correct horse battery"},
        example=examples.SIGNED_IN,
    )
    def post(self, request: Request) -> HttpResponse:
        require_own_origin(request._request)
        given = wire.read(LoginRequest, request.data)
        signed_in = services.open_session(
            email=given.email,
            password=given.password,
            code=given.code,
            address=client_address(request._request),
            user_agent=request.headers.get("User-Agent", ""),
            at=self.at,
        )
        rotate_token(request._request)
        return signed_in_answer(signed_in, self.at)


class VerifyView(_CountedDoor):
    @operation(
        "Finish a sign-in by the code of the second factor",
        response=SessionResponse,
        role=None,
        body=VerifyRequest,
        refuses=[
            policy.CsrfFailed,
            policy.LoginThrottled,
            services.ChallengeExpired,
            services.CodeInvalid,
        ],
        body_example={"challenge": "eyJhbGciOiJIUzI1NiIs...", "code": "123456"},
        example=examples.SIGNED_IN,
    )
    def post(self, request: Request) -> HttpResponse:
        require_own_origin(request._request)
        given = wire.read(VerifyRequest, request.data)
        key: str = settings.JWT_SECRET_KEY
        try:
            claims = policy.read_token(given.challenge, "challenge", key=key, at=self.at)
        except (policy.CredentialsInvalid, policy.TokenExpired):
            raise services.ChallengeExpired from None
        signed_in = services.verify_second_factor(claims.session_id, given.code, at=self.at)
        rotate_token(request._request)
        return signed_in_answer(signed_in, self.at)


class RefreshView(SignInView):
    authentication_classes = []
    permission_classes = []
    bucket = None  # counted by session: a whole shift sits behind one address

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
        example=examples.SIGNED_IN,
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
        self.take(guards.REFRESHES, str(claims.session_id))
        _, signed_in = rotate(token, self.at)
        get_token(request._request)  # the readable cookie lives as long as the refresh cookie
        return signed_in_answer(signed_in, self.at)


class LogoutView(SignInView):
    authentication_classes = []
    permission_classes = []
    bucket = None  # counted by session

    @operation(
        "Sign out: end the session that any of its tokens names",
        response=SignedOutResponse,
        role=None,
        body=LogoutRequest,
        refuses=[policy.CsrfFailed],
        body_example={"refresh_token": "eyJhbGciOiJIUzI1NiIs..."},
        example={"message": "Signed out.", "sessions_invalidated": 1},
    )
    def post(self, request: Request) -> HttpResponse:
        given = wire.read(LogoutRequest, request.data)
        claims = bearer_of_session(request._request, given.refresh_token, self.at)
        ended = False
        if claims is not None:
            self.take(guards.SIGN_OUTS, str(claims.session_id))
            bearer = Actor(id=claims.user_id, kind="person")
            try:
                ended = services.revoke_session(
                    claims.session_id, reason="logout", actor=bearer, at=self.at
                )
            except services.SessionNotFound:
                ended = False
        return signed_out_answer("Signed out.", int(ended))
