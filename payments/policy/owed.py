"""What is owed for an outage: its latest SLA amount less what counts already."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from core.money import LARGEST
from payments.choices import Direction, Kind, State

_ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """A payment of the outage as the sum sees it; ``received`` is what a collection brought in."""

    direction: str
    state: str
    amount: Decimal
    received: Decimal = _ZERO

    @property
    def counts(self) -> Decimal:
        """The signed amount that stands: payouts +, collections -, a cancelled one its receipts."""
        if self.state == State.CANCELLED:
            return -self.received
        return self.amount if self.direction == Direction.PAYOUT else -self.amount


@dataclass(frozen=True, kw_only=True, slots=True)
class Obligation:
    """One new payment."""

    direction: Direction
    kind: Kind
    amount: Decimal


class OutOfRange(ArithmeticError):
    """More than the ledger can move at once (int64 stroops)."""


def owed(result_amount: int, movements: Iterable[Movement]) -> Obligation | None:
    """Compute what the latest result leaves to pay or to claim, in whole USDC; None is nothing.

    Raises: OutOfRange.
    """
    counted = [movement.counts for movement in movements]
    delta = Decimal(result_amount) - sum(counted, _ZERO)
    if not delta:
        return None
    if abs(delta) > LARGEST:
        raise OutOfRange(delta)
    return Obligation(
        direction=Direction.PAYOUT if delta > 0 else Direction.COLLECTION,
        kind=Kind.ADJUSTMENT if any(counted) else Kind.ORIGINAL,
        amount=abs(delta),
    )
