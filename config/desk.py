"""The way to the back office: from where it opens, and whose session a browser holds there."""

import ipaddress
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts import queries as accounts
from accounts.api.back_office import held_by
from core import problems
from core.actors import Actor
from core.callers import client_address
from core.errors import RouteNotFound, Unauthenticated


def is_inside(request: HttpRequest) -> bool:
    return request.path.startswith(f"/{settings.ADMIN_PATH}")


def owes_second_factor(actor: Actor) -> bool:
    """Whether they may go no further than to set up, or to prove, a second factor.

    Where any role demands one, everybody of the back office needs one: what a page here shows and
    does takes more than a password, whatever the role.
    """
    return actor.owes_second_factor or (bool(settings.MFA_REQUIRED_ROLES) and actor.mfa_at is None)


class AllowedNetworksMiddleware:
    """Outside of ADMIN_ALLOWED_NETWORKS there is no back office; empty means everywhere."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_inside(request):
            return self.get_response(request)
        if not _is_allowed(request):
            return problems.response(RouteNotFound(), request)
        response = self.get_response(request)
        response["X-Robots-Tag"] = "noindex"
        return response


def _is_allowed(request: HttpRequest) -> bool:
    networks = settings.ADMIN_ALLOWED_NETWORKS
    if not networks:
        return True
    address = client_address(request)
    return address is not None and any(
        ipaddress.ip_address(address) in network for network in networks
    )


class BackOfficeMiddleware(AuthenticationMiddleware):
    """Whose session a browser holds in the back office. Elsewhere nobody's: no route reads it."""

    def process_request(self, request: HttpRequest) -> None:
        whose: Any = SimpleLazyObject(lambda: _whose(request))
        request.user = whose if is_inside(request) else AnonymousUser()


def _whose(request: HttpRequest) -> object:
    held = held_by(request)
    if held is None:
        return AnonymousUser()
    address = client_address(request) or ""
    try:
        user = accounts.in_back_office(held, at=timezone.now(), address=address)
    except Unauthenticated:
        request.has_lost_session = True  # type: ignore[attr-defined]  # for the page of sign-in
        return AnonymousUser()
    request.actor_id = user.wire_id  # type: ignore[attr-defined]  # for the access log
    return user
