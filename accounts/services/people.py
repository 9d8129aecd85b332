"""People come, are let in and out."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from psycopg import errors as pg

from accounts import policy
from accounts.choices import UserStatus
from accounts.models import User
from accounts.services.grants import (
    UserNotFound,
    give,
    locked_user,
    require_another_admin,
)
from accounts.services.sessions import revoke_all_sessions
from audit import services as audit
from core.actors import Actor, system
from core.errors import Conflict, Fault, Forbidden, Invalid
from core.ids import encode, uuid7


class EmailTaken(Conflict):
    code = "email_taken"
    title = "E-mail taken"
    summary = "Somebody has this e-mail address already."


class InvalidEmail(Invalid):
    code = "invalid_email"
    title = "Invalid e-mail"


class PasswordTooWeak(Invalid):
    code = "password_too_weak"
    title = "Password too weak"


class RegistrationClosed(Forbidden):
    code = "registration_closed"
    title = "Registration closed"
    summary = "Nobody registers by themselves here. Ask an administrator for an account."


def create_user(
    *,
    email: str,
    password: str | None,
    role: str | None,
    actor: Actor,
    at: datetime,
    full_name: str | None = None,
) -> User:
    """Make an account for a colleague, with a role everywhere or (None) no role yet.

    Without password there is no sign-in by one.

    Emits AccountChanged. Audits accounts.create_user, accounts.grant_role.
    Raises: NotPermitted, RoleAboveOwn, InvalidEmail, PasswordTooWeak, EmailTaken.
    """
    policy.require_may_manage_people(actor)
    user = _newcomer(email, full_name, at)
    if role is not None:
        policy.require_may_grant(actor, user.id, role)
    user.password = make_password(None) if password is None else _hash(password, role, user)
    with transaction.atomic():
        _insert(user)
        _record("create_user", user, actor, at)
        if role is not None:
            give(user, role, actor=actor, at=at)
    return user


def register_user(
    *, email: str, password: str, at: datetime, full_name: str | None = None
) -> tuple[User, str]:
    """Let a stranger register, as ``REGISTRATION_POLICY`` has it; returns the account and its role.

    Under ``approval`` the account waits, disabled, and a taken e-mail looks like a free one.
    Emits AccountChanged. Audits accounts.register_user, accounts.grant_role.
    Raises: RegistrationClosed, InvalidEmail, PasswordTooWeak, EmailTaken.
    """
    rule, role = settings.REGISTRATION_POLICY, settings.REGISTRATION_ROLE
    if rule == "closed":
        raise RegistrationClosed
    user = _newcomer(email, full_name, at)
    user.password = _hash(password, role, user)
    if rule == "approval":
        user.status = UserStatus.DISABLED
    try:
        with transaction.atomic():
            _insert(user)
            _record("register_user", user, Actor(id=user.wire_id, kind="person"), at)
            give(user, role, actor=system("accounts"), at=at)
    except EmailTaken:
        if rule != "approval":
            raise
    return user, role


def disable_user(user_id: UUID, *, actor: Actor, at: datetime, reason: str = "") -> User:
    """Shut a person out at once; all their sessions end. One who is out already stays out.

    Emits SessionRevoked. Audits. Raises: NotPermitted, UserNotFound, LastAdmin.
    """
    policy.require_may_manage_people(actor)
    with transaction.atomic():
        user = locked_user(user_id)
        if user.status != UserStatus.ACTIVE:
            return user
        require_another_admin(at, than_user=user.id)
        _move(user, UserStatus.DISABLED, "disable_user", actor, at, reason)
        revoke_all_sessions(user.id, reason="user_disabled", actor=actor, at=at)
        return user


def enable_user(user_id: UUID, *, actor: Actor, at: datetime, reason: str = "") -> User:
    """Let a disabled person in again. Audits. Raises: NotPermitted, UserNotFound."""
    policy.require_may_manage_people(actor)
    with transaction.atomic():
        user = locked_user(user_id)
        if user.status == UserStatus.ERASED:
            raise UserNotFound
        if user.status == UserStatus.DISABLED:
            _move(user, UserStatus.ACTIVE, "enable_user", actor, at, reason)
        return user


def _newcomer(email: str, full_name: str | None, at: datetime) -> User:
    normal = policy.normal_email(email)
    try:
        validate_email(normal)
        if len(normal) > policy.LONGEST_EMAIL:
            raise ValidationError("too long")
    except ValidationError:
        raise InvalidEmail(
            faults=[Fault("/email", "invalid_email", "This is not an e-mail address.")]
        ) from None
    name = (full_name or "").strip() or policy.name_from_email(normal)
    return User(id=uuid7(), email=normal, full_name=name, created_at=at)


def _hash(password: str, role: str | None, user: User) -> str:
    faults = []
    shortest = policy.shortest_password(role or "")
    if not shortest <= len(password) <= policy.LONGEST_PASSWORD:
        detail = f"A password has {shortest} to {policy.LONGEST_PASSWORD} characters here."
        faults.append(Fault("/password", "password_length", detail))
    else:
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


def _insert(user: User) -> None:
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        if isinstance(error.__cause__, pg.UniqueViolation):
            raise EmailTaken from None
        raise


def _record(verb: str, user: User, actor: Actor, at: datetime) -> None:
    audit.record(
        action=f"accounts.{verb}",
        subject=("user", user.wire_id),
        actor=actor,
        at=at,
        after={"kind": user.kind, "status": user.status},
    )


def _move(
    user: User, status: UserStatus, verb: str, actor: Actor, at: datetime, reason: str
) -> None:
    before = user.status
    user.status = status
    user.save(update_fields=["status"])
    audit.record(
        action=f"accounts.{verb}",
        subject=("user", encode(policy.USER, user.id)),
        actor=actor,
        at=at,
        before={"status": before},
        after={"status": status.value},
        reason=reason,
    )
