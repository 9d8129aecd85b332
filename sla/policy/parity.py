"""The engine against the contract: every recorded vector, in the contract's own words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from outages.choices import Severity
from sla.choices import Outcome, PaymentType, Rating
from sla.policy.assess import ContractError, contract_amount
from sla.policy.terms import CONTRACT_ORDER, Terms, config_version_hash, contract_refusal

_CODES: Mapping[str, str] = {
    Outcome.MET: "met",
    Outcome.VIOLATED: "viol",
    PaymentType.REWARD: "rew",
    PaymentType.PENALTY: "pen",
    Rating.EXCEPTIONAL: "top",
    Rating.EXCELLENT: "excel",
    Rating.GOOD: "good",
    Rating.POOR: "poor",
}
_UNKNOWN_SEVERITY = 4


@dataclass(frozen=True, slots=True)
class Difference:
    """A vector that the engine answers otherwise. ``line`` counts from 1."""

    line: int
    vector: Mapping[str, Any]
    expected: Any
    found: Any


def check(vectors: Iterable[Mapping[str, Any]]) -> tuple[int, list[Difference]]:
    """Run every vector; answer how many there were and where the engine differs."""
    checked, differences = 0, []
    for line, vector in enumerate(vectors, start=1):
        checked += 1
        expected, found = _compare(vector)
        if expected != found:
            differences.append(Difference(line, vector, expected, found))
    return checked, differences


def _compare(vector: Mapping[str, Any]) -> tuple[Any, Any]:
    match vector["kind"]:
        case "default" | "compute":
            return _expected(vector), _computed(vector)
        case "hash":
            return int(vector["hash"]), config_version_hash(_config(vector["config"]))
        case "set_config":
            others = _config(vector["before"])
            refusal = contract_refusal(vector["severity"], _terms(vector), others)
            return vector["error"], refusal or 0
    return vector["kind"], "a kind of vector that is known"


def _expected(vector: Mapping[str, Any]) -> Any:
    if "error" in vector:
        return vector["error"]
    words = (vector["status"], vector["payment_type"], vector["rating"])
    return (*words, int(vector["amount"]))


def _computed(vector: Mapping[str, Any]) -> Any:
    # A ``compute`` vector is of no severity; a ``default`` one of the contract's configuration.
    if vector["kind"] == "default" and vector["severity"] not in Severity.values:
        return _UNKNOWN_SEVERITY
    try:
        verdict = contract_amount(_terms(vector), vector["mttr"])
    except ContractError as error:
        return error.number
    words = (_CODES[verdict.status], _CODES[verdict.payment_type], _CODES[verdict.rating])
    return (*words, verdict.amount)


def _terms(vector: Mapping[str, Any]) -> Terms:
    return Terms(
        threshold_minutes=vector["threshold"],
        penalty_per_minute=int(vector["penalty"]),
        reward_base=int(vector["reward"]),
    )


def _config(rows: Iterable[tuple[int, int, int]]) -> dict[str, Terms]:
    return {
        severity: Terms(threshold_minutes=row[0], penalty_per_minute=row[1], reward_base=row[2])
        for severity, row in zip(CONTRACT_ORDER, rows, strict=True)
    }
