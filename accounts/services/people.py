"""People come, are let in and out."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from psycopg import errors as pg

from accounts import policy
from accounts.choices import UserStatus
from accounts.events import AccountChanged
from accounts.models import User
from accounts.services.grants import (
    Terms,
    UserNotFound,
    give,
    locked_user,
    require_another_admin,
)
from accounts.services.passwords import hash_of_new
from accounts.services.sessions import revoke_all_sessions
from audit import services as audit
from core import events
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
    Raises: NotPermitted, RoleAboveOwn, InvalidEmail, PasswordTooWeak, EmailTaken; with a role
    ReauthenticationRequired.
    """
    policy.require_may_manage_people(actor)
    if role is not None:
        policy.require_may_change_rights(actor, at)
        policy.require_may_give(actor, [role])
    user = _newcomer(email, full_name, at)
    user.password = (
        make_password(None) if password is None else hash_of_new(password, user, role or "")
    )
    with transaction.atomic():
        _insert(user)
        _record("create_user", user, actor, at)
        if role is not None:
            give(user, Terms(role), actor=actor, at=at)
    return user


def register_user(
    *, email: str, password: str, at: datetime, full_name: str | None = None
) -> tuple[User, str]:
    """Let a stranger register, as ``REGISTRATION_POLICY`` has it; returns the account and its role.

    Under ``approval`` the account waits, disabled, and a taken e-mail looks like a free one: its
    owner is told.
    Emits AccountChanged. Audits accounts.register_user, accounts.grant_role.
    Raises: RegistrationClosed, InvalidEmail, PasswordTooWeak, EmailTaken.
    """
    rule, role = settings.REGISTRATION_POLICY, settings.REGISTRATION_ROLE
    if rule == "closed":
        raise RegistrationClosed
    user = _newcomer(email, full_name, at)
    user.password = hash_of_new(password, user, role)
    if rule == "approval":
        user.status = UserStatus.DISABLED
    try:
        with transaction.atomic():
            _insert(user)
            _record("register_user", user, Actor(id=user.wire_id, kind="person"), at)
            give(user, Terms(role), actor=system("accounts"), at=at)
    except EmailTaken:
        if rule != "approval":
            raise
        _tell_owner(user, at)
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


def _insert(user: User) -> None:
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        if isinstance(error.__cause__, pg.UniqueViolation):
            raise EmailTaken from None
        raise


def _tell_owner(newcomer: User, at: datetime) -> None:
    """Somebody tried to register the e-mail of a person: they are told, and nobody else."""
    owner = User.objects.only("id").get(email=newcomer.email)
    with transaction.atomic():
        events.publish(
            AccountChanged(occurred_at=at, user_id=owner.wire_id, what="registered_again")
        )


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
