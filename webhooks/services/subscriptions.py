"""Who receives, what, and whether just now."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from core import events, signing, vault
from core.actors import Actor
from core.errors import Conflict, NothingToChange
from webhooks import queries
from webhooks.choices import WAITING, DeliveryStatus, DisabledReason, SubscriptionStatus
from webhooks.events import WebhookDisabled
from webhooks.models import Delivery, SigningKey, Subscription
from webhooks.policy import access, moves, patterns
from webhooks.policy.envelope import LEGACY, STANDARD
from webhooks.services import terms as terms_of
from webhooks.services.holding import facts, hold, note
from webhooks.services.secrets import add_key, check_newest_is_standard, replace_secret
from webhooks.services.terms import Terms

_CHANGEABLE = (
    "name",
    "url",
    "host",
    "patterns",
    "match",
    "headers",
    "signature_version",
    "max_attempts",
    "timeout_s",
    "concurrency",
)


class TooManyWebhooks(Conflict):
    code = "too_many_webhooks"
    title = "Too many webhooks"
    summary = f"There are {patterns.MOST_SUBSCRIPTIONS} webhooks already. Delete one first."


@dataclass(frozen=True)
class Created:
    """A new subscription, and its secret if we made it: this is the only time it is shown."""

    subscription: Subscription
    secret: str | None = field(repr=False)


def create_subscription(terms: Terms, *, actor: Actor, at: datetime) -> Created:
    """Start sending events to a URL.

    Audits webhooks.create_subscription.
    Raises: NotPermitted, UrlForbidden, EventUnknown, MatchMalformed, HeaderForbidden,
    HeaderMalformed, SecretMalformed, TooManyWebhooks.
    """
    access.require_may_manage(actor)
    if terms.url is None or not terms.patterns:
        raise ValueError("a subscription has a URL and patterns")
    target = terms_of.checked_url(terms.url)
    terms_of.check_patterns(terms.patterns)
    terms_of.check_match(terms.match or {})
    terms_of.check_headers(terms.headers or {})
    given = terms.secret
    version = terms.signature_version or terms_of.version_for(given)
    secret = given or signing.new_secret()
    terms_of.check_secret(secret, version)
    with transaction.atomic():
        # Not exact under a race, and need not be: the limit keeps the scan of fan-out short.
        if queries.subscriptions().count() >= patterns.MOST_SUBSCRIPTIONS:
            raise TooManyWebhooks
        subscription = Subscription(
            name=terms.name or target.host,
            url=terms.url,
            host=target.key,
            patterns=list(terms.patterns),
            match=_plain(terms.match or {}),
            signature_version=version,
            max_attempts=terms.max_attempts or 10,
            timeout_s=terms.timeout_s or 15,
            concurrency=terms.concurrency or 5,
            status=(
                SubscriptionStatus.PAUSED if terms.active is False else SubscriptionStatus.ACTIVE
            ),
            status_changed_at=at,
            created_by=actor.id,
            created_at=at,
            updated_at=at,
        )
        subscription.headers = _sealed_headers(subscription.id, terms.headers or {})
        subscription.save(force_insert=True)
        add_key(subscription, 1, secret, at)
        note("create_subscription", subscription, actor=actor, at=at, after=facts(subscription))
    return Created(subscription, None if given else secret)


def update_subscription(
    subscription_id: UUID, terms: Terms, *, actor: Actor, at: datetime
) -> Subscription:
    """Change what is named in ``terms``; a secret is rotated with the default grace.

    Audits webhooks.update_subscription, and the rotation, pause or enabling that it brings.
    Raises: NotPermitted, WebhookNotFound, NothingToChange, and as ``create_subscription``;
    SecretNotStandard, TooManyKeys.
    """
    access.require_may_manage(actor)
    if all(getattr(terms, each.name) is None for each in fields(terms)):
        raise NothingToChange
    with transaction.atomic():
        subscription = hold(subscription_id)
        before = facts(subscription)
        _apply(subscription, terms)
        version = subscription.signature_version
        if terms.secret is not None:
            terms_of.check_secret(terms.secret, version)
        elif version == STANDARD and before["signature_version"] == LEGACY:
            check_newest_is_standard(subscription)
        after = facts(subscription)
        changed = [name for name in after if after[name] != before[name]]
        if terms.headers is not None and "headers" not in changed:
            changed.append("headers")  # perhaps other values under the same names
        if changed:
            subscription.updated_at = at
            subscription.save(update_fields=[*_CHANGEABLE, "updated_at"])
            note(
                "update_subscription",
                subscription,
                actor=actor,
                at=at,
                before={name: before[name] for name in changed},
                after={name: after[name] for name in changed},
            )
        if terms.secret is not None:
            grace = timedelta(hours=settings.WEBHOOK_SECRET_GRACE_HOURS)
            replace_secret(subscription, terms.secret, grace, actor=actor, at=at)
        if terms.active is True:
            _enable(subscription, "", actor=actor, at=at)
        elif terms.active is False:
            _pause(subscription, "", actor=actor, at=at)
    return subscription


def pause_subscription(
    subscription_id: UUID, *, reason: str = "", actor: Actor, at: datetime
) -> Subscription:
    """Stop sending; what waits stays and resumes when it is enabled. Twice is harmless.

    Audits webhooks.pause_subscription. Raises: NotPermitted, WebhookNotFound.
    """
    access.require_may_manage(actor)
    with transaction.atomic():
        subscription = hold(subscription_id)
        _pause(subscription, reason, actor=actor, at=at)
    return subscription


def enable_subscription(
    subscription_id: UUID, *, reason: str = "", actor: Actor, at: datetime
) -> Subscription:
    """Send again, with a clean slate. Twice is harmless.

    Audits webhooks.enable_subscription. Raises: NotPermitted, WebhookNotFound.
    """
    access.require_may_manage(actor)
    with transaction.atomic():
        subscription = hold(subscription_id)
        _enable(subscription, reason, actor=actor, at=at)
    return subscription


def disable_subscription(
    subscription_id: UUID, *, reason: DisabledReason, actor: Actor, at: datetime
) -> Subscription:
    """Stop sending to a receiver that wants no more. Does nothing unless it is active.

    Emits webhook.disabled. Audits webhooks.disable_subscription.
    Raises: NotPermitted, WebhookNotFound.
    """
    access.require_may_manage(actor)
    with transaction.atomic():
        subscription = hold(subscription_id)
        failing_since = subscription.failing_since
        if not _move(
            subscription,
            SubscriptionStatus.DISABLED,
            reason,
            "disable_subscription",
            actor=actor,
            at=at,
        ):
            return subscription
        waiting = Delivery.objects.filter(subscription=subscription, status__in=WAITING).count()
        events.publish(
            WebhookDisabled(
                occurred_at=at,
                subscription_id=subscription.wire_id,
                reason=reason,
                failing_since=failing_since,
                disabled_at=at,
                waiting=waiting,
            )
        )
    return subscription


def delete_subscription(
    subscription_id: UUID, *, reason: str = "", actor: Actor, at: datetime
) -> None:
    """Forget a subscription: secrets and headers destroyed, waiting deliveries cancelled.

    The log stays. Audits webhooks.delete_subscription. Raises: NotPermitted, WebhookNotFound.
    """
    access.require_may_manage(actor)
    with transaction.atomic():
        subscription = hold(subscription_id)
        before = facts(subscription)
        SigningKey.objects.filter(subscription=subscription).delete()
        cancelled = Delivery.objects.filter(subscription=subscription, status__in=WAITING).update(
            status=DeliveryStatus.CANCELLED, next_attempt_at=None
        )
        subscription.headers = None
        subscription.status = SubscriptionStatus.DELETED
        subscription.status_reason = reason
        subscription.status_changed_at = subscription.updated_at = at
        subscription.save(
            update_fields=["headers", "status", "status_reason", "status_changed_at", "updated_at"]
        )
        note(
            "delete_subscription",
            subscription,
            actor=actor,
            at=at,
            before=before,
            after={"status": subscription.status, "deliveries_cancelled": cancelled},
            reason=reason,
        )


def _apply(subscription: Subscription, terms: Terms) -> None:
    if terms.url is not None:
        subscription.url, subscription.host = terms.url, terms_of.checked_url(terms.url).key
    if terms.patterns is not None:
        terms_of.check_patterns(terms.patterns)
        subscription.patterns = list(terms.patterns)
    if terms.match is not None:
        terms_of.check_match(terms.match)
        subscription.match = _plain(terms.match)
    if terms.headers is not None:
        terms_of.check_headers(terms.headers)
        subscription.headers = _sealed_headers(subscription.id, terms.headers)
    for name in ("name", "signature_version", "max_attempts", "timeout_s", "concurrency"):
        value = getattr(terms, name)
        if value is not None:
            setattr(subscription, name, value)


def _pause(subscription: Subscription, reason: str, *, actor: Actor, at: datetime) -> None:
    _move(
        subscription,
        SubscriptionStatus.PAUSED,
        reason,
        "pause_subscription",
        actor=actor,
        at=at,
    )


def _enable(subscription: Subscription, reason: str, *, actor: Actor, at: datetime) -> None:
    if _move(
        subscription,
        SubscriptionStatus.ACTIVE,
        reason,
        "enable_subscription",
        actor=actor,
        at=at,
    ):
        subscription.failing_since = subscription.hold_until = None
        subscription.save(update_fields=["failing_since", "hold_until"])


def _move(
    subscription: Subscription,
    wanted: SubscriptionStatus,
    reason: str,
    verb: str,
    *,
    actor: Actor,
    at: datetime,
) -> bool:
    """Bring it into a state, unless it is there or further; returns whether it moved."""
    before = {"status": subscription.status, "status_reason": subscription.status_reason}
    if not moves.may_become(subscription.status, wanted):
        return False
    subscription.status, subscription.status_reason = wanted, reason
    subscription.status_changed_at = subscription.updated_at = at
    subscription.save(update_fields=["status", "status_reason", "status_changed_at", "updated_at"])
    after = {"status": subscription.status, "status_reason": subscription.status_reason}
    note(verb, subscription, actor=actor, at=at, before=before, after=after, reason=reason)
    return True


def _sealed_headers(subscription_id: UUID, headers: Mapping[str, str]) -> bytes | None:
    if not headers:
        return None
    context = queries.headers_context(subscription_id)
    return vault.seal(json.dumps(dict(headers)).encode(), context=context)


def _plain(match: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {key: list(values) for key, values in match.items()}
