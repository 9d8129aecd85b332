"""What a person takes along: one JSON document, its log read out in pieces."""

from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import policy
from accounts.api import access_filters, access_forms
from accounts.api.key_forms import key_forms
from accounts.api.own_account_forms import session_forms
from accounts.models import ApiKey, BackupCode, Grant, Identity, OneTimeDevice, Session, User
from audit import queries as audit
from core import rendering, wire
from core.exports import Export, Layout
from core.ids import encode

FILENAME = "noc-iq-export.json"
_ENTRIES: Layout[Any] = Layout(
    name="audit_entries",
    columns=[field.name for field in fields(audit.EntryView)],
    forms=lambda entries: [asdict(audit.view(entry)) for entry in entries],
)


class OwnData:
    """The bytes of the document, all of one snapshot; to be closed."""

    def __init__(self, user_id: UUID, at: datetime) -> None:
        # The snapshot begins here; what stands before the log is read from it too.
        self._entries = Export(audit.entries_about(encode(policy.USER, user_id)), _ENTRIES, "json")
        try:
            self._before = rendering.dumps({"exported_at": wire.instant(at)} | _parts(user_id))
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        yield self._before.removesuffix(b"}") + b',"audit_entries":'
        yield from self._entries
        yield b',"entry_count":%d}\n' % self._entries.total

    def close(self) -> None:
        """Give the snapshot back."""
        self._entries.close()


def _parts(user_id: UUID) -> dict[str, Any]:
    user = access_filters.accounts().get(id=user_id)
    grants = Grant.objects.held_by(user_id).order_by("id")
    sessions = list(Session.objects.filter(user_id=user_id).order_by("id"))
    keys = ApiKey.objects.filter(user_id=user_id).order_by("id")
    account = access_forms.account_form(user)
    teams = account.pop("teams")
    account |= {
        "email_verified_at": wire.instant(user.email_verified_at),
        "password_changed_at": wire.instant(user.password_changed_at),
    }
    return {
        "user": account,
        "grants": access_forms.grant_detail_forms(list(grants)),
        "teams": teams,
        "sessions": [
            form | {"state": session.state, "revoked_at": wire.instant(session.revoked_at)}
            for session, form in zip(sessions, session_forms("")(sessions), strict=True)
        ],
        "api_keys": key_forms(list(keys)),
        "preferences": user.preferences,
        "two_factor": _second_factor(user),
        "identities": [
            {
                "issuer": identity.issuer,
                "subject": identity.subject,
                "created_at": wire.instant(identity.created_at),
            }
            for identity in Identity.objects.filter(user=user).order_by("id")
        ],
    }


def _second_factor(user: User) -> dict[str, Any]:
    device = OneTimeDevice.objects.filter(user=user, confirmed_at__isnull=False).first()
    left = BackupCode.objects.filter(device__user=user, used_at__isnull=True)
    return {
        "enabled": device is not None,
        "confirmed_at": wire.instant(device.confirmed_at) if device else None,
        "backup_codes_left": left.count() if device else 0,
    }
