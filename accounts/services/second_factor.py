"""The second factor of a person: set up, used, taken off; and the fresh proof that it is them."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pyotp
from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.db import transaction

from accounts import policy
from accounts.choices import Method, SessionState
from accounts.events import AccountChanged
from accounts.models import BackupCode, Grant, OneTimeDevice, Session, User
from accounts.policy import second_factor as rules
from accounts.services import guards
from accounts.services.grants import locked_user
from accounts.services.sessions import revoke_all_sessions
from audit import services as audit
from core import events, vault
from core.actors import Actor, require_fresh_proof
from core.errors import Conflict, Fault, Unauthenticated, ValidationFailed
from core.ids import decode


class CodeInvalid(Unauthenticated):
    code = "code_invalid"
    title = "Code invalid"
    summary = "This code is wrong, or was used before."


class SecondFactorActive(Conflict):
    code = "second_factor_active"
    title = "Second factor active"
    summary = "There is a second factor already. Disable it first."


class SecondFactorAbsent(Conflict):
    code = "second_factor_absent"
    title = "No second factor"
    summary = "There is no second factor here. Set one up first: POST /auth/2fa/setup."


class SecondFactorMandatory(Conflict):
    code = "second_factor_mandatory"
    title = "Second factor mandatory"
    summary = "A role of yours demands a second factor."


@dataclass(frozen=True)
class Setup:
    """What is shown once: the secret, as text and for a QR code, and the backup codes."""

    secret: str
    otpauth_url: str
    backup_codes: list[str]


def begin_2fa(*, actor: Actor, at: datetime) -> Setup:
    """Make the secret of a device and backup codes. Until confirmed they count for nothing.

    Audits. Raises: NotPermitted, ImpersonatorRefused, ReauthenticationRequired,
    SecondFactorActive.
    """
    user_id = rules.require_own_account(actor)
    require_fresh_proof(actor, at)
    secret = pyotp.random_base32()
    with transaction.atomic():
        user = locked_user(user_id)
        if user.has_second_factor:
            raise SecondFactorActive
        OneTimeDevice.objects.filter(user=user).delete()
        device = OneTimeDevice(user=user, created_at=at)
        device.sealed = vault.seal(secret.encode(), context=_context(device))
        device.save(force_insert=True)
        codes = _new_backup_codes(device)
        _record("begin_2fa", user, actor, at)
    name = user.email or user.full_name
    return Setup(secret, rules.otpauth_url(secret, name), codes)


def confirm_2fa(code: str, *, actor: Actor, at: datetime) -> None:
    """Prove that the device makes our codes. From now on it counts; other sessions end.

    Emits AccountChanged, SessionRevoked. Audits. Raises: NotPermitted, ImpersonatorRefused,
    SecondFactorAbsent, SecondFactorActive, CodeInvalid.
    """
    user_id = rules.require_own_account(actor)
    with transaction.atomic():
        user = locked_user(user_id)
        device = OneTimeDevice.objects.filter(user=user).first()
        if device is None:
            raise SecondFactorAbsent
        if device.confirmed_at is not None:
            raise SecondFactorActive
        _spend_step(device, code, at)
        OneTimeDevice.objects.filter(id=device.id).update(confirmed_at=at)
        _changed("confirm_2fa", user, actor, at)  # before: it locks the sessions, in their order
        _note_proof(actor, Method.CODE, at)


def renew_backup_codes(code: str, *, actor: Actor, at: datetime) -> list[str]:
    """Make ten new backup codes; the old ones are void, and other sessions end.

    Emits AccountChanged, SessionRevoked. Audits. Raises: NotPermitted, ImpersonatorRefused,
    SecondFactorAbsent, CodeInvalid.
    """
    user_id = rules.require_own_account(actor)
    with transaction.atomic():
        user = locked_user(user_id)
        device = _confirmed_device(user)
        use_code(user.id, code, at=at)
        device.backup_codes.all().delete()
        codes = _new_backup_codes(device)
        _changed("renew_backup_codes", user, actor, at)
    return codes


def disable_2fa(code: str, *, actor: Actor, at: datetime) -> None:
    """Take the second factor off, unless a role demands one; other sessions end.

    Emits AccountChanged, SessionRevoked. Audits. Raises: NotPermitted, ImpersonatorRefused,
    ReauthenticationRequired, SecondFactorAbsent, SecondFactorMandatory, CodeInvalid.
    """
    user_id = rules.require_own_account(actor)
    require_fresh_proof(actor, at)
    with transaction.atomic():
        user = locked_user(user_id)
        device = _confirmed_device(user)
        roles = Grant.objects.held_by(user.id).live(at).values_list("role", flat=True)
        if policy.demands_second_factor(roles, settings.MFA_REQUIRED_ROLES):
            raise SecondFactorMandatory
        use_code(user.id, code, at=at)
        device.delete()
        _changed("disable_2fa", user, actor, at)


def reauthenticate(
    *, actor: Actor, at: datetime, password: str | None = None, code: str | None = None
) -> None:
    """Prove again, by password or code, that it is the person; every proof given must hold.

    Audits. Raises: NotPermitted, ImpersonatorRefused, ValidationFailed, AccountLocked,
    LoginThrottled, CredentialsInvalid, CodeInvalid.
    """
    user_id = rules.require_own_account(actor)
    if password is None and code is None:
        raise ValidationFailed(
            faults=[Fault("/password", "required", "Send a password or a code.")]
        )
    if password is not None:
        user = User.objects.get(id=user_id)
        guards.require_open_door(user.email or "", actor.address, at=at)
        matches = check_password(password, user.password)
        guards.require_open_door(user.email or "", actor.address, at=at)  # as in open_session
        if not matches:
            guards.note_failure(user.email or "", actor.address, at=at)
            _refuse(actor, at)
            raise policy.CredentialsInvalid("The password is wrong.")
    with transaction.atomic():
        locked_user(user_id)  # wrong codes at once are counted one after the other
        method = Method.PASSWORD if code is None else use_code(user_id, code, at=at)
        _note_proof(actor, method, at)
        audit.record(
            action="accounts.reauthenticate",
            subject=("session", actor.session_id),
            actor=actor,
            at=at,
            after={"method": method.value},
            links=[actor.id],
        )


def use_code(user_id: UUID, code: str, *, at: datetime) -> Method:
    """Use up a code of a person's confirmed device, or a backup code; says which it was.

    Guarded UPDATEs decide among uses at once: no code counts twice. Wrong ones are counted.
    Raises: CodeInvalid, LoginThrottled.
    """
    guards.require_code_tries(user_id, at=at)
    try:
        return _use_code(user_id, code, at)
    except CodeInvalid:
        guards.count_code_failure(user_id, at=at)
        raise


def _use_code(user_id: UUID, code: str, at: datetime) -> Method:
    backup = rules.hash_of_backup_code(code)
    device = OneTimeDevice.objects.filter(user_id=user_id, confirmed_at__isnull=False).first()
    if device is None:
        raise CodeInvalid
    if backup is None:
        _spend_step(device, code, at)
        return Method.CODE
    unused = BackupCode.objects.filter(device=device, hash=backup, used_at__isnull=True)
    if not unused.update(used_at=at):
        raise CodeInvalid
    return Method.BACKUP


def methods_of(user_id: UUID) -> list[Method]:
    """By what a person proves a second factor; nothing: they have none."""
    device = OneTimeDevice.objects.filter(user_id=user_id, confirmed_at__isnull=False).first()
    if device is None:
        return []
    has_backup = BackupCode.objects.filter(device=device, used_at__isnull=True).exists()
    return [Method.CODE, Method.BACKUP] if has_backup else [Method.CODE]


def _spend_step(device: OneTimeDevice, code: str, at: datetime) -> None:
    secret = vault.open(device.sealed, context=_context(device)).decode()
    for step in rules.steps_of(secret, code, at):
        fresh = OneTimeDevice.objects.filter(id=device.id, last_step__lt=step)
        if fresh.update(last_step=step):
            return
    raise CodeInvalid


def _context(device: OneTimeDevice) -> str:
    return f"accounts_onetimedevice:{device.id}"


def _confirmed_device(user: User) -> OneTimeDevice:
    device = OneTimeDevice.objects.filter(user=user, confirmed_at__isnull=False).first()
    if device is None:
        raise SecondFactorAbsent
    return device


def _new_backup_codes(device: OneTimeDevice) -> list[str]:
    codes = [
        rules.spell_backup_code(secrets.token_bytes(rules.BACKUP_CODE_BYTES))
        for _ in range(rules.BACKUP_CODES)
    ]
    BackupCode.objects.bulk_create(
        BackupCode(device=device, hash=rules.hash_of_backup_code(code) or "") for code in codes
    )
    return codes


def _note_proof(actor: Actor, method: Method, at: datetime) -> None:
    """Write into the session of the actor that, and how, they have proved who they are."""
    if not actor.session_id:
        raise policy.CredentialsInvalid("This needs a session: sign in.")
    session = (
        Session.objects.select_for_update()
        .filter(id=decode(policy.SESSION, actor.session_id), state=SessionState.LIVE)
        .first()
    )
    if session is None:
        raise policy.SessionRevoked
    session.reauthenticated_at = at
    if method != Method.PASSWORD:
        session.mfa_at = at
    if method not in session.methods:
        session.methods = [*session.methods, method]
    session.save(update_fields=["reauthenticated_at", "mfa_at", "methods"])


def _changed(verb: str, user: User, actor: Actor, at: datetime) -> None:
    _record(verb, user, actor, at)
    events.publish(AccountChanged(occurred_at=at, user_id=user.wire_id, what="second_factor"))
    revoke_all_sessions(
        user.id, reason="second_factor_changed", actor=actor, at=at, but=actor.session_id
    )


def _record(verb: str, user: User, actor: Actor, at: datetime) -> None:
    audit.record(action=f"accounts.{verb}", subject=("user", user.wire_id), actor=actor, at=at)


def _refuse(actor: Actor, at: datetime) -> None:
    with transaction.atomic():
        audit.record(
            action="accounts.refuse_reauthentication",
            subject=("user", actor.id),
            actor=actor,
            at=at,
        )
