"""The words of outbound delivery, each with its meaning."""

from django.db.models import TextChoices


class SubscriptionStatus(TextChoices):
    ACTIVE = "active", "Active"  # receives
    PAUSED = "paused", "Paused"  # a person stopped it
    DISABLED = "disabled", "Disabled"  # the system stopped it; status_reason says why
    DELETED = "deleted", "Deleted"  # keys and headers destroyed, the log kept


class DisabledReason(TextChoices):
    GONE = "gone", "Gone"  # the receiver answered 410


class KeyKind(TextChoices):
    HMAC = "hmac", "HMAC"  # one secret that both sides know


class DeliveryKind(TextChoices):
    EVENT = "event", "Event"
    TEST = "test", "Test"  # one try, counts for nothing


class DeliveryStatus(TextChoices):
    PENDING = "pending", "Pending"  # due, never tried in this run
    SENDING = "sending", "Sending"  # claimed: leased, may be on the wire
    RETRYING = "retrying", "Retrying"  # tried, will be tried again
    SUCCESS = "success", "Success"  # a 2xx status line was read
    DEAD_LETTER = "dead_letter", "Dead letter"  # all tries used, or 410
    CANCELLED = "cancelled", "Cancelled"  # its subscription was deleted, or it was a failed test


class Outcome(TextChoices):
    """What one attempt came to."""

    DELIVERED = "delivered", "Delivered"
    GONE = "gone", "Gone"  # 410: never again
    THROTTLED = "throttled", "Throttled"  # 429, or 503 with Retry-After
    REDIRECT = "redirect", "Redirect"  # never followed
    REJECTED = "rejected", "Rejected"  # any other status
    DNS_FAILED = "dns_failed", "No address"
    CONNECT_FAILED = "connect_failed", "No connection"
    TLS_FAILED = "tls_failed", "TLS failed"
    TIMED_OUT = "timed_out", "Timed out"
    BROKEN = "broken", "Broken off"
    ADDRESS_FORBIDDEN = "address_forbidden", "Address forbidden"  # core.egress refused it
    INTERRUPTED = "interrupted", "Interrupted"  # the lease ran out: unknown
    UNSENDABLE = "unsendable", "Unsendable"  # key or headers cannot be unsealed: our fault


WAITING = (DeliveryStatus.PENDING, DeliveryStatus.RETRYING)
