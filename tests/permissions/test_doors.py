"""Deny by default: every address asks who is calling, but for the ones named here."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

pytestmark = pytest.mark.django_db

API = settings.API_V1_PREFIX
# The last one: what varies has a form, which the ``x`` of this test has not.
CLOSED = ("credentials_missing", "method_not_allowed", "route_not_found")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

OPEN = {
    *(f"GET {path}" for path in (
        "/health", "/health/liveness", "/health/readiness", "/health/ready", f"{API}/health",
        "/openapi.json", "/docs", "/redoc",
        f"{API}/auth/oidc/providers", f"{API}/auth/oidc/x/login", f"{API}/auth/oidc/x/callback",
    )),
    *(f"POST {API}/auth/{path}" for path in (
        "register", "login", "login/verify", "refresh", "password/forgot", "password/reset",
        "logout", "logout-all", "revoke",
    )),
}  # fmt: skip


def addresses(resolver: URLResolver, before: str = "/") -> Iterator[str]:
    """Every address outside of the back office, with ``x`` for what varies."""
    for pattern in resolver.url_patterns:
        whole = before + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLPattern):
            plain = whole.removesuffix("/?$").removesuffix("$")
            yield re.sub(r"\(\?P<\w+>.*?\)(?=/|$)", "x", plain).replace("\\.", ".")
        elif str(pattern.pattern) != settings.ADMIN_PATH:
            yield from addresses(pattern, whole)


def test_only_the_named_doors_open_to_strangers() -> None:
    client, opened = Client(), set()
    for address in addresses(get_resolver()):
        if address.startswith(f"/{settings.ADMIN_PATH}"):
            continue
        for method in METHODS:
            answer = client.generic(method, address, "{}", content_type="application/json")
            if not (answer.status_code >= 400 and answer.json()["code"] in CLOSED):
                opened.add(f"{method} {address}")
    assert sorted(opened - OPEN) == []
    assert sorted(OPEN - opened) == []
