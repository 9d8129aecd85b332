"""Links by which a forgotten password is replaced."""

from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator

from accounts.choices import UserKind
from accounts.models import User
from accounts.queries.people import user_id_of


class _ResetTokens(PasswordResetTokenGenerator):
    """Django's tokens, by a clock that is given. One dies with the password that it replaces."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self._at = at.astimezone(UTC).replace(tzinfo=None)

    def _now(self) -> datetime:
        return self._at


def may_reset_password(user: User) -> bool:
    """Active people, but not those who come by an identity provider and never had a password."""
    if not user.is_active or user.kind != UserKind.PERSON:
        return False
    return user.has_usable_password() or not user.identities.exists()


def reset_link(user_id: str, *, at: datetime) -> str | None:
    """The link by which a person chooses a new password, within an hour and once.

    For the mail to them and nowhere else; behind the #, so that no server sees it in an address.
    """
    key = user_id_of(user_id)
    found = User.objects.filter(id=key).first() if key else None
    if found is None or not may_reset_password(found):
        return None
    token = f"{found.wire_id}.{_ResetTokens(at).make_token(found)}"
    return f"{settings.PUBLIC_URL}/reset-password#token={token}"


def holder_of_reset_token(token: str, *, at: datetime) -> User | None:
    """Whose new password the token of a link lets choose."""
    named, _, secret = token.partition(".")
    user_id = user_id_of(named)
    found = User.objects.filter(id=user_id).first() if user_id else None
    if found is None or not may_reset_password(found):
        return None
    return found if _ResetTokens(at).check_token(found, secret) else None
