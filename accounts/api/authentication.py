"""Who is calling: bearer token, API key header or cookies. The first that is there decides.

DRF's settings name this module, so it imports nothing that needs them: no ``rest_framework.views``.
"""

import ipaddress
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import policy, queries, services
from accounts.policy import Claims, CredentialsInvalid, CsrfFailed, SessionRevoked, TokenExpired
from core.actors import Actor
from core.errors import CredentialsMissing, DomainError


class HeaderAuthentication(BaseAuthentication):
    """``Authorization: Bearer`` or ``X-API-Key``: authority that no browser adds by itself."""

    refuses: ClassVar[tuple[type[DomainError], ...]] = (
        SessionRevoked,
        TokenExpired,
        CredentialsInvalid,
    )

    def authenticate(self, request: Request) -> tuple[Actor, None] | None:
        token = header_token(request._request)
        return None if token is None else (self.actor(request, token), None)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="noc-iq"'

    @staticmethod
    def actor(request: Request, token: str) -> Actor:
        """The actor of an access token.

        Raises: CredentialsInvalid, TokenExpired, SessionRevoked.
        """
        at, http = timezone.now(), request._request
        claims = policy.read_token(token, "access", key=settings.JWT_SECRET_KEY, at=at)
        actor, seen_at = queries.actor_of_session(
            claims.session_id, at=at, address=client_address(http) or ""
        )
        if actor.id != claims.user_id:
            raise CredentialsInvalid
        if at - seen_at > policy.SEEN_EVERY:
            services.see_session(claims.session_id, at=at)
        http.actor_id = actor.id  # type: ignore[attr-defined]  # for the access log
        return actor


class ActorAuthentication(HeaderAuthentication):
    """The headers, else the cookies of sign-in, which for unsafe methods need the CSRF token."""

    refuses = (*HeaderAuthentication.refuses, CsrfFailed)

    def authenticate(self, request: Request) -> tuple[Actor, None] | None:
        found = super().authenticate(request)
        if found is not None:
            return found
        token = request._request.COOKIES.get(settings.AUTH_COOKIE_ACCESS_NAME)
        if not token:
            return None
        actor = self.actor(request, token)
        check_csrf(request._request)
        return actor, None


class IsKnown(BasePermission):
    """Somebody is signed in. What they may do, each verb judges."""

    def has_permission(self, request: Request, view: object) -> bool:
        caller: object = request.user
        if not isinstance(caller, Actor):
            raise CredentialsMissing
        return True


def header_token(request: HttpRequest) -> str | None:
    """The token in a header; None without one. Raises: CredentialsInvalid for another scheme."""
    given = request.META.get("HTTP_AUTHORIZATION")
    if given is not None:
        scheme, _, token = given.strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise CredentialsInvalid("Authorization takes the form: Bearer <token>.")
        return str(token.strip())
    key: str | None = request.META.get("HTTP_X_API_KEY")
    return key if key is None else key.strip()


def bearer_of_session(
    request: HttpRequest, refresh_token: str | None, at: datetime
) -> Claims | None:
    """The session that a request names by any token of it, expired ones too; None without one.

    Raises: CsrfFailed where only cookies name it.
    """
    try:
        header = header_token(request)
    except CredentialsInvalid:
        header = None
    cookies = request.COOKIES
    by_cookie = False
    candidates = [(header, False), (refresh_token, False)]
    candidates += [
        (cookies.get(settings.AUTH_COOKIE_ACCESS_NAME), True),
        (cookies.get(settings.AUTH_COOKIE_REFRESH_NAME), True),
    ]
    for token, by_cookie in candidates:
        claims = _claims(token, at) if token else None
        if claims is not None:
            if by_cookie:
                check_csrf(request)
            return claims
    return None


def _claims(token: str, at: datetime) -> Claims | None:
    key = settings.JWT_SECRET_KEY
    for kind in ("access", "refresh"):
        try:
            return policy.read_token(token, kind, key=key, at=at, even_expired=True)
        except CredentialsInvalid:
            continue
    return None


class _Check(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def check_csrf(request: HttpRequest) -> None:
    """Django's own check: the header's token is the cookie's, and the origin ours.

    Raises: CsrfFailed.
    """
    if request.method in ("GET", "HEAD", "OPTIONS", "TRACE"):
        return
    check = _Check(_nothing)
    check.process_request(request)
    if check.process_view(request, _nothing, (), {}) is not None:
        raise CsrfFailed


def require_own_origin(request: HttpRequest) -> None:
    """Refuse a browser that calls from a foreign page; others send no Origin.

    Raises: CsrfFailed.
    """
    origin = request.headers.get("Origin")
    if origin is None or origin in settings.ALLOWED_ORIGINS:
        return
    own = {f"{request.scheme}://{request.get_host()}", settings.PUBLIC_URL}
    if origin not in {_origin(url) for url in own}:
        raise CsrfFailed


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def client_address(request: HttpRequest) -> str | None:
    """The caller's address: the socket peer, or the n-th from the right that our proxies noted."""
    found = request.META.get("REMOTE_ADDR", "")
    count = settings.TRUSTED_PROXY_COUNT
    if count:
        noted = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(noted) >= count:
            found = noted[-count].strip()
    try:
        return str(ipaddress.ip_address(found.partition("%")[0]))  # PostgreSQL knows no zones
    except ValueError:
        return None
