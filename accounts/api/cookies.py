"""The cookies of sign-in: given with a new pair, taken away with the session."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token

from accounts.policy import SessionRevoked
from accounts.services import SignedIn
from core.problems import Problem


def renew(request: HttpRequest, signed_in: SignedIn, at: datetime) -> None:
    """Have the answer to this request, whatever it is, carry the new cookies."""
    get_token(request)  # the readable cookie lives as long as the refresh cookie
    request.renewed = (signed_in, at)  # type: ignore[attr-defined]


def set_cookies(response: HttpResponseBase, signed_in: SignedIn, at: datetime) -> None:
    """Set the access and refresh cookies of a session."""
    rest = int((signed_in.expires_at - at).total_seconds())
    for name, token, seconds in (
        (settings.AUTH_COOKIE_ACCESS_NAME, signed_in.access_token, signed_in.expires_in),
        (settings.AUTH_COOKIE_REFRESH_NAME, signed_in.refresh_token, rest),
    ):
        response.set_cookie(
            name,
            token,
            max_age=seconds,
            path="/",
            secure=settings.AUTH_COOKIE_SECURE,
            httponly=settings.AUTH_COOKIE_HTTPONLY,
            samesite=settings.AUTH_COOKIE_SAMESITE,  # type: ignore[arg-type]
        )


def take_away(response: HttpResponseBase) -> None:
    """Expire all three cookies."""
    for name in (
        settings.AUTH_COOKIE_ACCESS_NAME,
        settings.AUTH_COOKIE_REFRESH_NAME,
        settings.CSRF_COOKIE_NAME,
    ):
        response.delete_cookie(name, samesite=settings.AUTH_COOKIE_SAMESITE)  # type: ignore[arg-type]


class CookieMiddleware:
    """Outside of Django's CSRF middleware, which would set its cookie again."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        renewed = getattr(request, "renewed", None)
        if isinstance(response, Problem) and response.code == SessionRevoked.code:
            take_away(response)
        elif renewed is not None and settings.AUTH_COOKIE_ACCESS_NAME not in response.cookies:
            set_cookies(response, *renewed)
        _align(response)
        return response


def _align(response: HttpResponseBase) -> None:
    """Let the readable cookie last as long as the refresh cookie that goes out with it."""
    refresh = response.cookies.get(settings.AUTH_COOKIE_REFRESH_NAME)
    readable = response.cookies.get(settings.CSRF_COOKIE_NAME)
    if refresh is not None and readable is not None:
        for attribute in ("max-age", "expires"):
            readable[attribute] = refresh[attribute]
