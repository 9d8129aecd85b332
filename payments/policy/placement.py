"""Where a payment rests that is neither in flight nor closed, and why. First match wins."""

from dataclasses import dataclass

from outages.choices import Settlement
from payments.choices import Attestation, Direction, Reason, State


@dataclass(frozen=True, slots=True)
class Placement:
    state: State
    reason: str = ""


def place(*, direction: str, settlement: str, attestation: str, operator_known: bool) -> Placement:
    """Place a new payment."""
    if settlement == Settlement.HOLD:
        return Placement(State.HELD, Reason.IMPORTED_HISTORY)
    if attestation == Attestation.MISMATCH:
        return Placement(State.HELD, Reason.PARITY_MISMATCH)
    if direction == Direction.COLLECTION:
        return Placement(State.AWAITING_PAYMENT)
    if not operator_known:
        return Placement(State.BLOCKED, Reason.RECIPIENT_UNKNOWN)
    return Placement(State.BLOCKED, Reason.RECIPIENT_WALLET_MISSING)
