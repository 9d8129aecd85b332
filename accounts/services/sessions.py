"""Sessions: how they begin, renew and end, and the tokens that name them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.models import Session as BrowserSession
from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Least

from accounts import policy
from accounts.choices import Method, SessionKind, SessionState, UserKind, UserStatus
from accounts.events import AccountChanged, SessionRevoked
from accounts.models import Session, User
from audit import services as audit
from core import events
from core.actors import Actor, system
from core.errors import NotFound
from core.ids import encode

log = logging.getLogger(__name__)


class SessionNotFound(NotFound):
    code = "session_not_found"
    title = "Session not found"


@dataclass(frozen=True)
class Origin:
    """Where somebody signs in from."""

    address: str | None
    user_agent: str


@dataclass(frozen=True)
class SignedIn:
    """A live session, and the pair of tokens that now names it."""

    user: User
    session_id: UUID
    generation: int
    expires_at: datetime
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int


def open_for(
    user: User,
    *,
    kind: SessionKind,
    methods: Sequence[Method],
    address: str | None,
    user_agent: str,
    at: datetime,
    mfa_at: datetime | None = None,
) -> SignedIn:
    """Open a live session for a person who has proved to a verb who they are.

    Emits AccountChanged from a new network. Audits accounts.open_session.
    Raises: CredentialsInvalid for whom may not sign in, or no more.
    """
    with transaction.atomic():
        user = hold_person(user)
        origin = Origin(address, user_agent)
        session = start(user, kind=kind, methods=methods, origin=origin, at=at, mfa_at=mfa_at)
    return pair(session, user, at)


def hold_person(user: User) -> User:
    """Lock an active person whose password is still the one that was read before.

    Whoever changes the password, the second factor or the state of a person locks this row too,
    and ends the sessions that are there; one that was proved by the old state comes too late.
    Raises: CredentialsInvalid.
    """
    people = User.objects.select_for_update(no_key=True)
    held = people.filter(
        id=user.id, status=UserStatus.ACTIVE, kind=UserKind.PERSON, password=user.password
    ).first()
    if held is None:
        raise policy.CredentialsInvalid
    return held


def start(
    user: User,
    *,
    kind: SessionKind,
    methods: Sequence[Method],
    origin: Origin,
    at: datetime,
    state: SessionState = SessionState.LIVE,
    mfa_at: datetime | None = None,
) -> Session:
    """Write the session of a person who is held; a pending one waits for a second factor."""
    is_live = state == SessionState.LIVE
    lasts = policy.lasts_of(kind, _idle()) if is_live else policy.CHALLENGE
    session = Session(
        user=user,
        kind=kind,
        state=state,
        expires_at=at + lasts.idle,
        ends_at=at + lasts.absolute,
        address=origin.address,
        user_agent=origin.user_agent.replace("\x00", "")[:512],
        methods=list(methods),
        mfa_at=mfa_at,
        reauthenticated_at=at if is_live else None,
        created_at=at,
        last_seen_at=at,
    )
    if is_live:
        note_sign_in(session, at)
    session.save(force_insert=True)
    audit.record(
        action="accounts.open_session",
        subject=("session", session.wire_id),
        actor=oneself(user),
        at=at,
        after={"kind": session.kind, "methods": session.methods, "state": session.state},
        links=[user.wire_id],
    )
    return session


def note_sign_in(session: Session, at: datetime) -> None:
    """Note when the person came in, and tell them if it was from where they never were."""
    User.objects.filter(id=session.user_id).update(last_login_at=at)
    network = policy.network_of(session.address)
    if network is None:
        return
    # Only a session that became live has been proved in whole.
    earlier = Session.objects.filter(
        user_id=session.user_id, impersonator__isnull=True, reauthenticated_at__isnull=False
    ).exclude(id=session.id)
    if not earlier.filter(address__range=network).exists() and earlier.exists():
        events.publish(
            AccountChanged(
                occurred_at=at,
                user_id=encode(policy.USER, session.user_id),
                what="sign_in_from_new_network",
            )
        )


def rotate_session(session_id: UUID, generation: int, *, at: datetime) -> SignedIn:
    """Exchange the refresh token of this generation for the next pair.

    One guarded UPDATE decides among many at once. The generation just before the present one
    brings the present pair again for ``REFRESH_GRACE_SECONDS``; an older one is a stolen token,
    and ends the session. Source: RFC 9700, section 4.14.
    Emits and audits the end. Raises: CredentialsInvalid, SessionRevoked.
    """
    with transaction.atomic():
        rotated = Session.objects.filter(
            id=session_id,
            kind__in=policy.ROTATING,
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
                actor=oneself(user),
                at=at,
                after={"generation": session.generation},
                links=[user.wire_id],
            )
            return pair(session, user, at)
        grace = timedelta(seconds=settings.REFRESH_GRACE_SECONDS)
        verdict = policy.judge_generation(
            generation, session.generation, session.rotated_at, at, grace
        )
        if verdict == "just_before":
            return pair(session, user, at)
        if verdict == "reused":
            end_sessions([session], "token_reuse", actor=system("accounts"), at=at)
            events.publish(AccountChanged(occurred_at=at, user_id=user.wire_id, what="token_reuse"))
    # Beyond the transaction: the end of a betrayed session stands.
    if verdict == "reused":
        log.warning(
            "refresh_token_reused", extra={"session_id": session.wire_id, "user_id": user.wire_id}
        )
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


def keep_back_office(session_id: UUID, *, at: datetime) -> bool:
    """Put off the idle end of a live back-office session; False: there is none to put off.

    Not audited: see ``see_session``.
    """
    return bool(
        Session.objects.filter(
            id=session_id,
            kind=SessionKind.BACK_OFFICE,
            state=SessionState.LIVE,
            expires_at__gt=at,
        ).update(
            last_seen_at=at,
            expires_at=Least(Value(at + policy.BACK_OFFICE.idle), F("ends_at")),
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
        end_sessions([session], reason, actor=actor, at=at)
        return True


def revoke_all_sessions(
    user_id: UUID, *, reason: str, actor: Actor, at: datetime, but: str = ""
) -> int:
    """End every session of a person, ``but`` the one of this wire id; returns how many.

    Emits SessionRevoked for each. Audits each. Raises: NotPermitted, ImpersonatorRefused.
    """
    policy.require_may_end_session(actor, user_id)
    with transaction.atomic():
        open_ones = (
            Session.objects.select_for_update()
            # Those that ran out stay as they are; where clocks differ they may seem alive.
            .filter(user_id=user_id, expires_at__gt=at - policy.LEEWAY)
            .exclude(state=SessionState.REVOKED)
            .order_by("id")
        )
        ending = [session for session in open_ones if session.wire_id != but]
        return end_sessions(ending, reason, actor=actor, at=at)


def end_sessions(sessions: list[Session], reason: str, *, actor: Actor, at: datetime) -> int:
    """End sessions that a verb has judged, and the impersonations opened from them."""
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
    opened = Session.objects.filter(parent__in=ended).exclude(state=SessionState.REVOKED)
    end_sessions(list(opened.order_by("id")), reason, actor=actor, at=at)
    audit.record_many(
        audit.Record(
            action="accounts.revoke_session",
            subject=("session", session.wire_id),
            actor=actor,
            at=at,
            before={"state": session.state},
            after={"state": SessionState.REVOKED.value},
            reason=reason,
            links=_people_in(session),
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


def purge_sessions(*, at: datetime, limit: int = 10_000) -> int:
    """Forget sessions whose end is 90 days past; returns how many. Their entries stay.

    Not audited: the log of what they did is what is kept of them.
    """
    past = at - policy.KEPT_AFTER_THE_END
    over = Session.objects.filter(
        Q(expires_at__lt=past) | Q(revoked_at__lt=past), ends_at__lt=past + policy.ABSOLUTE
    )
    purged = 0
    while ids := list(over.order_by("ends_at", "id").values_list("id", flat=True)[:limit]):
        _, by_model = Session.objects.filter(id__in=ids).delete()
        purged += by_model.get(Session._meta.label, 0)
    # What browsers held of the back office, or of a hop to the identity provider.
    BrowserSession.objects.filter(expire_date__lt=at).delete()
    return purged


def _people_in(session: Session) -> list[str]:
    people = (session.user_id, session.impersonator_id)
    return [encode(policy.USER, each) for each in people if each]


def _idle() -> timedelta:
    return timedelta(days=settings.REFRESH_TOKEN_EXPIRE_DAYS)


def oneself(user: User) -> Actor:
    """The person as the one who signs in or refreshes, before there is an actor of a session."""
    return Actor(id=user.wire_id, kind="person")


def pair(session: Session, user: User, at: datetime) -> SignedIn:
    """The tokens that name a session now; a back-office session has none: a cookie names it."""
    life = timedelta(minutes=settings.ACCESS_TOKEN_EXPIRE_MINUTES)

    def signed(kind: policy.TokenKind, ends: datetime, generation: int | None = None) -> str:
        if session.kind not in policy.ROTATING:
            return ""
        return policy.sign_token(
            kind,
            user_id=user.id,
            session_id=session.id,
            at=at,
            expires_at=ends,
            key=settings.JWT_SECRET_KEY,
            generation=generation,
        )

    return SignedIn(
        user=user,
        session_id=session.id,
        generation=session.generation,
        expires_at=session.expires_at,
        access_token=signed("access", at + life),
        refresh_token=signed("refresh", session.expires_at, session.generation),
        expires_in=int(life.total_seconds()),
    )
