"""How the OpenAPI document tells of the three ways in."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension

from accounts.api.authentication import ActorAuthentication


class ActorScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = ActorAuthentication
    match_subclasses = True
    name = ["bearer", "apiKey", "cookie"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        # Any of them, not all; a bearer may be a key too, where keys open at all.
        takes_keys = getattr(auto_schema.view, "takes_keys", False)
        return [{name: []} for name in self.name if takes_keys or name != "apiKey"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "description": "An access token (POST /auth/login, 15 minutes); an API key"
                " where X-API-Key is offered beside it.",
            },
            {
                "type": "apiKey",
                "in": "header",
                "name": "X-API-Key",
                "description": "An API key: noc_, 12 characters that name it, _ and 43 that prove"
                " it (POST /api-keys). It acts as its owner, cut down to its scopes"
                " (<area>:read, <area>:write, admin:full). An access token is read here too.",
            },
            {"type": "apiKey", "in": "cookie", "name": settings.AUTH_COOKIE_ACCESS_NAME},
        ]
