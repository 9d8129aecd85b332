"""Acting as somebody else: who may, as whom, for how long. Pure."""

from collections.abc import Collection
from datetime import datetime, timedelta

from accounts.choices import Role, UserKind, UserStatus
from accounts.policy.access import require_may_manage_people, require_no_key
from core.actors import (
    Actor,
    NotPermitted,
    SecondFactorRequired,
    require_fresh_proof,
    require_oneself,
)
from core.errors import Conflict, Fault, ValidationFailed

IMPERSONATION_LASTS = timedelta(minutes=15)
SHORTEST_REASON = 10


class NotImpersonable(Conflict):
    code = "not_impersonable"
    title = "Nobody acts as this account"
    summary = "One acts as an active person who is no administrator, and only as such a one."


def require_may_impersonate(actor: Actor, at: datetime) -> None:
    """Administrators whose session was proved with a second factor, freshly proved.

    Raises: ImpersonatorRefused, NotPermitted, SecondFactorRequired, ReauthenticationRequired.
    """
    require_oneself(actor)
    require_no_key(actor)
    require_may_manage_people(actor)
    if not actor.session_id:
        raise NotPermitted("Only somebody who is signed in acts as somebody else.")
    if actor.mfa_at is None:
        raise SecondFactorRequired(
            "Only a session that was proved with a second factor acts as somebody else."
        )
    require_fresh_proof(actor, at)


def check_reason(reason: str) -> None:
    """Whoever acts as somebody else says why. Raises: ValidationFailed."""
    if len(reason.strip()) < SHORTEST_REASON:
        detail = f"Say why in at least {SHORTEST_REASON} characters."
        raise ValidationFailed(faults=[Fault("/reason", "too_short", detail)])


def check_impersonable(kind: str, status: str, roles: Collection[str]) -> None:
    """Raises: NotImpersonable."""
    if kind != UserKind.PERSON or status != UserStatus.ACTIVE or Role.ADMIN in roles:
        raise NotImpersonable
