"""Acting as somebody else, to see what they see: short, told to them, and never for power."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import policy
from accounts.choices import SessionKind, SessionState, UserStatus
from accounts.events import AccountChanged
from accounts.models import Grant, Session, User
from accounts.services.grants import locked_user
from accounts.services.sessions import end_sessions
from audit import services as audit
from core import events
from core.actors import Actor
from core.ids import decode


@dataclass(frozen=True)
class Impersonation:
    """A session in which the caller acts as ``user``, and the token that names it."""

    session: Session
    user: User
    access_token: str = field(repr=False)
    expires_in: int


def impersonate(
    user_id: UUID, *, reason: str, user_agent: str = "", actor: Actor, at: datetime
) -> Impersonation:
    """Open a session of 15 minutes in which an administrator acts as a person.

    It ends with the administrator's own session at the latest, and renews nothing.
    Emits AccountChanged. Audits accounts.impersonate.
    Raises: ImpersonatorRefused, NotPermitted, SecondFactorRequired, ReauthenticationRequired,
    ValidationFailed, UserNotFound, NotImpersonable, CredentialsInvalid, SessionRevoked.
    """
    policy.require_may_impersonate(actor, at)
    policy.check_reason(reason)
    with transaction.atomic():
        user = locked_user(user_id)
        roles = Grant.objects.held_by(user.id).live(at).values_list("role", flat=True)
        policy.check_impersonable(user.kind, user.status, list(roles))
        own = _own_session(actor, at)
        ends_at = min(at + policy.IMPERSONATION_LASTS, own.expires_at, own.ends_at)
        session = Session.objects.create(
            user=user,
            kind=SessionKind.IMPERSONATION,
            state=SessionState.LIVE,
            impersonator_id=own.user_id,
            parent=own,
            expires_at=ends_at,
            ends_at=ends_at,
            address=actor.address or None,
            user_agent=user_agent.replace("\x00", "")[:512],
            created_at=at,
            last_seen_at=at,
        )
        audit.record(
            action="accounts.impersonate",
            subject=("session", session.wire_id),
            actor=actor,
            at=at,
            after={"kind": session.kind, "ends_at": ends_at},
            reason=reason,
            links=[user.wire_id, own.wire_id],
        )
        events.publish(AccountChanged(occurred_at=at, user_id=user.wire_id, what="impersonation"))
    token = policy.sign_token(
        "access",
        user_id=user.id,
        session_id=session.id,
        at=at,
        expires_at=ends_at,
        key=settings.JWT_SECRET_KEY,
        impersonator=own.user_id,
    )
    return Impersonation(session, user, token, int((ends_at - at).total_seconds()))


def end_impersonation(*, actor: Actor, at: datetime) -> int:
    """End the impersonation that calls or, called by the administrator, all of theirs.

    Returns how many ended. Emits SessionRevoked. Audits accounts.revoke_session.
    """
    policy.require_no_key(actor)
    open_ones = (
        Session.objects.select_for_update()
        .filter(kind=SessionKind.IMPERSONATION)
        .exclude(state=SessionState.REVOKED)
        .order_by("id")
    )
    if actor.impersonator:
        open_ones = open_ones.filter(id=decode(policy.SESSION, actor.session_id))
    else:
        open_ones = open_ones.filter(impersonator_id=decode(policy.USER, actor.id))
    with transaction.atomic():
        return end_sessions(list(open_ones), "impersonation_ended", actor=actor, at=at)


def _own_session(actor: Actor, at: datetime) -> Session:
    """The session that calls, locked: whoever ends it ends what is opened from it now."""
    session_id = decode(policy.SESSION, actor.session_id)
    session = Session.objects.select_for_update().filter(id=session_id).first()
    if session is None:
        raise policy.CredentialsInvalid
    policy.require_live(
        state=session.state,
        user_status=UserStatus.ACTIVE,
        expires_at=session.expires_at,
        ends_at=session.ends_at,
        at=at,
    )
    return session
