"""Accounts of machines: no password and no sign-in; keys call as them, grants give them rights."""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts import policy
from accounts.choices import UserKind, UserStatus
from accounts.models import User
from accounts.services.grants import UserNotFound, locked_user
from audit import services as audit
from core.actors import Actor, require_fresh_proof
from core.errors import Fault, Invalid, NothingToChange
from core.ids import encode, uuid7


class ResponsibleNotActive(Invalid):
    code = "responsible_not_active"
    title = "Nobody responsible"
    summary = "An active person answers for a service account."


def create_service_account(
    *, full_name: str, responsible_id: UUID, actor: Actor, at: datetime
) -> User:
    """Make an account for a machine, without any right, for which a person answers.

    Audits accounts.create_service_account. Raises: NotPermitted, ImpersonatorRefused,
    SecondFactorRequired, ReauthenticationRequired, ResponsibleNotActive.
    """
    policy.require_may_manage_people(actor)
    require_fresh_proof(actor, at)
    with transaction.atomic():
        responsible = _responsible(responsible_id)
        service = User.objects.create(
            id=uuid7(),
            kind=UserKind.SERVICE,
            full_name=full_name,
            responsible=responsible,
            password=make_password(None),
            created_at=at,
        )
        _record("create_service_account", service, actor, at)
    return service


def change_service_account(
    user_id: UUID,
    *,
    full_name: str | None = None,
    responsible_id: UUID | None = None,
    actor: Actor,
    at: datetime,
) -> User:
    """Rename a service account, or let another person answer for it.

    Audits accounts.change_service_account. Raises: as ``create_service_account``; UserNotFound,
    NothingToChange.
    """
    policy.require_may_manage_people(actor)
    require_fresh_proof(actor, at)
    if full_name is None and responsible_id is None:
        raise NothingToChange
    with transaction.atomic():
        service = locked_user(user_id)
        if service.kind != UserKind.SERVICE or service.status == UserStatus.ERASED:
            raise UserNotFound
        before = encode(policy.USER, service.responsible_id)
        if full_name is not None:
            service.full_name = full_name
        if responsible_id is not None:
            service.responsible = _responsible(responsible_id)
        service.save(update_fields=["full_name", "responsible"])
        _record("change_service_account", service, actor, at, before=before)
    return service


def _responsible(user_id: UUID) -> User:
    """The person, locked against leaving meanwhile."""
    found = User.objects.select_for_update(no_key=True).filter(id=user_id).first()
    if found is None or found.kind != UserKind.PERSON or not found.is_active:
        detail = "This is no active person."
        raise ResponsibleNotActive(faults=[Fault("/responsible", "responsible_not_active", detail)])
    return found


def _record(
    verb: str, service: User, actor: Actor, at: datetime, before: str | None = None
) -> None:
    responsible = encode(policy.USER, service.responsible_id)
    audit.record(
        action=f"accounts.{verb}",
        subject=("user", service.wire_id),
        actor=actor,
        at=at,
        before={"responsible": before} if before else None,
        after={"kind": service.kind, "status": service.status, "responsible": responsible},
        links=[responsible],
    )
