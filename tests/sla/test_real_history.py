"""Four years of a public cloud's outages, judged under the default terms: known figures."""

import csv
from datetime import datetime
from functools import cache
from math import ceil
from pathlib import Path

import pytest

from sla.choices import ThresholdSource
from sla.policy.assess import Applied, Assessment, Facts, assess
from sla.policy.terms import content_hash
from tests.sla.test_contract_amount import DEFAULTS

FILE = Path(__file__).parents[2] / "outages/data/outages_gcp_2017_2020.csv"
APPLIED = {
    severity: Applied(
        terms=terms,
        content_hash=content_hash(severity, 1, terms),
        version=1,
        source=ThresholdSource.CONFIG,
    )
    for severity, terms in DEFAULTS.items()
}


@cache
def judged() -> dict[str, tuple[str, datetime, Assessment]]:
    """Every outage that has an end: its severity, the end and its assessment."""
    found = {}
    with FILE.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            if not row["resolved_at"]:
                continue
            end = datetime.fromisoformat(row["resolved_at"])
            facts = Facts(
                outage_id=row["id"],
                severity=row["severity"],
                detected_at=datetime.fromisoformat(row["detected_at"]),
                resolved_at=end,
                declared_mttr_minutes=None,
            )
            assessment = assess(facts, APPLIED[row["severity"]])
            found[row["id"]] = (row["severity"], end, assessment)
    return found


def figures(assessments: list[Assessment]) -> tuple[int, ...]:
    minutes = sorted(each.mttr_minutes for each in assessments)
    amounts = [each.verdict.amount for each in assessments]
    ranks = [minutes[ceil(len(minutes) * percent / 100) - 1] for percent in (50, 90, 95, 99)]
    return (
        len(assessments),
        sum(1 for each in assessments if each.verdict.status == "violated"),
        sum(amount for amount in amounts if amount > 0),
        -sum(amount for amount in amounts if amount < 0),
        *ranks,
    )


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        ("critical", (5, 5, 0, 58500, 137, 192, 192, 192)),
        ("high", (122, 109, 14250, 1150100, 71, 304, 821, 2479)),
        ("medium", (390, 302, 98625, 5452525, 113, 886, 1281, 13193)),
        ("low", (15, 11, 3000, 287010, 495, 8400, 8471, 8471)),
    ],
)
def test_each_severity_costs_what_it_is_known_to_cost(severity, expected):
    assert figures([each for word, _end, each in judged().values() if word == severity]) == expected


def test_all_of_it_costs_what_it_is_known_to_cost():
    assessments = [each for _word, _end, each in judged().values()]

    assert figures(assessments) == (532, 427, 115875, 6948135, 110, 834, 1293, 8471)
    assert sum(each.mttr_minutes for each in assessments) == 296854


def test_one_quarter_costs_what_it_is_known_to_cost():
    quarter = [
        each
        for _word, end, each in judged().values()
        if (end.year, (end.month - 1) // 3) == (2019, 2)
    ]

    assert figures(quarter) == (48, 43, 6000, 422500, 308, 887, 887, 1535)


def test_the_ratings_are_known():
    ratings = [each.verdict.rating for _word, _end, each in judged().values()]

    assert {word: ratings.count(word) for word in sorted(set(ratings))} == {
        "excellent": 37,
        "exceptional": 32,
        "good": 36,
        "poor": 427,
    }


@pytest.mark.parametrize(
    ("reference", "seconds", "minutes", "amount"),
    [
        ("GCP-85d31f425ae2b1be", 36, 1, 1500),
        ("GCP-sUt728CvnJSgfgdMRMW1", 10168, 170, -15500),
        ("GCP-93839e227906153f", 44640 * 60, 44640, -1114500),
    ],
)
def test_single_outages_cost_what_they_are_known_to_cost(reference, seconds, minutes, amount):
    _word, _end, found = judged()[reference]

    assert (found.counted_seconds, found.mttr_minutes, found.verdict.amount) == (
        seconds,
        minutes,
        amount,
    )
