"""Pure rules of money: what is owed, where a payment rests and why, and what the contract says."""

from payments.choices import State

# What a verb can still call off: nothing of it is on its way, and it is not closed.
CANCELLABLE = (
    State.VERIFYING,
    State.NEEDS_APPROVAL,
    State.READY,
    State.AWAITING_PAYMENT,
    State.BLOCKED,
    State.HELD,
    State.FAILED,
)
