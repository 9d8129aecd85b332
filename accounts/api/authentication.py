"""Who is calling: bearer token, API key header or cookies. The first that is there decides.

DRF's settings name this module, so it imports nothing that needs them: no ``rest_framework.views``.
"""

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
from accounts.api import cookies
from accounts.api.key_authentication import actor_of_key
from accounts.policy import Claims, CredentialsInvalid, CsrfFailed, SessionRevoked, TokenExpired
from core.actors import Actor, SecondFactorRequired
from core.callers import client_address
from core.errors import CredentialsMissing, DomainError

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")


class HeaderAuthentication(BaseAuthentication):
    """``Authorization: Bearer`` or ``X-API-Key``: authority that no browser adds by itself."""

    refuses: ClassVar[tuple[type[DomainError], ...]] = (
        SessionRevoked,
        TokenExpired,
        CredentialsInvalid,
    )

    def authenticate(self, request: Request) -> tuple[Actor, None] | None:
        token = header_token(request._request)
        if token is None:
            return None
        read = self.machine if policy.looks_like_key(token) else self.actor
        return read(request, token), None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="noc-iq"'

    @staticmethod
    def machine(request: Request, key: str) -> Actor:
        """The actor of an API key, where keys open. Raises: CredentialsInvalid, NotPermitted."""
        http = request._request
        actor = actor_of_key(key, address=client_address(http) or "", at=timezone.now())
        http.actor_id = actor.id  # type: ignore[attr-defined]  # for the access log
        if not getattr(request.parser_context["view"], "takes_keys", False):
            policy.require_no_key(actor)
        return actor

    @staticmethod
    def actor(request: Request, token: str) -> Actor:
        """The actor of an access token.

        Raises: CredentialsInvalid, TokenExpired, SessionRevoked.
        """
        at = timezone.now()
        claims = policy.read_token(token, "access", key=settings.JWT_SECRET_KEY, at=at)
        return _actor_of(request._request, claims, at)


class ActorAuthentication(HeaderAuthentication):
    """The headers, else the cookies of sign-in, which for unsafe methods need the CSRF token.

    With a valid refresh cookie the request renews its session by itself, and its answer carries
    the new cookies: they stay silent for as long as the session lasts.
    """

    refuses = (*HeaderAuthentication.refuses, CsrfFailed)

    def authenticate(self, request: Request) -> tuple[Actor, None] | None:
        found = super().authenticate(request)
        if found is not None:
            return found
        http = request._request
        access = http.COOKIES.get(settings.AUTH_COOKIE_ACCESS_NAME)
        refresh = http.COOKIES.get(settings.AUTH_COOKIE_REFRESH_NAME)
        actor = None
        if access:
            try:
                actor = self.actor(request, access)
            except (CredentialsInvalid, TokenExpired):
                if not refresh:
                    raise
        if actor is None and not refresh:
            return None
        self._check(request)
        return actor or self._renewed(http, refresh or ""), None

    @staticmethod
    def _check(request: Request) -> None:
        view = (request.parser_context or {}).get("view")
        if getattr(view, "origin_is_enough", False):
            check_origin(request._request)
        else:
            check_csrf(request._request)

    @staticmethod
    def _renewed(http: HttpRequest, refresh: str) -> Actor:
        at = timezone.now()
        claims, signed_in = rotate(refresh, at)
        cookies.renew(http, signed_in, at)
        return _actor_of(http, claims, at)


class IsKnown(BasePermission):
    """Somebody is signed in, with a second factor if a role of theirs demands one.

    What they may do, each verb judges.
    """

    def has_permission(self, request: Request, view: object) -> bool:
        caller: object = request.user
        if not isinstance(caller, Actor):
            raise CredentialsMissing
        if caller.owes_second_factor and not getattr(view, "opens_to_one_factor", False):
            raise SecondFactorRequired
        return True


def _actor_of(http: HttpRequest, claims: Claims, at: datetime) -> Actor:
    actor, seen_at = queries.actor_of_session(
        claims.session_id, at=at, address=client_address(http) or ""
    )
    if actor.id != claims.user_id:
        raise CredentialsInvalid
    if at - seen_at > policy.SEEN_EVERY:
        services.see_session(claims.session_id, at=at)
    http.actor_id = actor.id  # type: ignore[attr-defined]  # for the access log
    return actor


def rotate(refresh: str, at: datetime) -> tuple[Claims, services.SignedIn]:
    """Exchange a refresh token for the next pair.

    Raises: CredentialsInvalid, TokenExpired, SessionRevoked.
    """
    claims = policy.read_token(refresh, "refresh", key=settings.JWT_SECRET_KEY, at=at)
    return claims, services.rotate_session(claims.session_id, claims.generation or 0, at=at)


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

    Raises: CsrfFailed where only cookies name it, and for a foreign page that names none: the
    answer would take the browser's cookies away.
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
    require_own_origin(request)
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
    if request.method in SAFE:
        return
    check = _Check(_nothing)
    check.process_request(request)
    if check.process_view(request, _nothing, (), {}) is not None:
        raise CsrfFailed


def check_origin(request: HttpRequest) -> None:
    """The check of the one write for which a client may send no CSRF token: the page is ours.

    Raises: CsrfFailed.
    """
    if request.method in SAFE or settings.CSRF_HEADER_NAME in request.META:
        check_csrf(request)
    elif "Origin" in request.headers:
        require_own_origin(request)
    elif request.headers.get("Sec-Fetch-Site") != "same-origin":
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
