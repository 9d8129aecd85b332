from decimal import Decimal

import pytest

from core.money import LARGEST, money, spell


@pytest.mark.parametrize("value", [1.5, True, None, object()])
def test_money_is_never_made_of_a_float(value: object) -> None:
    with pytest.raises(TypeError):
        money(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["0.00000001", "NaN", "Infinity", "x", "922337203685.4775808"])
def test_what_the_ledger_cannot_move_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        money(value)


def test_seven_places_are_exact() -> None:
    assert money("0.1000001") == Decimal("0.1000001")


def test_the_largest_amount_is_an_amount() -> None:
    assert money(str(LARGEST)) == LARGEST


def test_an_amount_is_spelled_with_seven_places() -> None:
    assert spell(Decimal(1125)) == "1125.0000000"
