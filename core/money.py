"""Amounts: ``Decimal`` with at most seven places, as the ledger counts (1 stroop = 1e-7)."""

from decimal import Decimal, InvalidOperation

DIGITS, PLACES = 19, 7
_STROOP = Decimal("1e-7")
LARGEST = Decimal("922337203685.4775807")  # int64 stroops: the most the ledger can move at once


def money(value: Decimal | int | str) -> Decimal:
    """Make an exact, finite amount.

    Raises: TypeError for floats and booleans; ValueError for what is no number, has more than
    seven places or does not fit the ledger.
    """
    if isinstance(value, (float, bool)) or not isinstance(value, (Decimal, int, str)):
        raise TypeError(f"money is made of Decimal, int or str, not {type(value).__name__}")
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not amount.is_finite():
        raise ValueError("money is finite")
    if abs(amount) > LARGEST or amount != amount.quantize(_STROOP):
        raise ValueError(f"at most {PLACES} places and {LARGEST} in size")
    return amount


def spell(amount: Decimal) -> str:
    """Spell an amount with exactly seven places, as the ledger does."""
    return f"{amount:.7f}"
