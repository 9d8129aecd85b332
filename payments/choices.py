"""The words of the payments domain, each with its meaning."""

from django.db.models import TextChoices


class Direction(TextChoices):
    PAYOUT = "payout", "Payout"  # we pay the operator
    COLLECTION = "collection", "Collection"  # the operator pays us


class Kind(TextChoices):
    ORIGINAL = "original", "Original"  # the whole amount of a result
    ADJUSTMENT = "adjustment", "Adjustment"  # the difference to what counted before


class State(TextChoices):
    VERIFYING = "verifying", "Verifying"  # waits until the contract agrees
    NEEDS_APPROVAL = "needs_approval", "Needs approval"  # waits for a second person
    READY = "ready", "Ready"  # waits for its lane
    IN_FLIGHT = "in_flight", "In flight"  # may be on the ledger at any moment
    AWAITING_PAYMENT = "awaiting_payment", "Awaiting payment"  # waits for the operator's money
    BLOCKED = "blocked", "Blocked"  # waits for a fact; is asked again
    HELD = "held", "Held"  # waits for a person
    SETTLED = "settled", "Settled"  # closed in a ledger
    FAILED = "failed", "Failed"  # given up until somebody tries again
    CANCELLED = "cancelled", "Cancelled"  # will not be paid; what was received stays received


class Reason(TextChoices):
    """Why a payment is held, blocked, failed or cancelled."""

    IMPORTED_HISTORY = "imported_history", "Its outage was imported as history"
    PARITY_MISMATCH = "parity_mismatch", "The contract's arithmetic gives another amount"
    RECIPIENT_UNKNOWN = "recipient_unknown", "The site has no operator"
    RECIPIENT_WALLET_MISSING = "recipient_wallet_missing", "The operator has no confirmed wallet"
    SUPERSEDED = "superseded", "A later result counts"
    OUTAGE_REOPENED = "outage_reopened", "The outage was reopened"
    OUTAGE_DELETED = "outage_deleted", "The outage was deleted"


class Attestation(TextChoices):
    """Who agrees with the amount, besides the SLA itself."""

    PENDING = "pending", "Not yet asked"
    LOCAL = "local", "The contract's arithmetic, computed here"
    ON_CHAIN = "on_chain", "The contract on the ledger"
    MISMATCH = "mismatch", "Somebody computed another amount"
    ERROR = "error", "The contract refused to compute"
    NOT_APPLICABLE = "not_applicable", "Not under the default terms, so the contract cannot tell"


class Type(TextChoices):
    """A direction in the word of the wire."""

    REWARD = "reward", "Reward"  # a payout
    PENALTY = "penalty", "Penalty"  # a collection


class Status(TextChoices):
    """A state in the word of the wire."""

    PENDING = "pending", "Pending"  # neither paid nor given up
    CONFIRMED = "confirmed", "Confirmed"  # settled
    FAILED = "failed", "Failed"  # failed
    CANCELLED = "cancelled", "Cancelled"  # cancelled


TYPE_OF = {Direction.PAYOUT: Type.REWARD, Direction.COLLECTION: Type.PENALTY}
STATUS_OF = dict.fromkeys(State, Status.PENDING) | {
    State.SETTLED: Status.CONFIRMED,
    State.FAILED: Status.FAILED,
    State.CANCELLED: Status.CANCELLED,
}
