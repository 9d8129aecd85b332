"""What outbound delivery announces, and the one message that is no event."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from core.events import Event


@dataclass(frozen=True, kw_only=True)
class WebhookDisabled(Event):
    """A subscription was stopped by the system; it is never told so itself."""

    type: ClassVar[str] = "webhook.disabled"
    subject: ClassVar[str] = "subscription_id"

    subscription_id: str
    reason: str
    failing_since: datetime | None
    disabled_at: datetime
    waiting: int


@dataclass(frozen=True, kw_only=True)
class WebhookTest:
    """A test message that somebody sent to one subscription."""

    type: ClassVar[str] = "webhook.test"

    subscription_id: str
    message: str
    requested_at: datetime
