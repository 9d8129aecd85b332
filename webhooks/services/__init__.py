"""What outbound delivery does: subscriptions and their secrets, messages, claims and results."""

from webhooks.services.claims import claim_deliveries
from webhooks.services.deliveries import (
    DeliveryAlreadySucceeded,
    DeliveryCancelled,
    WebhookNotActive,
    retry_delivery,
)
from webhooks.services.holding import MASK
from webhooks.services.messages import Saying, queue_messages, send_test_event
from webhooks.services.results import Result, record_attempts
from webhooks.services.secrets import Rotated, TooManyKeys, rotate_secret
from webhooks.services.subscriptions import (
    Created,
    TooManyWebhooks,
    create_subscription,
    delete_subscription,
    disable_subscription,
    enable_subscription,
    pause_subscription,
    update_subscription,
)
from webhooks.services.terms import (
    EventUnknown,
    HeaderForbidden,
    HeaderMalformed,
    MatchMalformed,
    SecretMalformed,
    SecretNotStandard,
    Terms,
    UrlForbidden,
)

__all__ = [
    "MASK",
    "Created",
    "DeliveryAlreadySucceeded",
    "DeliveryCancelled",
    "EventUnknown",
    "HeaderForbidden",
    "HeaderMalformed",
    "MatchMalformed",
    "Result",
    "Rotated",
    "Saying",
    "SecretMalformed",
    "SecretNotStandard",
    "Terms",
    "TooManyKeys",
    "TooManyWebhooks",
    "UrlForbidden",
    "WebhookNotActive",
    "claim_deliveries",
    "create_subscription",
    "delete_subscription",
    "disable_subscription",
    "enable_subscription",
    "pause_subscription",
    "queue_messages",
    "record_attempts",
    "retry_delivery",
    "rotate_secret",
    "send_test_event",
    "update_subscription",
]
