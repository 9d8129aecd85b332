"""What comes in and goes out when passwords change."""

from typing import Annotated, Any

from pydantic import AliasChoices, Field
from rest_framework import serializers

from accounts.api.forms import Secret
from core import wire

_NEW = AliasChoices("password", "new_password")


class ChangePasswordRequest(wire.Input):
    current_password: Secret = Field(
        validation_alias=AliasChoices("current_password", "present_password", "old_password")
    )
    password: Secret = Field(validation_alias=_NEW)


class ForgotPasswordRequest(wire.Input):
    email: Annotated[str, wire.text(1, 320)] = Field(
        validation_alias=AliasChoices("email", "username")
    )


class ResetPasswordRequest(wire.Input):
    """``token`` is what the link of the mail carries."""

    token: Secret
    password: Secret = Field(validation_alias=_NEW)


class ToldResponse(serializers.Serializer[Any]):
    message = serializers.CharField()
