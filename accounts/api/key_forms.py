"""What comes in and goes out of API keys, service accounts and impersonation."""

from typing import Annotated, Any

from pydantic import Field
from rest_framework import serializers

from accounts import policy
from accounts.choices import Role, UserStatus
from accounts.models import ApiKey, User
from accounts.services import Impersonation, KeyTerms
from core import wire
from core.ids import encode
from core.pagination import ListQuery

MOST_RPM = 100_000

Reference = Annotated[str, wire.text(1, 64)]  # an id


class KeyRequest(wire.Input):
    """``user_id``: whose key it is, if an administrator makes it for somebody else."""

    name: Annotated[str, wire.text(1, 100)]
    scopes: Annotated[list[str], wire.texts(len(policy.KEY_SCOPES), 32)]
    networks: Annotated[list[str], wire.texts(100, 64)] = Field(
        default_factory=list, description="Networks (CIDR) the key works from; none: any."
    )
    rate_rpm: Annotated[int, wire.whole(1, MOST_RPM)] | None = Field(
        None, description="Calls in a minute; above RATE_LIMIT_RPM an administrator says so."
    )
    expires_at: wire.Instant | None = Field(
        None, description="Within 365 days; left out: 90 days, for a service account 365."
    )
    user_id: Reference | None = None

    def terms(self) -> KeyTerms:
        return KeyTerms(
            name=self.name,
            scopes=self.scopes,
            networks=self.networks,
            rate_rpm=self.rate_rpm,
            expires_at=self.expires_at,
        )


class RotationRequest(wire.Input):
    overlap_hours: Annotated[int, wire.whole(0, policy.MOST_OVERLAP_HOURS)] = Field(
        24, description="How long the old key goes on beside the new one."
    )


class KeyReasonQuery(wire.Input):
    reason: Annotated[str, wire.text(0, 500)] = ""


class KeyQuery(ListQuery):
    """The filters of GET /api-keys."""

    user_id: Reference | None = Field(None, description="Whose; left out: your own.")
    is_live: wire.Flag | None = Field(None, description="Neither expired nor revoked.")


class ServiceQuery(ListQuery):
    """The filters of GET /access/service-accounts."""

    status: Annotated[list[str], wire.many(UserStatus.values)] = Field(default_factory=list)


class ServiceRequest(wire.Input):
    """``responsible``: the person (``usr_...``) who answers for the machine."""

    full_name: Annotated[str, wire.text(1, 255)]
    responsible: Reference


class ServiceChange(wire.Input):
    full_name: Annotated[str, wire.text(1, 255)] | None = None
    responsible: Reference | None = None


class ImpersonationRequest(wire.Input):
    user_id: Reference
    reason: Annotated[str, wire.text(1, 500)]


class KeyResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="How the key begins; the rest is not kept")
    user_id = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(policy.KEY_SCOPES))
    networks = serializers.ListField(child=serializers.CharField())
    rate_rpm = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    replaced_by = serializers.CharField(allow_null=True)


class MadeKeyResponse(KeyResponse):
    raw_key = serializers.CharField(
        allow_null=True, help_text="The key; shown once, null in a repeated answer"
    )


class ResponsibleResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    full_name = serializers.CharField()
    is_active = serializers.BooleanField()


class ServiceResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    full_name = serializers.CharField()
    status = serializers.ChoiceField(UserStatus.choices)
    role = serializers.ChoiceField(Role.choices, allow_null=True)
    responsible = ResponsibleResponse()
    created_at = serializers.DateTimeField()


class ImpersonationResponse(serializers.Serializer[Any]):
    access_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds")
    acting_as = serializers.CharField()
    session_id = serializers.CharField()


def key_form(key: ApiKey) -> dict[str, Any]:
    replaced_by = key.replaced_by_id
    return {
        "id": key.wire_id,
        "name": key.name,
        "prefix": f"noc_{key.public_id}",
        "user_id": encode(policy.USER, key.user_id),
        "scopes": key.scopes,
        "networks": key.networks,
        "rate_rpm": key.rate_rpm,
        "created_at": wire.instant(key.created_at),
        "expires_at": wire.instant(key.expires_at),
        "last_used_at": wire.instant(key.last_used_at),
        "revoked_at": wire.instant(key.revoked_at),
        "replaced_by": encode(policy.API_KEY, replaced_by) if replaced_by else None,
    }


def key_forms(keys: list[ApiKey]) -> list[dict[str, Any]]:
    return [key_form(key) for key in keys]


def service_form(service: User) -> dict[str, Any]:
    responsible = service.responsible
    assert responsible is not None  # noqa: S101 - the table says so
    return {
        "id": service.wire_id,
        "full_name": service.full_name,
        "status": service.status,
        "role": service.role or None,
        "responsible": {
            "id": responsible.wire_id,
            "full_name": responsible.full_name,
            "is_active": responsible.is_active,
        },
        "created_at": wire.instant(service.created_at),
    }


def service_forms(services: list[User]) -> list[dict[str, Any]]:
    return [service_form(service) for service in services]


def impersonation_form(made: Impersonation) -> dict[str, Any]:
    return {
        "access_token": made.access_token,
        "token_type": "bearer",
        "expires_in": made.expires_in,
        "acting_as": made.user.wire_id,
        "session_id": made.session.wire_id,
    }
