"""From where the back office opens."""

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.api.authentication import client_address
from core import problems
from core.errors import RouteNotFound


class AllowedNetworksMiddleware:
    """Outside of ADMIN_ALLOWED_NETWORKS there is no back office; empty means everywhere."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(f"/{settings.ADMIN_PATH}") and not _is_allowed(request):
            return problems.response(RouteNotFound(), request)
        return self.get_response(request)


def _is_allowed(request: HttpRequest) -> bool:
    networks = settings.ADMIN_ALLOWED_NETWORKS
    if not networks:
        return True
    address = client_address(request)
    return address is not None and any(
        ipaddress.ip_address(address) in network for network in networks
    )
