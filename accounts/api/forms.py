"""What comes in and goes out when people register and sign in."""

from typing import Annotated, Any

from pydantic import AliasChoices, Field
from rest_framework import serializers

from accounts import policy
from accounts.choices import GrantSource, Role, ScopeKind
from accounts.models import Grant, User
from accounts.queries import Myself
from accounts.services import SignedIn
from core import wire
from core.actors import Actor

LONGEST_SECRET = 4096


def _secret(value: object) -> str:
    """Text as it was typed: a password is neither trimmed nor cut."""
    if value is None or value == "":
        raise wire.fault("required", "This must not be empty.")
    if not isinstance(value, str):
        raise wire.fault("wrong_type", "This must be text.")
    if not wire.is_clean(value):
        raise wire.fault("forbidden_character", "Text may not hold NUL, surrogates or controls.")
    if len(value) > LONGEST_SECRET:
        raise wire.fault("too_long", f"At most {LONGEST_SECRET} characters.", limit=LONGEST_SECRET)
    return value


Secret = Annotated[
    str,
    wire.Reading(_secret, {"type": "string", "format": "password", "maxLength": LONGEST_SECRET}),
]


class RegisterRequest(wire.Input):
    """``role`` counts only where an administrator adds a colleague."""

    email: Annotated[str, wire.text(1, 320)]
    password: Secret
    full_name: Annotated[str | None, wire.nullable_text(255)] = None
    role: Annotated[str, wire.choice(Role.values)] | None = None


class LoginRequest(wire.Input):
    email: Annotated[str, wire.text(1, 320)] = Field(
        validation_alias=AliasChoices("email", "username")
    )
    password: Secret
    code: Annotated[str | None, wire.nullable_text(64)] = Field(
        None, description="Of the second factor, to sign in by one call."
    )


class RefreshRequest(wire.Input):
    """Without ``refresh_token`` the cookie is used, and needs the CSRF token."""

    refresh_token: Secret | None = None


def _if_any(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


class LogoutRequest(wire.Input):
    """Whatever is sent: what names no session ends none."""

    refresh_token: Annotated[
        str | None, wire.Reading(_if_any, {"type": ["string", "null"], "format": "password"})
    ] = None


class UserResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    email = serializers.EmailField(allow_null=True)
    full_name = serializers.CharField()
    role = serializers.ChoiceField(Role.choices, allow_null=True)
    stellar_wallet = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class GrantResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)
    scope_kind = serializers.ChoiceField(ScopeKind.choices)
    scope_id = serializers.CharField(allow_null=True)
    source = serializers.ChoiceField(GrantSource.choices)  # type: ignore[assignment]
    valid_until = serializers.DateTimeField(allow_null=True)


class MeResponse(UserResponse):
    grants = GrantResponse(many=True)
    teams = serializers.ListField(child=serializers.CharField())
    permissions = serializers.ListField(child=serializers.CharField())
    two_factor = serializers.BooleanField()
    acting_as = serializers.CharField(allow_null=True)


class SessionResponse(serializers.Serializer[Any]):
    """``token`` and ``api_key`` repeat the access token for clients that look for it there."""

    access_token = serializers.CharField()
    token = serializers.CharField()
    api_key = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds")
    user = UserResponse()


class SignedOutResponse(serializers.Serializer[Any]):
    message = serializers.CharField()
    sessions_invalidated = serializers.IntegerField()


def user_form(user: User, role: str) -> dict[str, Any]:
    return {
        "id": user.wire_id,
        "email": user.email,
        "full_name": user.full_name,
        "role": role or None,
        "stellar_wallet": user.stellar_wallet,
        "created_at": wire.instant(user.created_at),
    }


def grant_form(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.wire_id,
        "role": grant.role,
        "scope_kind": grant.scope_kind,
        "scope_id": grant.scope_id,
        "source": grant.source,
        "valid_until": wire.instant(grant.valid_until),
    }


def me_form(found: Myself, actor: Actor) -> dict[str, Any]:
    user = found.user
    opened = policy.permissions_of(user.role)
    if actor.kind == "api_key":
        opened = policy.cut_down(opened, actor.key_scopes)
    return user_form(user, user.role) | {
        "grants": [grant_form(grant) for grant in user.live_grants],
        "teams": found.teams,
        "permissions": opened,
        "two_factor": found.has_second_factor,
        "acting_as": actor.id if actor.impersonator else None,
    }


def session_form(signed_in: SignedIn) -> dict[str, Any]:
    return {
        "access_token": signed_in.access_token,
        "token": signed_in.access_token,
        "api_key": signed_in.access_token,
        "refresh_token": signed_in.refresh_token,
        "token_type": "bearer",
        "expires_in": signed_in.expires_in,
        "user": user_form(signed_in.user, signed_in.user.role),
    }
