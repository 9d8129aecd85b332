"""Hold a subscription while it changes, and leave the entry of the change."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from audit import services as audit
from core import redaction
from core.actors import Actor
from webhooks import queries
from webhooks.models import Subscription

MASK = "***"


def hold(subscription_id: UUID) -> Subscription:
    """Lock a subscription that is not deleted. Raises: WebhookNotFound."""
    # A full lock, which fan-out waits for: no delivery is made for one that is being deleted.
    found = queries.subscriptions().select_for_update().filter(pk=subscription_id).first()
    if found is None:
        raise queries.WebhookNotFound
    return found


def facts(subscription: Subscription) -> dict[str, Any]:
    """What the audit trail tells of a subscription: no secret, of headers only their names."""
    return {
        "name": subscription.name,
        "url": subscription.url,
        "events": list(subscription.patterns),
        "match": dict(subscription.match),
        "headers": dict.fromkeys(queries.header_names(subscription), MASK),
        "signature_version": subscription.signature_version,
        "max_attempts": subscription.max_attempts,
        "timeout_s": subscription.timeout_s,
        "concurrency": subscription.concurrency,
        "status": subscription.status,
    }


def _told(values: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The same, the URL without its query: receivers put their tokens there, under any name."""
    if values is None or "?" not in values.get("url", ""):
        return values
    return {**values, "url": f"{values['url'].partition('?')[0]}?{redaction.REDACTED}"}


def note(
    verb: str,
    subscription: Subscription,
    *,
    actor: Actor,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Record that a verb changed a subscription."""
    audit.record(
        action=f"webhooks.{verb}",
        subject=("webhook", subscription.wire_id),
        actor=actor,
        at=at,
        before=_told(before),
        after=_told(after),
        reason=reason,
    )
