"""What goes in and out while somebody signs in by an identity provider."""

from typing import Annotated, Any

from pydantic import Field
from rest_framework import serializers

from accounts.clients.oidc import Provider
from core import wire


class OidcLoginQuery(wire.Input):
    next: Annotated[str | None, wire.nullable_text(2048)] = Field(
        None, description="The path of ours to go on to afterwards."
    )


class OidcCallbackQuery(wire.Input):
    """What the provider sends the browser back with. Source: RFC 6749, 4.1.2; RFC 9207."""

    state: Annotated[str | None, wire.nullable_text(8192)] = None
    code: Annotated[str | None, wire.nullable_text(8192)] = None
    iss: Annotated[str | None, wire.nullable_text(8192)] = None
    error: Annotated[str | None, wire.nullable_text(8192)] = None


class ProviderResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    login_url = serializers.CharField(help_text="Send the browser there")


def provider_form(provider: Provider) -> dict[str, Any]:
    return {"id": provider.id, "name": provider.name, "login_url": provider.login_url}
