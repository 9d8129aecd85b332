"""What administrators do to the accounts of others."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import policy
from accounts.choices import UserStatus
from accounts.events import AccountChanged
from accounts.models import OneTimeDevice, User
from accounts.services.grants import UserNotFound, locked_user
from accounts.services.sessions import revoke_all_sessions
from audit import services as audit
from core import events
from core.actors import Actor
from core.errors import Fault, ValidationFailed


def rename_user(user_id: UUID, full_name: str, *, actor: Actor, at: datetime) -> User:
    """Correct what somebody is called. Rights change by grants, never here.

    Audits that it changed, not the name. Raises: NotPermitted, UserNotFound.
    """
    policy.require_may_manage_people(actor)
    with transaction.atomic():
        user = locked_user(user_id)
        if user.status == UserStatus.ERASED:
            raise UserNotFound
        if user.full_name != full_name:
            user.full_name = full_name
            user.save(update_fields=["full_name"])
            audit.record(
                action="accounts.rename_user",
                subject=("user", user.wire_id),
                actor=actor,
                at=at,
                after={"changed": ["full_name"]},
            )
        return user


def reset_2fa(user_id: UUID, *, actor: Actor, at: datetime, reason: str) -> User:
    """Take a lost second factor off somebody's account; their sessions end.

    Without one there is nothing to do. Emits AccountChanged, SessionRevoked. Audits.
    Raises: NotPermitted, ReauthenticationRequired, OwnSecondFactor, ValidationFailed, UserNotFound.
    """
    policy.require_may_reset_second_factor(actor, user_id, at)
    require_reason(reason)
    with transaction.atomic():
        user = locked_user(user_id)
        taken, _ = OneTimeDevice.objects.filter(user=user).delete()
        if taken:
            audit.record(
                action="accounts.reset_2fa",
                subject=("user", user.wire_id),
                actor=actor,
                at=at,
                before={"second_factor": True},
                after={"second_factor": False},
                reason=reason,
            )
            revoke_all_sessions(user.id, reason="second_factor_reset", actor=actor, at=at)
            events.publish(
                AccountChanged(occurred_at=at, user_id=user.wire_id, what="second_factor")
            )
        return user


def require_reason(reason: str) -> None:
    """Acts that cannot be undone say why. Raises: ValidationFailed."""
    if not reason.strip():
        raise ValidationFailed(faults=[Fault("/reason", "required", "Say why.")])
