"""The contract's calculation, written from its own description and not from ours.

Money moves only where two computations agree, so this module must never call the SLA's engine.
"""

from dataclasses import dataclass

from payments.choices import Attestation

_LOWEST, _HIGHEST = -(2**127), 2**127 - 1


class ContractError(ArithmeticError):
    """``Error(Contract, #number)``: 14 a penalty, 15 a reward that is no amount."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(frozen=True, slots=True)
class Calculation:
    """Four of the contract's nine fields, in its own codes."""

    status: str
    payment_type: str
    rating: str
    amount: int


def calculate(threshold: int, penalty: int, reward: int, mttr: int) -> Calculation:
    """Compute as ``calculate_sla`` does. Raises: ContractError."""
    if mttr > threshold:
        amount = (mttr - threshold) * penalty
        if amount > _HIGHEST or -amount < _LOWEST or -amount >= 0:
            raise ContractError(14)
        return Calculation("viol", "pen", "poor", -amount)
    ratio = mttr * 100 // threshold if threshold > 0 else 0
    multiplier, rating = 100, "good"
    if ratio < 75:
        multiplier, rating = 150, "excel"
    if ratio < 50:
        multiplier, rating = 200, "top"
    scaled = reward * multiplier
    if scaled > _HIGHEST or scaled // 100 <= 0:
        raise ContractError(15)
    return Calculation("met", "rew", rating, scaled // 100)


def attest(
    *, plain: bool, threshold: int, penalty: int, reward: int, mttr: int, amount: int
) -> Attestation:
    """Say whether the contract's arithmetic agrees with the amount of a result."""
    if not plain:
        return Attestation.NOT_APPLICABLE
    try:
        agrees = calculate(threshold, penalty, reward, mttr).amount == amount
    except ContractError:
        agrees = False
    return Attestation.LOCAL if agrees else Attestation.MISMATCH
