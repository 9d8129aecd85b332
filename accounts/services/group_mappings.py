"""What groups of the identity provider give. It reaches people at their next sign-in there."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from psycopg import errors as pg

from accounts import policy
from accounts.choices import ScopeKind
from accounts.models import GroupMapping
from audit import services as audit
from core.actors import Actor
from core.errors import Conflict, NotFound


class GroupMappingNotFound(NotFound):
    code = "group_mapping_not_found"
    title = "Group mapping not found"


class GroupMappingTaken(Conflict):
    code = "group_mapping_taken"
    title = "Group mapped already"
    summary = "This group gives a role there already. Change that mapping."


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """A group, as the provider calls it, and the role that it gives in a place."""

    provider: str
    claim_value: str
    role: str
    scope_kind: str = ScopeKind.GLOBAL
    scope_id: str | None = None


def create_group_mapping(mapped: Mapped, *, actor: Actor, at: datetime) -> GroupMapping:
    """Let a group give a role in a place, to everybody who signs in with it from now on.

    Audits. Raises: NotPermitted, ReauthenticationRequired, RoleAboveOwn, UnknownScope,
    GroupMappingTaken.
    """
    policy.require_may_change_rights(actor, at)
    policy.require_may_give(actor, [mapped.role])
    policy.check_scope(mapped.role, mapped.scope_kind, mapped.scope_id)
    mapping = GroupMapping(
        provider=mapped.provider,
        claim_value=mapped.claim_value,
        role=mapped.role,
        scope_kind=mapped.scope_kind,
        scope_id=mapped.scope_id,
        created_by=actor.id,
        created_at=at,
    )
    with transaction.atomic():
        try:
            with transaction.atomic():
                mapping.save(force_insert=True)
        except IntegrityError as error:
            if isinstance(error.__cause__, pg.UniqueViolation):
                raise GroupMappingTaken from None
            raise
        _record("create_group_mapping", mapping, actor, at, after=_facts(mapping))
    return mapping


def change_group_mapping(
    mapping_id: UUID, role: str, *, actor: Actor, at: datetime
) -> GroupMapping:
    """Let a group give another role in its place, from the next sign-in of each person on.

    Audits. Raises: NotPermitted, ReauthenticationRequired, RoleAboveOwn, UnknownScope,
    GroupMappingNotFound.
    """
    policy.require_may_change_rights(actor, at)
    with transaction.atomic():
        mapping = _locked(mapping_id)
        before = mapping.role
        policy.require_may_give(actor, [role, before])
        policy.check_scope(role, mapping.scope_kind, mapping.scope_id)
        if before != role:
            mapping.role = role
            mapping.save(update_fields=["role"])
            _record(
                "change_group_mapping",
                mapping,
                actor,
                at,
                before={"role": before},
                after={"role": role},
            )
        return mapping


def delete_group_mapping(mapping_id: UUID, *, actor: Actor, at: datetime) -> None:
    """Let a group give nothing any more. Grants that it gave end at the next sign-in of each
    person, at the latest after ``OAUTH_GRANT_TTL_HOURS``; to end one now there is ``end_grant``.

    Audits. Raises: NotPermitted, ReauthenticationRequired, RoleAboveOwn, GroupMappingNotFound.
    """
    policy.require_may_change_rights(actor, at)
    with transaction.atomic():
        mapping = _locked(mapping_id)
        policy.require_may_give(actor, [mapping.role])
        _record("delete_group_mapping", mapping, actor, at, before=_facts(mapping))
        mapping.delete()


def _locked(mapping_id: UUID) -> GroupMapping:
    mapping = GroupMapping.objects.select_for_update().filter(id=mapping_id).first()
    if mapping is None:
        raise GroupMappingNotFound
    return mapping


def _facts(mapping: GroupMapping) -> dict[str, str | None]:
    return {
        "provider": mapping.provider,
        "claim_value": mapping.claim_value,
        "role": mapping.role,
        "scope_kind": mapping.scope_kind,
        "scope_id": mapping.scope_id,
    }


def _record(
    verb: str,
    mapping: GroupMapping,
    actor: Actor,
    at: datetime,
    *,
    before: dict[str, str | None] | None = None,
    after: dict[str, str | None] | None = None,
) -> None:
    audit.record(
        action=f"accounts.{verb}",
        subject=("group_mapping", mapping.wire_id),
        actor=actor,
        at=at,
        before=before,
        after=after,
        links=[mapping.scope_id] if mapping.scope_id else [],
    )
