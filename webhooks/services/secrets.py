"""The secrets of a subscription: sealed at rest, shown once, replaced with grace."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q

from core import signing, vault
from core.actors import Actor
from core.errors import Conflict
from core.ids import uuid7
from webhooks import queries
from webhooks.choices import KeyKind
from webhooks.models import SigningKey, Subscription
from webhooks.policy import access, patterns
from webhooks.policy.envelope import STANDARD
from webhooks.services import terms as terms_of
from webhooks.services.holding import hold, note
from webhooks.services.terms import SecretNotStandard


class TooManyKeys(Conflict):
    code = "too_many_keys"
    title = "Too many keys"
    summary = f"{patterns.MOST_LIVE_KEYS} secrets are live already. Wait until some have expired."


@dataclass(frozen=True)
class Rotated:
    """A new secret; ``secret`` is set if we made it."""

    subscription: Subscription
    key: SigningKey
    secret: str | None = field(repr=False)
    grace_expires_at: datetime | None


def rotate_secret(
    subscription_id: UUID,
    *,
    grace_hours: int | None = None,
    secret: str | None = None,
    actor: Actor,
    at: datetime,
) -> Rotated:
    """Sign with a new secret from the next attempt on; the old ones sign beside it during grace.

    No grace means the old ones are compromised and end now. Audits webhooks.rotate_secret.
    Raises: NotPermitted, WebhookNotFound, SecretMalformed, SecretNotStandard, TooManyKeys.
    """
    access.require_may_manage(actor)
    hours = settings.WEBHOOK_SECRET_GRACE_HOURS if grace_hours is None else grace_hours
    with transaction.atomic():
        subscription = hold(subscription_id)
        new = secret or signing.new_secret()
        terms_of.check_secret(new, subscription.signature_version)
        key = replace_secret(subscription, new, timedelta(hours=hours), actor=actor, at=at)
    return Rotated(
        subscription,
        key,
        None if secret else new,
        at + timedelta(hours=hours) if hours else None,
    )


def replace_secret(
    subscription: Subscription, secret: str, grace: timedelta, *, actor: Actor, at: datetime
) -> SigningKey:
    """Add a secret to a held subscription; former ones end with the grace. Raises: TooManyKeys."""
    keys = SigningKey.objects.filter(subscription=subscription, kind=KeyKind.HMAC)
    live = keys.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at))
    if grace and live.count() >= patterns.MOST_LIVE_KEYS:
        raise TooManyKeys
    number = (keys.aggregate(newest=Max("number"))["newest"] or 0) + 1
    # An older one keeps its earlier end: a rotation never prolongs a life.
    live.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at + grace)).update(
        expires_at=at + grace
    )
    key = add_key(subscription, number, secret, at)
    note(
        "rotate_secret",
        subscription,
        actor=actor,
        at=at,
        before={"secret_version": number - 1},
        after={"secret_version": number, "grace_hours": grace.total_seconds() // 3600},
    )
    return key


def add_key(subscription: Subscription, number: int, secret: str, at: datetime) -> SigningKey:
    """Seal a secret under the next number."""
    key_id = uuid7()
    return SigningKey.objects.create(
        id=key_id,
        subscription=subscription,
        kind=KeyKind.HMAC,
        number=number,
        sealed=vault.seal(secret.encode(), context=queries.key_context(key_id)),
        created_at=at,
    )


def check_newest_is_standard(subscription: Subscription) -> None:
    """Raises: SecretNotStandard, SecretMalformed."""
    newest = SigningKey.objects.filter(subscription=subscription).order_by("-number").first()
    if newest is None:
        raise SecretNotStandard
    secret = vault.open(newest.sealed, context=queries.key_context(newest.id)).decode()
    terms_of.check_secret(secret, STANDARD)
