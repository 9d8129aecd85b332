"""Every answer recorded from the contract's own code, against our two computations."""

import json
from pathlib import Path

import pytest

from payments.policy import contract
from sla.policy import parity

FILE = Path(__file__).parent / "sla_parity_vectors.jsonl"
VECTORS = [json.loads(line) for line in FILE.read_text().splitlines()]
AMOUNTS = [
    each for each in VECTORS if each["kind"] in ("default", "compute") and each.get("error") != 4
]


def test_the_file_is_whole():
    kinds = [each["kind"] for each in VECTORS]

    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {
        "compute": 166,
        "default": 105,
        "hash": 24,
        "set_config": 24,
    }


def test_the_engine_answers_every_vector_as_the_contract_does():
    assert parity.check(VECTORS) == (319, [])


@pytest.mark.parametrize("vector", VECTORS[:3] + VECTORS[-3:], ids=lambda each: each["kind"])
def test_a_falsified_vector_is_found(vector):
    falsified = dict(vector)
    for name in ("amount", "hash"):
        if name in falsified:
            falsified[name] = str(int(falsified[name]) + 1)
    if "error" in falsified:
        falsified["error"] += 1

    checked, differences = parity.check([falsified])

    assert (checked, [each.line for each in differences]) == (1, [1])


def test_a_kind_of_vector_that_nobody_knows_is_a_difference():
    assert len(parity.check([{"kind": "other"}])[1]) == 1


def test_the_twin_answers_every_amount_as_the_contract_does():
    for vector in AMOUNTS:
        terms = (vector["threshold"], int(vector["penalty"]), int(vector["reward"]))
        if "error" in vector:
            with pytest.raises(contract.ContractError) as refused:
                contract.calculate(*terms, vector["mttr"])
            assert refused.value.number == vector["error"]
        else:
            assert contract.calculate(*terms, vector["mttr"]) == contract.Calculation(
                vector["status"], vector["payment_type"], vector["rating"], int(vector["amount"])
            )
