"""What comes in and goes out where people, teams and rights are administered."""

from collections.abc import Sequence
from typing import Annotated, Any

from rest_framework import serializers

from accounts import policy
from accounts.api.forms import GrantResponse, Secret, grant_form
from accounts.choices import Role, ScopeKind, UserKind, UserStatus
from accounts.models import Grant, GroupMapping, Membership, Team, User
from accounts.services import MOST_MEMBERS
from core import wire
from core.ids import encode

Reference = Annotated[str, wire.text(1, 64)]  # an id, or a code
Reason = Annotated[str, wire.text(0, 500)]
RoleName = Annotated[str, wire.choice(Role.values)]
CONFIRMED = "ERASE"


def _confirmed(value: object) -> str:
    if value != CONFIRMED:
        raise wire.fault("unknown_choice", f"Write {CONFIRMED} to confirm.", allowed=[CONFIRMED])
    return CONFIRMED


class UserRequest(wire.Input):
    """Without a password they set one by POST /auth/password/forgot, or come by OIDC."""

    email: Annotated[str, wire.text(1, 320)]
    full_name: Annotated[str | None, wire.nullable_text(255)] = None
    password: Secret | None = None
    role: RoleName | None = None


class UserChange(wire.Input):
    """A role is not changed here: see /access/users/{user_id}/grants."""

    full_name: Annotated[str, wire.text(1, 255)] | None = None


class ReasonRequest(wire.Input):
    reason: Reason = ""


class RequiredReasonRequest(wire.Input):
    reason: Annotated[str, wire.text(1, 500)]


class GrantRequest(wire.Input):
    """``scope_id``: code or id of a region or site; left out with the scope ``global``."""

    role: RoleName
    scope_kind: Annotated[str, wire.choice(ScopeKind.values)] = ScopeKind.GLOBAL.value
    scope_id: Reference | None = None
    valid_until: wire.Instant | None = None
    reason: Reason = ""


class TeamRequest(wire.Input):
    name: Annotated[str, wire.text(1, 100)]


class TeamChange(wire.Input):
    name: Annotated[str, wire.text(1, 100)] | None = None


class MembersRequest(wire.Input):
    """Everybody who shall be in the team (``usr_...``)."""

    user_ids: Annotated[list[str], wire.texts(MOST_MEMBERS, 64)]
    reason: Reason = ""


class GroupMappingRequest(wire.Input):
    """``provider``: left out, the one that is set (``OAUTH_PROVIDER_ID``)."""

    provider: Annotated[str, wire.text(1, 64)] | None = None
    claim_value: Annotated[str, wire.text(1, 255)]
    role: RoleName
    scope_kind: Annotated[str, wire.choice(ScopeKind.values)] = ScopeKind.GLOBAL.value
    scope_id: Reference | None = None


class GroupMappingChange(wire.Input):
    role: RoleName


class EraseRequest(wire.Input):
    """``password`` or ``code``; neither where there is neither, and the sign-in is fresh."""

    confirm: Annotated[str, wire.Reading(_confirmed, {"type": "string", "enum": [CONFIRMED]})]
    password: Secret | None = None
    code: Annotated[str, wire.text(1, 64)] | None = None


class NamedResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()


class AccountResponse(serializers.Serializer[Any]):
    """A person or service account, as those see it who look after it."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(UserKind.choices)
    status = serializers.ChoiceField(UserStatus.choices)
    email = serializers.EmailField(allow_null=True)
    full_name = serializers.CharField()
    role = serializers.ChoiceField(Role.choices, allow_null=True, help_text="The highest anywhere")
    teams = NamedResponse(many=True)
    two_factor = serializers.BooleanField()
    stellar_wallet = serializers.CharField(allow_null=True)
    timezone = serializers.CharField()
    last_login_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class GrantDetailResponse(GrantResponse):
    """A role in a place; ``team_id``: held by everybody in that team."""

    user_id = serializers.CharField(allow_null=True)
    team_id = serializers.CharField(allow_null=True)
    valid_from = serializers.DateTimeField()
    granted_by = serializers.CharField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_by = serializers.CharField(allow_null=True)


class MemberResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    email = serializers.EmailField(allow_null=True)
    full_name = serializers.CharField()
    status = serializers.ChoiceField(UserStatus.choices)


class TeamResponse(NamedResponse):
    member_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class TeamDetailResponse(TeamResponse):
    members = MemberResponse(many=True)


class GroupMappingResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    provider = serializers.CharField()
    claim_value = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)
    scope_kind = serializers.ChoiceField(ScopeKind.choices)
    scope_id = serializers.CharField(allow_null=True)
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()


class ErasedResponse(serializers.Serializer[Any]):
    status = serializers.CharField()
    user_id = serializers.CharField()
    message = serializers.CharField(help_text="What stays")


class OwnDataResponse(serializers.Serializer[Any]):
    """Everything that is kept about a person, without what they could sign in with."""

    exported_at = serializers.DateTimeField()
    user = serializers.DictField()
    grants = GrantDetailResponse(many=True)
    teams = NamedResponse(many=True)
    sessions = serializers.ListField(child=serializers.DictField())
    api_keys = serializers.ListField(child=serializers.DictField())
    preferences = serializers.DictField()
    two_factor = serializers.DictField()
    identities = serializers.ListField(child=serializers.DictField())
    audit_entries = serializers.ListField(child=serializers.DictField())
    entry_count = serializers.IntegerField()


def account_forms(users: Sequence[User]) -> list[dict[str, Any]]:
    return [account_form(user) for user in users]


def account_form(user: User) -> dict[str, Any]:
    """The form of a row of ``access_filters.accounts``."""
    teams = sorted(user.teams.all(), key=lambda team: team.id)
    return {
        "id": user.wire_id,
        "kind": user.kind,
        "status": user.status,
        "email": user.email,
        "full_name": user.full_name,
        "role": user.role or None,
        "teams": [{"id": team.wire_id, "name": team.name} for team in teams],
        "two_factor": user.has_device,  # type: ignore[attr-defined]
        "stellar_wallet": user.stellar_wallet,
        "timezone": user.timezone,
        "last_login_at": wire.instant(user.last_login_at),
        "created_at": wire.instant(user.created_at),
    }


def grant_detail_forms(grants: Sequence[Grant]) -> list[dict[str, Any]]:
    return [grant_detail_form(grant) for grant in grants]


def grant_detail_form(grant: Grant) -> dict[str, Any]:
    return grant_form(grant) | {
        "user_id": encode(policy.USER, grant.user_id) if grant.user_id else None,
        "team_id": encode(policy.TEAM, grant.team_id) if grant.team_id else None,
        "valid_from": wire.instant(grant.valid_from),
        "granted_by": grant.granted_by,
        "reason": grant.reason,
        "created_at": wire.instant(grant.created_at),
        "ended_at": wire.instant(grant.ended_at),
        "ended_by": grant.ended_by,
    }


def team_form(team: Team, member_count: int) -> dict[str, Any]:
    return {
        "id": team.wire_id,
        "name": team.name,
        "member_count": member_count,
        "created_at": wire.instant(team.created_at),
    }


def team_detail_form(team: Team, members: Sequence[Membership]) -> dict[str, Any]:
    return team_form(team, len(members)) | {
        "members": [
            {
                "id": member.user.wire_id,
                "email": member.user.email,
                "full_name": member.user.full_name,
                "status": member.user.status,
            }
            for member in members
        ]
    }


def group_mapping_forms(mappings: Sequence[GroupMapping]) -> list[dict[str, Any]]:
    return [group_mapping_form(mapping) for mapping in mappings]


def group_mapping_form(mapping: GroupMapping) -> dict[str, Any]:
    return {
        "id": mapping.wire_id,
        "provider": mapping.provider,
        "claim_value": mapping.claim_value,
        "role": mapping.role,
        "scope_kind": mapping.scope_kind,
        "scope_id": mapping.scope_id,
        "created_by": mapping.created_by,
        "created_at": wire.instant(mapping.created_at),
    }


def erased_form(user: User) -> dict[str, Any]:
    return {
        "status": user.status,
        "user_id": user.wire_id,
        "message": "Erased. The id stays, and what was typed into free text of outages and notes.",
    }
