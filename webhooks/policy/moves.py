"""Which states follow which."""

from webhooks.choices import DeliveryStatus, SubscriptionStatus

SUBSCRIPTION_TRANSITIONS = {
    SubscriptionStatus.ACTIVE: {
        SubscriptionStatus.PAUSED,
        SubscriptionStatus.DISABLED,
        SubscriptionStatus.DELETED,
    },
    SubscriptionStatus.PAUSED: {SubscriptionStatus.ACTIVE, SubscriptionStatus.DELETED},
    SubscriptionStatus.DISABLED: {SubscriptionStatus.ACTIVE, SubscriptionStatus.DELETED},
    SubscriptionStatus.DELETED: set[SubscriptionStatus](),
}

TRANSITIONS = {
    DeliveryStatus.PENDING: {DeliveryStatus.SENDING, DeliveryStatus.CANCELLED},
    DeliveryStatus.SENDING: {
        DeliveryStatus.SUCCESS,
        DeliveryStatus.RETRYING,
        DeliveryStatus.DEAD_LETTER,
        DeliveryStatus.CANCELLED,
    },
    DeliveryStatus.RETRYING: {DeliveryStatus.SENDING, DeliveryStatus.CANCELLED},
    DeliveryStatus.SUCCESS: set[DeliveryStatus](),
    DeliveryStatus.DEAD_LETTER: {DeliveryStatus.PENDING},
    DeliveryStatus.CANCELLED: set[DeliveryStatus](),
}


def may_become(status: str, wanted: SubscriptionStatus) -> bool:
    """Whether a subscription in this state may be brought into the wanted one."""
    return wanted in SUBSCRIPTION_TRANSITIONS[SubscriptionStatus(status)]


def held_by(status: str, subscription_status: str, *, throttled: bool) -> str | None:
    """Why a waiting delivery is not moving; None: it is, or it does not wait."""
    if status not in (DeliveryStatus.PENDING, DeliveryStatus.RETRYING):
        return None
    if subscription_status in (SubscriptionStatus.PAUSED, SubscriptionStatus.DISABLED):
        return subscription_status
    return "receiver" if throttled else None
