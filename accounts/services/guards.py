"""Who may not try any more: wrong passwords and codes are counted, and the door shuts for a while.

A lock is never a flag on the person: it holds for one address, or spares the familiar ones, so that
nobody can lock another out from elsewhere. Unknown e-mails count as known ones do. What is kept
names nobody: e-mails as keyed hashes, addresses by network, for no longer than it counts.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts import policy
from accounts.choices import SessionState
from accounts.events import AccountChanged
from accounts.models import Session, User
from audit import services as audit
from core import events, limits
from core.actors import Actor, system
from core.callers import client_address, counted_address
from core.limits import Limit

STUFFING = Limit("failures_of_address", *policy.FAILURES_OF_ADDRESS)
SPRAYING = Limit("failures_of_account", *policy.FAILURES_OF_ACCOUNT)
TOLD = Limit("told_of_failures", 1, policy.FAILURES_OF_ACCOUNT.seconds)
NEWCOMERS = Limit("newcomers", *policy.NEWCOMERS)
REFRESHES = Limit("refreshes", *policy.REFRESHES)
SIGN_OUTS = Limit("sign_outs", *policy.REFRESHES)
WRONG_CODES = Limit("wrong_codes", *policy.WRONG_CODES)


def sign_ins() -> Limit:
    """How often one client address may call the doors of sign-in."""
    return Limit(
        "sign_ins", settings.AUTH_RATE_LIMIT_REQUESTS, settings.AUTH_RATE_LIMIT_WINDOW_SECONDS
    )


def require_open_door(email: str, address: str | None, *, at: datetime) -> None:
    """Refuse who has failed too often, before any password is looked at.

    Raises: AccountLocked, LoginThrottled.
    """
    named = name_of(email)
    attempt = _Attempt(address, at)
    if not AxesProxyHandler.is_allowed(attempt, {"email": email}):
        raise policy.AccountLocked(retry_after=_rest(named, attempt, at))
    stuffed = limits.look(STUFFING, counted_address(address), at=at)
    if not stuffed.within:
        raise policy.LoginThrottled(retry_after=stuffed.reset_s)
    sprayed = limits.look(SPRAYING, named, at=at)
    if not sprayed.within and not _is_familiar(email, address, at):
        raise policy.LoginThrottled(retry_after=sprayed.reset_s)


def note_failure(email: str, address: str | None, *, at: datetime) -> None:
    """Count one wrong password, for a known e-mail and an unknown one alike.

    Emits AccountChanged once an hour when an account is tried from everywhere. Audits
    accounts.lock_sign_in, accounts.throttle_sign_in.
    """
    attempt = _Attempt(address, at)
    AxesProxyHandler.user_login_failed(None, {"email": email}, attempt)
    limits.take(STUFFING, counted_address(address), at=at)
    tried = limits.take(SPRAYING, name_of(email), at=at)
    if attempt.axes_locked_out:
        _record("lock_sign_in", _wire_id(email), at)
    if tried.remaining == 0 and limits.take(TOLD, name_of(email), at=at).within:
        _tell(email, at)


def note_success(email: str, address: str | None) -> None:
    """Forgive the wrong passwords that this address gave for this e-mail."""
    reset(ip=counted_address(address), username=name_of(email))


def require_code_tries(user_id: UUID, *, at: datetime) -> None:
    """Refuse a person who gave ten wrong codes in a quarter of an hour. Raises: LoginThrottled."""
    wrong = limits.look(WRONG_CODES, str(user_id), at=at)
    if not wrong.within:
        raise policy.LoginThrottled(
            "Too many wrong codes. Try again later.", retry_after=wrong.reset_s
        )


def count_code_failure(user_id: UUID, *, at: datetime) -> None:
    """Count one wrong code of the second factor, whatever the challenge."""
    limits.take(WRONG_CODES, str(user_id), at=at)


def unlock_sign_in(email: str, *, actor: Actor, at: datetime, reason: str = "") -> bool:
    """Open the door again for this e-mail, from everywhere; whether an address was locked.

    Audits accounts.unlock_sign_in. Raises: NotPermitted.
    """
    policy.require_may_manage_people(actor)
    user = User.objects.filter(email=policy.normal_email(email)).first()
    with transaction.atomic():
        failed = forgive(email, None if user is None else user.id)
        audit.record(
            action="accounts.unlock_sign_in",
            subject=("user", user.wire_id if user else "unknown"),
            actor=actor,
            at=at,
            reason=reason,
        )
    return failed


def forgive(email: str, user_id: UUID | None) -> bool:
    """Forget every failure counted for a person; whether a wrong password was among them."""
    limits.forget(SPRAYING, name_of(email))
    if user_id is not None:
        limits.forget(WRONG_CODES, str(user_id))
    return bool(reset(username=name_of(email)))


def forget_failures(*, at: datetime) -> int:
    """Remove what was kept of wrong passwords and no longer counts; returns how many rows."""
    counts_from = at - timedelta(seconds=policy.WRONG_PASSWORDS.seconds)
    gone, _ = AccessAttempt.objects.filter(attempt_time__lt=counts_from).delete()
    return int(gone)


def name_of(email: str) -> str:
    """The name under which the failures of an e-mail are counted: a keyed hash."""
    normal = policy.normal_email(email)
    return salted_hmac("accounts.guards", normal, algorithm="sha256").hexdigest()


# --- What django-axes asks (settings AXES_*) ------------------------------------------------------
def username_for_axes(_request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    given = credentials or {}
    return name_of(str(given.get("email") or given.get("username") or ""))


def address_for_axes(request: HttpRequest) -> str:
    return counted_address(client_address(request))


class Attempts(AxesDatabaseHandler):  # type: ignore[misc]
    """Keeps of a failed sign-in what the lock needs, and nothing of the browser."""

    def user_login_failed(
        self,
        sender: Any,
        credentials: dict[str, Any],
        request: HttpRequest | None = None,
        **kwargs: Any,
    ) -> None:
        if request is not None:
            for name in ("axes_user_agent", "axes_path_info", "axes_http_accept"):
                setattr(request, name, "")
        super().user_login_failed(sender, credentials, request, **kwargs)


class _Attempt(HttpRequest):
    """What the library takes for a request: an address and an instant."""

    axes_updated = True
    axes_locked_out = False
    axes_user_agent = axes_path_info = axes_http_accept = ""
    axes_failures_since_start = axes_credentials = None

    def __init__(self, address: str | None, at: datetime) -> None:
        super().__init__()
        self.axes_ip_address = counted_address(address)
        self.axes_attempt_time = at


def _rest(named: str, attempt: _Attempt, at: datetime) -> int:
    """Whole seconds until the lock of this e-mail and address ends."""
    kept = AccessAttempt.objects.filter(username=named, ip_address=attempt.axes_ip_address)
    last = kept.aggregate(last=Max("attempt_time"))["last"]
    ends_at = (last or at) + timedelta(seconds=policy.WRONG_PASSWORDS.seconds)
    return max(1, -((at - ends_at) // timedelta(seconds=1)))


def _is_familiar(email: str, address: str | None, at: datetime) -> bool:
    """Whether somebody signed in as this person from there lately."""
    seen = (
        Session.objects.filter(
            user__email=policy.normal_email(email),
            last_seen_at__gt=at - policy.FAMILIAR_FOR,
            address__isnull=False,
        )
        .exclude(state=SessionState.PENDING)
        .order_by()
        .values_list("address", flat=True)
        .distinct()
    )
    return address is not None and counted_address(address) in set(map(counted_address, seen))


def _wire_id(email: str) -> str:
    user = User.objects.filter(email=policy.normal_email(email)).first()
    return user.wire_id if user else "unknown"


def _record(verb: str, wire_id: str, at: datetime) -> None:
    with transaction.atomic():
        audit.record(
            action=f"accounts.{verb}",
            subject=("user", wire_id),
            actor=system("accounts"),
            at=at,
        )


def _tell(email: str, at: datetime) -> None:
    wire_id = _wire_id(email)
    with transaction.atomic():
        _record("throttle_sign_in", wire_id, at)
        if wire_id != "unknown":
            events.publish(AccountChanged(occurred_at=at, user_id=wire_id, what="failed_sign_ins"))
