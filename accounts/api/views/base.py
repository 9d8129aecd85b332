"""What the views of accounts share."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse

from accounts import services
from accounts.api.cookies import set_cookies, take_away
from accounts.api.forms import session_form
from core import rendering
from core.views import ApiView


class AccountView(ApiView):
    """Opens to persons only, not to API keys; is kept by no cache."""

    takes_keys = False
    cache_control = "no-store"


class SignInView(AccountView):
    """Takes no Idempotency-Key: tokens are never stored."""

    honours_idempotency_key = False


def answer(body: dict[str, Any], status: int = 200) -> HttpResponse:
    response = HttpResponse(rendering.dumps(body), status=status, content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response


def signed_in_answer(signed_in: services.SignedIn, at: datetime) -> HttpResponse:
    """The pair as JSON and as cookies, for both kinds of client."""
    response = answer(session_form(signed_in))
    set_cookies(response, signed_in, at)
    return response


def signed_out_answer(message: str, ended: int) -> HttpResponse:
    """How many sessions ended; the cookies go."""
    response = answer({"message": message, "sessions_invalidated": ended})
    take_away(response)
    return response
