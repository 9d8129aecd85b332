import time
from uuid import UUID

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


def test_made_ids_are_version_seven_and_sort_by_time() -> None:
    first = ids.uuid7()
    time.sleep(0.002)
    second = ids.uuid7()
    assert first.version == second.version == 7
    assert first < second


def test_ten_thousand_ids_differ() -> None:
    assert len({ids.uuid7() for _ in range(10_000)}) == 10_000
