"""Passwords: what may be one, changing one's own, and choosing a new one by a link."""

from datetime import datetime

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import policy, queries
from accounts.events import AccountChanged
from accounts.models import User
from accounts.services import guards, sessions
from audit import services as audit
from core import events
from core.actors import Actor, system
from core.errors import Fault, Invalid
from core.ids import decode


class PasswordTooWeak(Invalid):
    code = "password_too_weak"
    title = "Password too weak"


class ResetTokenInvalid(Invalid):
    code = "reset_token_invalid"
    title = "Reset token invalid"
    summary = "This link was used, or is older than an hour. Ask for a new one."


def change_password(present: str, new: str, *, actor: Actor, at: datetime) -> int:
    """Change one's own password, proved by the present one; every other session ends.

    Returns how many ended. Emits AccountChanged, SessionRevoked. Audits.
    Raises: NotPermitted, ImpersonatorRefused, SecondFactorRequired, AccountLocked, LoginThrottled,
    CredentialsInvalid, PasswordTooWeak, Busy.
    """
    policy.require_may_take_own_data(actor)
    user = User.objects.get(id=decode(policy.USER, actor.id))
    _prove(user, present, actor, at)
    return _set(user, hash_of_new(new, user), "change_password", actor, at, but=actor.session_id)


def request_password_reset(email: str, *, at: datetime) -> None:
    """Send the link by which somebody chooses a new password, if anybody has this e-mail.

    Nobody learns whether: the same is written in both cases, and what is sent is sent later.
    Emits AccountChanged. Audits, for an unknown e-mail too.
    """
    user = User.objects.filter(email=policy.normal_email(email)).first()
    known = user is not None and queries.may_reset_password(user)
    wire_id = user.wire_id if user is not None and known else "unknown"
    with events.delivering_at_most(0), transaction.atomic():
        audit.record(
            action="accounts.request_password_reset",
            subject=("user", wire_id),
            actor=system("accounts"),
            at=at,
        )
        with transaction.atomic():
            events.publish(AccountChanged(occurred_at=at, user_id=wire_id, what="password_reset"))
            if not known:
                transaction.set_rollback(True)


def reset_password(token: str, new: str, *, at: datetime) -> int:
    """Choose a new password by the token of a link, once, within an hour; every session ends.

    Returns how many ended. Emits AccountChanged, SessionRevoked. Audits.
    Raises: ResetTokenInvalid, PasswordTooWeak, Busy.
    """
    user = queries.holder_of_reset_token(token, at=at)
    if user is None:
        raise ResetTokenInvalid
    try:
        ended = _set(user, hash_of_new(new, user), "reset_password", sessions.oneself(user), at)
    except policy.CredentialsInvalid:  # somebody was faster
        raise ResetTokenInvalid from None
    guards.forgive(user.email or "", user.id)
    return ended


def hash_of_new(password: str, user: User, role: str | None = None) -> str:
    """The hash of a password that this person may have; ``role`` for who has none yet.

    Outside of any transaction: the list of breaches may be asked. Raises: PasswordTooWeak, Busy.
    """
    faults = []
    shortest = policy.shortest_password(user.role if role is None else role)
    if not shortest <= len(password) <= policy.LONGEST_PASSWORD:
        detail = f"A password has {shortest} to {policy.LONGEST_PASSWORD} characters here."
        faults.append(Fault("/password", "password_length", detail))
    if len(password) <= policy.LONGEST_PASSWORD:
        try:
            validate_password(password, user)
        except ValidationError as error:
            faults += [
                Fault("/password", each.code or "password_too_weak", each.messages[0])
                for each in error.error_list
            ]
    if faults:
        raise PasswordTooWeak(faults=faults)
    return make_password(password)


def _prove(user: User, present: str, actor: Actor, at: datetime) -> None:
    email = user.email or ""
    guards.require_open_door(email, actor.address, at=at)
    matches = check_password(present, user.password)
    guards.require_open_door(email, actor.address, at=at)  # as in open_session
    if matches:
        guards.note_success(email, actor.address)
        return
    guards.note_failure(email, actor.address, at=at)
    with transaction.atomic():
        audit.record(
            action="accounts.refuse_password", subject=("user", actor.id), actor=actor, at=at
        )
    raise policy.CredentialsInvalid("The present password is wrong.")


def _set(user: User, hashed: str, verb: str, actor: Actor, at: datetime, but: str = "") -> int:
    """Put the new password where the one that was read still is. Raises: CredentialsInvalid."""
    with transaction.atomic():
        user = sessions.hold_person(user)
        user.password, user.password_changed_at = hashed, at
        user.save(update_fields=["password", "password_changed_at"])
        audit.record(action=f"accounts.{verb}", subject=("user", user.wire_id), actor=actor, at=at)
        events.publish(AccountChanged(occurred_at=at, user_id=user.wire_id, what="password"))
        return sessions.revoke_all_sessions(
            user.id, reason="password_changed", actor=actor, at=at, but=but
        )
