"""Signing in by password, and the second step of those who have a second factor."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from accounts import policy
from accounts.choices import Method, SessionKind, SessionState, UserKind, UserStatus
from accounts.models import Session, User
from accounts.policy import second_factor as rules
from accounts.services import guards, second_factor, sessions
from accounts.services.second_factor import CodeInvalid
from accounts.services.sessions import SignedIn
from audit import services as audit
from core.actors import system
from core.errors import Unauthenticated


class MfaRequired(Unauthenticated):
    code = "mfa_required"
    title = "Second factor required"
    summary = "Send a code with the challenge: POST /auth/login/verify."


class ChallengeExpired(Unauthenticated):
    code = "challenge_expired"
    title = "Challenge expired"
    summary = "This challenge was used, or ran out. Sign in again."


def open_session(
    *,
    email: str,
    password: str,
    address: str | None,
    user_agent: str,
    at: datetime,
    code: str | None = None,
    kind: SessionKind = SessionKind.LOGIN,
) -> SignedIn:
    """Sign a person in by password, and by a code if they have a second factor.

    Whoever is refused learns nothing of who exists: one hash is computed whatever the e-mail, and
    every refusal is the same and audited. Without the code a pending session awaits it.
    Audits: accounts.open_session, accounts.refuse_sign_in. Emits AccountChanged from a new network.
    Raises: AccountLocked, LoginThrottled, CredentialsInvalid, MfaRequired, CodeInvalid.
    """
    guards.require_open_door(email, address, at=at)
    user = User.objects.filter(email=policy.normal_email(email)).first()
    renewed: list[str] = []
    matches = check_password(
        password,
        user.password if user else "",
        setter=lambda raw: renewed.append(make_password(raw)),
    )
    # Many at once were all let in before the first was counted: the door may be shut by now, and
    # then nobody learns whether they were right.
    guards.require_open_door(email, address, at=at)
    refused = policy.CredentialsInvalid("The e-mail address or the password is wrong.")
    if user is None or not matches or not _may_enter(user, kind):
        guards.note_failure(email, address, at=at)
        _refuse(user, at)
        raise refused
    origin = sessions.Origin(address, user_agent)
    methods = [Method.PASSWORD]
    try:
        with transaction.atomic():
            user = sessions.hold_person(user)
            if renewed:
                User.objects.filter(id=user.id).update(password=renewed[0])
            # Under the lock: a device that is confirmed meanwhile is not passed by.
            awaited = second_factor.methods_of(user.id)
            if awaited and code is not None:
                methods.append(second_factor.use_code(user.id, code, at=at))
            is_pending = bool(awaited) and code is None
            session = sessions.start(
                user,
                kind=kind,
                methods=methods,
                origin=origin,
                at=at,
                state=SessionState.PENDING if is_pending else SessionState.LIVE,
                mfa_at=at if len(methods) > 1 else None,
            )
    except policy.CredentialsInvalid:
        _refuse(user, at)
        raise refused from None
    except CodeInvalid:
        _refuse(user, at)
        raise
    if is_pending:
        raise _challenge(session, awaited, at)
    guards.note_success(email, address)
    return sessions.pair(session, user, at)


def _may_enter(user: User, kind: SessionKind) -> bool:
    """Active people; to the back office operators and above."""
    if not user.is_active or user.kind != UserKind.PERSON:
        return False
    return kind != SessionKind.BACK_OFFICE or user.is_staff


def verify_second_factor(session_id: UUID, code: str, *, at: datetime) -> SignedIn:
    """Finish a sign-in: the code makes its pending session live. Five tries, in five minutes.

    Audits, and accounts.refuse_sign_in. Emits AccountChanged from a new network.
    Raises: ChallengeExpired, CodeInvalid, LoginThrottled.
    """
    with transaction.atomic():
        session = _pending(session_id, at)
        user = session.user
        try:
            with transaction.atomic():
                method = second_factor.use_code(user.id, code, at=at)
        except CodeInvalid:
            wrong = True
            _count_failure(session, at)
        else:
            wrong = False
            _complete(session, method, at)
    # Beyond the transaction: the count of failures stands.
    if wrong:
        _refuse(user, at)
        raise CodeInvalid
    guards.note_success(user.email or "", session.address)
    return sessions.pair(session, user, at)


def _challenge(session: Session, methods: list[Method], at: datetime) -> MfaRequired:
    """What names the pending session: signed, so that nothing stored can stand in for it."""
    token = policy.sign_token(
        "challenge",
        user_id=session.user_id,
        session_id=session.id,
        at=at,
        expires_at=session.expires_at,
        key=settings.JWT_SECRET_KEY,
    )
    return MfaRequired(challenge=token, methods=[method.value for method in methods])


def _pending(session_id: UUID, at: datetime) -> Session:
    """The session that awaits a code, locked after its person, as everywhere."""
    people = User.objects.select_for_update(no_key=True)
    user = people.filter(sessions=session_id, status=UserStatus.ACTIVE).first()
    session = (
        Session.objects.select_for_update()
        .filter(id=session_id, state=SessionState.PENDING, expires_at__gt=at)
        .first()
    )
    if user is None or session is None:
        raise ChallengeExpired
    session.user = user
    return session


def _count_failure(session: Session, at: datetime) -> None:
    session.attempts += 1
    session.save(update_fields=["attempts"])
    if session.attempts >= rules.CODES_PER_CHALLENGE:
        sessions.end_sessions([session], "too_many_codes", actor=system("accounts"), at=at)


def _complete(session: Session, method: Method, at: datetime) -> None:
    lasts = policy.lasts_of(session.kind, timedelta(days=settings.REFRESH_TOKEN_EXPIRE_DAYS))
    session.state = SessionState.LIVE
    session.methods = [*session.methods, method]
    session.mfa_at = session.reauthenticated_at = session.last_seen_at = at
    session.expires_at, session.ends_at = at + lasts.idle, at + lasts.absolute
    sessions.note_sign_in(session, at)
    session.save(
        update_fields=[
            "state",
            "methods",
            "mfa_at",
            "reauthenticated_at",
            "last_seen_at",
            "expires_at",
            "ends_at",
        ]
    )
    audit.record(
        action="accounts.verify_second_factor",
        subject=("session", session.wire_id),
        actor=sessions.oneself(session.user),
        at=at,
        before={"state": SessionState.PENDING.value},
        after={"state": session.state, "methods": session.methods},
        links=[session.user.wire_id],
    )


def _refuse(user: User | None, at: datetime) -> None:
    with transaction.atomic():
        audit.record(
            action="accounts.refuse_sign_in",
            subject=("user", user.wire_id if user else "unknown"),
            actor=system("accounts"),
            at=at,
        )
