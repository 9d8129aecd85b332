"""What comes in and goes out of one's own profile, preferences and sessions."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from rest_framework import serializers

from accounts.api.forms import UserResponse, user_form
from accounts.choices import Method, SessionKind
from accounts.models import Session, User
from accounts.policy.preferences import DEFAULTS
from core import wire


class ProfileRequest(wire.Input):
    """What is absent stays. ``stellar_wallet`` null: none is shown."""

    full_name: Annotated[str, wire.text(1, 255)] = ""
    stellar_wallet: Annotated[str | None, wire.nullable_text(56)] = None
    timezone: Annotated[str, wire.text(1, 64)] = ""


class ProfileResponse(UserResponse):
    timezone = serializers.CharField()


class PreferencesRequest(wire.Input):
    """Any object; the members that the web client reads have defaults."""

    model_config = ConfigDict(extra="allow")

    onboarding_tour_done: Any = Field(None, alias="onboardingTourDone")
    table_density: Any = Field(None, alias="tableDensity")
    column_visibility: Any = Field(None, alias="columnVisibility")
    outage_filter_presets: Any = Field(None, alias="outageFilterPresets")


class PreferencesResponse(serializers.Serializer[Any]):
    """And whatever else was put there."""

    onboardingTourDone = serializers.JSONField()  # noqa: N815 - its wire name
    tableDensity = serializers.JSONField()  # noqa: N815
    columnVisibility = serializers.JSONField()  # noqa: N815
    outageFilterPresets = serializers.JSONField()  # noqa: N815


PREFERENCES_EXAMPLE = {**DEFAULTS, "tableDensity": "compact"}


class OwnSessionResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    kind = serializers.ChoiceField(SessionKind.choices)
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="Unless it is used before")
    address = serializers.CharField(allow_null=True)
    user_agent = serializers.CharField()
    methods = serializers.ListField(child=serializers.ChoiceField(Method.choices))
    current = serializers.BooleanField(help_text="The one that asks")


def profile_form(user: User) -> dict[str, Any]:
    return user_form(user, user.role) | {"timezone": user.timezone}


def session_forms(current: str) -> Callable[[list[Session]], list[Any]]:
    """How sessions are told to the one with this wire id. Where an impersonator sits is theirs."""

    def form(session: Session) -> dict[str, Any]:
        is_own = session.impersonator_id is None
        return {
            "id": session.wire_id,
            "kind": session.kind,
            "created_at": wire.instant(session.created_at),
            "last_seen_at": wire.instant(session.last_seen_at),
            "expires_at": wire.instant(session.expires_at),
            "address": session.address if is_own else None,
            "user_agent": session.user_agent if is_own else "",
            "methods": session.methods,
            "current": session.wire_id == current,
        }

    return lambda rows: [form(row) for row in rows]
