"""What people change of their own account: profile and preferences."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import policy
from accounts.models import User
from accounts.policy import preferences as rules
from accounts.policy.second_factor import require_own_account
from accounts.services.grants import locked_user
from audit import services as audit
from core import preconditions, wire
from core.actors import Actor
from core.errors import Fault, ForbiddenCharacter, Invalid, NothingToChange, ValidationFailed
from core.ids import decode

WALLET = re.compile(r"G[A-Z2-7]{55}")
_CHANGEABLE = ("full_name", "stellar_wallet", "timezone")


class InvalidWallet(Invalid):
    code = "invalid_wallet"
    title = "Invalid wallet"
    summary = "A Stellar account has 56 characters and begins with G."


class PreferencesTooLarge(Invalid):
    code = "preferences_too_large"
    title = "Preferences too large"
    summary = "Preferences take at most 16 KiB, and 8 levels of nesting."


def change_profile(changes: Mapping[str, Any], *, actor: Actor, at: datetime) -> User:
    """Change one's name, zone, or the wallet that is shown (null: none).

    The entry tells which of them, never what they say. Audits.
    Raises: NotPermitted, ImpersonatorRefused, NothingToChange, InvalidWallet, UnknownZone.
    """
    user_id = require_own_account(actor)
    wanted = {name: value for name, value in changes.items() if name in _CHANGEABLE}
    if not wanted:
        raise NothingToChange
    wallet = wanted.get("stellar_wallet")
    if wallet is not None and not WALLET.fullmatch(wallet):
        raise InvalidWallet(
            faults=[Fault("/stellar_wallet", "invalid_wallet", InvalidWallet.summary)]
        )
    if "timezone" in wanted:
        _check_zone(wanted["timezone"])
    with transaction.atomic():
        user = locked_user(user_id)
        changed = [name for name in wanted if getattr(user, name) != wanted[name]]
        if changed:
            for name in changed:
                setattr(user, name, wanted[name])
            user.save(update_fields=changed)
            audit.record(
                action="accounts.change_profile",
                subject=("user", user.wire_id),
                actor=actor,
                at=at,
                after={"changed": sorted(changed)},
            )
    return user


def save_preferences(
    document: Mapping[str, Any], *, actor: Actor, at: datetime, expected: int | None = None
) -> dict[str, Any]:
    """Replace one's preferences whole; returns what is stored. ``expected``: of If-Match.

    The entry tells their size only. Audits. Raises: NotPermitted, PreferencesTooLarge,
    ForbiddenCharacter, ValidationFailed, PreconditionFailed.
    """
    policy.require_no_key(actor)
    _check_preferences(document)
    stored = dict(document)
    with transaction.atomic():
        user = locked_user(decode(policy.USER, actor.id))
        preconditions.check_version(expected, rules.version_of(user.preferences))
        if user.preferences != stored:
            user.preferences = stored
            user.save(update_fields=["preferences"])
            user.refresh_from_db(fields=["preferences"])  # numbers as the database spells them
            audit.record(
                action="accounts.save_preferences",
                subject=("user", user.wire_id),
                actor=actor,
                at=at,
                after={"members": len(stored)},
            )
    saved: dict[str, Any] = user.preferences
    return saved


def _check_zone(name: str) -> None:
    try:
        wire.zone(name)
    except wire.UnknownZone as error:
        (found,) = error.faults
        raise wire.UnknownZone(
            error.detail, faults=[Fault("/timezone", found.code, found.detail)]
        ) from None


def _check_preferences(document: Mapping[str, Any]) -> None:
    match rules.fault_in(document):
        case "":
            return
        case "forbidden_character":
            raise ForbiddenCharacter
        case "out_of_range":
            detail = "A number lies outside of what can be stored."
            raise ValidationFailed(faults=[Fault("", "out_of_range", detail)])
        case _:
            raise PreferencesTooLarge
