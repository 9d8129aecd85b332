"""A person's own data: taken along, and erased."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q

from accounts import policy
from accounts.choices import UserStatus
from accounts.models import ApiKey, Grant, Identity, Membership, OneTimeDevice, Session, User
from accounts.services import grants, guards, keys, second_factor, sessions
from accounts.services.administering import require_reason
from audit import services as audit
from core import idempotency
from core.actors import Actor, require_fresh_proof
from core.errors import Fault, TooMany, ValidationFailed
from core.ids import decode, encode

EXPORT_EVERY = timedelta(hours=1)
NAME_OF_THE_ERASED = "Erased"


def export_own_data(*, actor: Actor, at: datetime) -> UUID:
    """Let a person take their data along, once an hour; returns whose. A door reads it out.

    One guarded UPDATE decides among many at once. Audits.
    Raises: NotPermitted, ImpersonatorRefused, SecondFactorRequired, TooMany.
    """
    policy.require_may_take_own_data(actor)
    user_id = decode(policy.USER, actor.id)
    with transaction.atomic():
        due = Q(data_exported_at__isnull=True) | Q(data_exported_at__lte=at - EXPORT_EVERY)
        if not User.objects.filter(due, id=user_id).update(data_exported_at=at):
            last = User.objects.values_list("data_exported_at", flat=True).get(id=user_id)
            wait = (last or at) + EXPORT_EVERY - at
            raise TooMany(
                "Your data is exported once an hour.",
                retry_after=max(1, int(wait.total_seconds())),
            )
        audit.record(
            action="accounts.export_own_data", subject=("user", actor.id), actor=actor, at=at
        )
    return user_id


def erase_oneself(
    *, actor: Actor, at: datetime, password: str | None = None, code: str | None = None
) -> User:
    """Erase one's own account, proved by password or code; without either by a fresh sign-in.

    Emits, audits as ``erase_user``. Raises: NotPermitted, ImpersonatorRefused,
    SecondFactorRequired, ReauthenticationRequired, ValidationFailed, AccountLocked,
    LoginThrottled, CredentialsInvalid, CodeInvalid, LastAdmin.
    """
    policy.require_may_take_own_data(actor)
    user_id = decode(policy.USER, actor.id)
    if password is not None or code is not None:
        second_factor.reauthenticate(actor=actor, at=at, password=password, code=code)
    elif User.objects.get(id=user_id).has_usable_password() or second_factor.methods_of(user_id):
        detail = "Send your password, or a code."
        raise ValidationFailed(faults=[Fault("/password", "required", detail)])
    else:
        require_fresh_proof(actor, at)
    return _erase(user_id, actor=actor, at=at, reason="")


def erase_user(user_id: UUID, *, actor: Actor, at: datetime, reason: str) -> User:
    """Erase what we know of a person; the id stays, so that entries and ledgers keep their sense.

    Gone: e-mail, name, wallet, preferences, password, second factor, identities, memberships, where
    sessions came from, what keys were called and from where they opened, and kept answers to
    repeats. Ended: sessions, keys, grants. What people typed into free text elsewhere stays. One
    who is erased already stays so.
    Emits SessionRevoked. Audits accounts.erase_user, audit.erase_subject, and each end.
    Raises: NotPermitted, ReauthenticationRequired, ValidationFailed, UserNotFound, LastAdmin.
    Source: GDPR, article 17.
    """
    policy.require_may_change_rights(actor, at)
    require_reason(reason)
    return _erase(user_id, actor=actor, at=at, reason=reason)


def _erase(user_id: UUID, *, actor: Actor, at: datetime, reason: str) -> User:
    with transaction.atomic():
        user = grants.locked_user(user_id)
        if user.status == UserStatus.ERASED:
            return user
        grants.require_another_admin(at, than_user=user.id)
        email = user.email
        _end_everything(user, actor=actor, at=at)
        teams = Membership.objects.filter(user=user).values_list("team_id", flat=True)
        in_teams = [encode(policy.TEAM, team_id) for team_id in teams]
        for held in (OneTimeDevice, Identity, Membership):
            held.objects.filter(user=user).delete()
        Session.objects.filter(Q(user=user) | Q(impersonator=user)).update(
            address=None, user_agent=""
        )
        ApiKey.objects.filter(user=user).update(name=NAME_OF_THE_ERASED, networks=[])
        before = user.status
        _blank(user)
        audit.record(
            action="accounts.erase_user",
            subject=("user", user.wire_id),
            actor=actor,
            at=at,
            before={"status": before},
            after={"status": user.status},
            reason=reason,
            links=in_teams,
        )
        idempotency.forget_bodies(user.wire_id, [user.wire_id, *in_teams])
        audit.erase_subject(user.wire_id, actor=actor, at=at, reason=reason)
    guards.forgive(email or "", user.id)  # failed sign-ins, counted for a hash of the e-mail
    return user


def _end_everything(user: User, *, actor: Actor, at: datetime) -> None:
    for grant in Grant.objects.filter(user=user, ended_at__isnull=True).order_by("id"):
        grants.end(grant, actor=actor, at=at, reason="user_erased")
    sessions.revoke_all_sessions(user.id, reason="user_erased", actor=actor, at=at)
    keys.end_api_keys(user.id, "user_erased", actor=actor, at=at)


def _blank(user: User) -> None:
    blank: dict[str, Any] = {
        "status": UserStatus.ERASED,
        "email": None,
        "full_name": NAME_OF_THE_ERASED,
        "stellar_wallet": None,
        "preferences": {},
        "timezone": "UTC",
        "password": make_password(None),
        "email_verified_at": None,
        "password_changed_at": None,
        "last_login_at": None,
    }
    for name, value in blank.items():
        setattr(user, name, value)
    user.save(update_fields=list(blank))
