"""What the views of accounts share."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from accounts import services
from accounts.api.forms import session_form
from core import rendering
from core.views import ApiView


class SignInView(ApiView):
    """Takes no Idempotency-Key: tokens are never stored."""

    honours_idempotency_key = False
    cache_control = "no-store"


def answer(body: dict[str, Any]) -> HttpResponse:
    response = HttpResponse(rendering.dumps(body), content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response


def signed_in_answer(signed_in: services.SignedIn, at: datetime) -> HttpResponse:
    """The pair as JSON and as cookies, for both kinds of client."""
    response = answer(session_form(signed_in))
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
    return response
