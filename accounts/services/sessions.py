"""Signing in and out: sessions, and the tokens that name them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Least

from accounts import policy
from accounts.choices import Method, SessionKind, SessionState, UserKind
from accounts.events import AccountChanged, SessionRevoked
from accounts.models import Session, User
from audit import services as audit
from core import events
from core.actors import Actor, system
from core.errors import NotFound
from core.ids import encode


class SessionNotFound(NotFound):
    code = "session_not_found"
    title = "Session not found"


@dataclass(frozen=True)
class SignedIn:
    """A live session, and the pair of tokens that now names it."""

    user: User
    session_id: UUID
    generation: int
    expires_at: datetime
    access_token: str
    refresh_token: str
    expires_in: int


def open_session(
    *, email: str, password: str, address: str | None, user_agent: str, at: datetime
) -> SignedIn:
    """Sign a person in by password. Whoever is refused learns nothing of who exists.

    One hash is computed whatever the e-mail, and every refusal is the same and audited.
    Audits: accounts.open_session, accounts.refuse_sign_in. Raises: CredentialsInvalid.
    """
    user = User.objects.filter(email=policy.normal_email(email)).first()
    renewed: list[str] = []
    matches = check_password(
        password,
        user.password if user else "",
        setter=lambda raw: renewed.append(make_password(raw)),
    )
    if user is None or not matches or not user.is_active or user.kind != UserKind.PERSON:
        _refuse(user, at)
    with transaction.atomic():
        expires_at, ends_at = policy.ends_of_session(at, _idle())
        session = Session.objects.create(
            user=user,
            kind=SessionKind.LOGIN,
            state=SessionState.LIVE,
            expires_at=expires_at,
            ends_at=ends_at,
            address=address,
            user_agent=user_agent.replace("\x00", "")[:512],
            methods=[Method.PASSWORD],
            reauthenticated_at=at,
            created_at=at,
            last_seen_at=at,
        )
        user.last_login_at = at
        if renewed:
            user.password = renewed[0]
        user.save(update_fields=["last_login_at", *(["password"] if renewed else [])])
        audit.record(
            action="accounts.open_session",
            subject=("session", session.wire_id),
            actor=_oneself(user),
            at=at,
            after={"kind": session.kind, "methods": session.methods},
            links=[user.wire_id],
        )
    return _pair(session, user, at)


def _refuse(user: User | None, at: datetime) -> NoReturn:
    with transaction.atomic():
        audit.record(
            action="accounts.refuse_sign_in",
            subject=("user", user.wire_id if user else "unknown"),
            actor=system("accounts"),
            at=at,
        )
    raise policy.CredentialsInvalid("The e-mail address or the password is wrong.")


def rotate_session(session_id: UUID, generation: int, *, at: datetime) -> SignedIn:
    """Exchange the refresh token of this generation for the next pair.

    One guarded UPDATE decides among many at once. The generation just before the present one
    brings the present pair again for ``REFRESH_GRACE_SECONDS``; an older one is a stolen token,
    and ends the session. Source: access.md 5.1; RFC 9700, section 4.14.
    Emits and audits the end. Raises: CredentialsInvalid, SessionRevoked.
    """
    with transaction.atomic():
        rotated = Session.objects.filter(
            id=session_id,
            generation=generation,
            state=SessionState.LIVE,
            expires_at__gt=at,
            ends_at__gt=at,
        ).update(
            generation=F("generation") + 1,
            rotated_at=at,
            last_seen_at=at,
            expires_at=Least(Value(at + _idle()), F("ends_at")),
        )
        session = Session.objects.select_related("user").filter(id=session_id).first()
        if session is None:
            raise policy.CredentialsInvalid
        user = session.user
        policy.require_live(
            state=session.state,
            user_status=user.status,
            expires_at=session.expires_at,
            ends_at=session.ends_at,
            at=at,
        )
        if rotated:
            audit.record(
                action="accounts.rotate_session",
                subject=("session", session.wire_id),
                actor=_oneself(user),
                at=at,
                after={"generation": session.generation},
                links=[user.wire_id],
            )
            return _pair(session, user, at)
        grace = timedelta(seconds=settings.REFRESH_GRACE_SECONDS)
        verdict = policy.judge_generation(
            generation, session.generation, session.rotated_at, at, grace
        )
        if verdict == "just_before":
            return _pair(session, user, at)
        if verdict == "reused":
            _end([session], "token_reuse", actor=system("accounts"), at=at)
            events.publish(AccountChanged(occurred_at=at, user_id=user.wire_id, what="token_reuse"))
    # Beyond the transaction: the end of a betrayed session stands.
    if verdict == "reused":
        raise policy.SessionRevoked
    raise policy.CredentialsInvalid


def see_session(session_id: UUID, *, at: datetime) -> bool:
    """Note that a session is in use, at most once a minute; returns whether it was noted.

    Not audited: it says when somebody looked, not that anything changed.
    """
    return bool(
        Session.objects.filter(id=session_id, last_seen_at__lt=at - policy.SEEN_EVERY).update(
            last_seen_at=at
        )
    )


def revoke_session(session_id: UUID, *, reason: str, actor: Actor, at: datetime) -> bool:
    """End a session, one's own or as an administrator; False if it had ended before.

    Emits SessionRevoked. Audits. Raises: NotPermitted, SessionNotFound.
    """
    with transaction.atomic():
        session = Session.objects.select_for_update().filter(id=session_id).first()
        if session is None:
            raise SessionNotFound
        policy.require_may_end_session(actor, session.user_id)
        if session.state == SessionState.REVOKED:
            return False
        _end([session], reason, actor=actor, at=at)
        return True


def revoke_all_sessions(user_id: UUID, *, reason: str, actor: Actor, at: datetime) -> int:
    """End every session of a person; returns how many had not ended.

    Emits SessionRevoked for each. Audits each. Raises: NotPermitted.
    """
    policy.require_may_end_session(actor, user_id)
    with transaction.atomic():
        open_ones = (
            Session.objects.select_for_update()
            .filter(user_id=user_id)
            .exclude(state=SessionState.REVOKED)
            .order_by("id")
        )
        return _end(list(open_ones), reason, actor=actor, at=at)


def _end(sessions: list[Session], reason: str, *, actor: Actor, at: datetime) -> int:
    ended = []
    for session in sessions:
        changed = (
            Session.objects.filter(id=session.id)
            .exclude(state=SessionState.REVOKED)
            .update(state=SessionState.REVOKED, revoked_at=at, revoked_reason=reason[:64])
        )
        if changed:
            ended.append(session)
    if not ended:
        return 0
    audit.record_many(
        audit.Record(
            action="accounts.revoke_session",
            subject=("session", session.wire_id),
            actor=actor,
            at=at,
            before={"state": session.state},
            after={"state": SessionState.REVOKED.value},
            reason=reason,
            links=[encode(policy.USER, session.user_id)],
        )
        for session in ended
    )
    events.publish_many(
        SessionRevoked(
            occurred_at=at,
            session_id=session.wire_id,
            user_id=encode(policy.USER, session.user_id),
            reason=reason,
        )
        for session in ended
    )
    return len(ended)


def _idle() -> timedelta:
    return timedelta(days=settings.REFRESH_TOKEN_EXPIRE_DAYS)


def _oneself(user: User) -> Actor:
    return Actor(id=user.wire_id, kind="person")


def _pair(session: Session, user: User, at: datetime) -> SignedIn:
    life = timedelta(minutes=settings.ACCESS_TOKEN_EXPIRE_MINUTES)
    key: str = settings.JWT_SECRET_KEY
    return SignedIn(
        user=user,
        session_id=session.id,
        generation=session.generation,
        expires_at=session.expires_at,
        access_token=policy.sign_token(
            "access",
            user_id=user.id,
            session_id=session.id,
            at=at,
            expires_at=at + life,
            key=key,
        ),
        refresh_token=policy.sign_token(
            "refresh",
            user_id=user.id,
            session_id=session.id,
            at=at,
            expires_at=session.expires_at,
            key=key,
            generation=session.generation,
        ),
        expires_in=int(life.total_seconds()),
    )
