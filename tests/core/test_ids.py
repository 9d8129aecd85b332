from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest

from core import ids

VECTOR = ("pay_01h455vb4pex5vsknk084sn02q", UUID("01890a5d-ac96-774b-bcce-b302099a8057"))


def test_an_id_is_spelled_as_typeid_does() -> None:
    assert ids.encode("pay", VECTOR[1]) == VECTOR[0]


def test_a_spelled_id_is_read_back() -> None:
    assert ids.decode("pay", VECTOR[0]) == VECTOR[1]


@pytest.mark.parametrize("text", [str(VECTOR[1]), VECTOR[1].hex, VECTOR[1].hex.upper()])
def test_a_bare_uuid_is_read_wherever_an_id_is(text: str) -> None:
    assert ids.decode("pay", text) == VECTOR[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pay_",
        "slr_01h455vb4pex5vsknk084sn02q",
        "pay_01h455vb4pex5vsknk084sn02",
        "pay_81h455vb4pex5vsknk084sn02q",
        "pay_01H455VB4PEX5VSKNK084SN02Q",
        "pay_01h455vb4pex5vsknk084sn02u",
        "01890a5d-ac96-774b-bcce",
    ],
)
def test_another_prefix_or_alphabet_is_malformed(text: str) -> None:
    with pytest.raises(ids.MalformedId):
        ids.decode("pay", text)


def test_made_ids_are_version_seven_and_sort_in_the_order_of_their_making() -> None:
    made = [ids.uuid7() for _ in range(1000)]
    assert {each.version for each in made} == {7}
    assert {each.variant for each in made} == {RFC_4122}
    assert made == sorted(made)


def test_an_id_tells_when_it_was_made() -> None:
    before = datetime.now(UTC)
    made = ids.uuid7()
    assert ids.earliest_at(before) <= made
    assert made < ids.earliest_at(datetime.now(UTC) + timedelta(milliseconds=2))


def test_ten_thousand_ids_differ() -> None:
    assert len({ids.uuid7() for _ in range(10_000)}) == 10_000
