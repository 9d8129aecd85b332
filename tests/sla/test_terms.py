"""Hashes of terms, the contract's refusals, and whose terms hold."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest

from sla.policy.terms import (
    config_version_hash,
    content_hash,
    contract_refusal,
    in_force,
    threshold_source,
)
from tests.sla.test_contract_amount import DEFAULTS, terms

SITE, OPERATOR = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        ("critical", "f69e05d4745f8b46a374891580c72916c189cfb7ea369ebc4bf045cf38b8a8ab"),
        ("high", "e7e065ade13508d2fc815c7804b6d260bf736eb8dccfcd49a2b83395ea85470b"),
        ("medium", "3cda758319ce3f38e7b134b647a66fb932662bf44cb1831fa6f372755ad42649"),
        ("low", "89b1b4615652a464fa758efdee3996f5b76a501ce2df4c112c70db631e4d7882"),
    ],
)
def test_the_default_terms_have_their_known_hashes(severity, expected):
    assert content_hash(severity, 1, DEFAULTS[severity]) == expected


def test_another_version_and_another_scope_have_other_hashes():
    assert content_hash("critical", 2, terms(20, 200, 1000)) == (
        "3bbee50c70138bfd9fa33c4929116091eeb458e4dc0201a0c8d694cec8a790eb"
    )
    assert content_hash("critical", 1, terms(30, 20, 0), scope="operator:acme") == (
        "70f5f864923333e16ba53af36164f4a9788d9b72873b9b268edf2e53fae04eeb"
    )


def test_a_calendar_and_a_notice_enter_the_hash_only_where_there_are_any():
    plain = content_hash("low", 1, DEFAULTS["low"])

    assert plain == content_hash(
        "low", 1, DEFAULTS["low"], calendar_hash="", maintenance_notice_hours=0
    )
    assert plain != content_hash("low", 1, DEFAULTS["low"], maintenance_notice_hours=72)
    assert plain != content_hash("low", 1, DEFAULTS["low"], calendar_hash="ab")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, 1417728228875630226),
        ({"critical": terms(20, 200, 1000)}, 3202668148427286373),
        ({"high": terms(15, 50, 750)}, 8813332550770582665),
    ],
)
def test_the_configuration_hash_is_the_contracts(changed, expected):
    assert config_version_hash(DEFAULTS | changed) == expected


@pytest.mark.parametrize(
    ("severity", "given", "number"),
    [
        ("critical", terms(15, 100, 750), None),
        ("urgent", terms(15, 100, 750), 11),
        ("low", terms(0, 10, 600), 8),
        ("low", terms(1441, 10, 600), 8),
        ("low", terms(120, 0, 600), 9),
        ("low", terms(120, 10, 0), 10),
        ("low", terms(120, 10, 100_001), 10),
        ("critical", terms(61, 100, 750), 8),
        ("critical", terms(15, 49, 750), 9),
        ("high", terms(121, 50, 750), 8),
        ("high", terms(30, 24, 750), 9),
        ("medium", terms(241, 25, 750), 8),
        ("medium", terms(60, 9, 750), 9),
        ("low", terms(120, 101, 750), 9),
        ("critical", terms(15, 500, 750), 10),
        ("critical", terms(15, 499, 750), None),
        ("high", terms(30, 101, 750), 9),
        ("high", terms(30, 100, 750), None),
        ("medium", terms(60, 51, 750), 9),
        ("low", terms(120, 60, 750), None),
    ],
)
def test_the_contract_refuses_with_the_number_of_its_first_rule(severity, given, number):
    assert contract_refusal(severity, given, DEFAULTS) == number


@pytest.mark.parametrize("severity", ["critical", "high", "medium"])
def test_a_graver_outage_may_not_be_cheaper_by_the_minute(severity):
    dearer = {"critical": "high", "high": "medium", "medium": "low"}[severity]
    others = DEFAULTS | {dearer: terms(15, 90, 9000)}

    assert contract_refusal(severity, terms(15, 89, 9000), others) == 9


@dataclass(frozen=True, kw_only=True)
class Row:
    """A published policy, as much of it as the choice reads."""

    version: int = 1
    scope_kind: str = "default"
    severity: str = "critical"
    operator_id: UUID | None = None
    site_id: UUID | None = None
    inherit: bool = False
    effective_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)


MAY = datetime(2026, 5, 31, 23, 50, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def choose(*rows: Row, site: UUID | None = SITE, at: datetime = JUNE) -> Row | None:
    return in_force(
        rows, severity="critical", site_id=site, operator_id=OPERATOR if site else None, at=at
    )


def test_a_version_holds_from_its_very_instant():
    first, second = Row(), Row(version=2, effective_at=JUNE)

    assert choose(first, second, at=MAY) is first
    assert choose(first, second, at=JUNE) is second


def test_of_two_versions_in_effect_the_highest_holds():
    later, earlier = Row(version=2, effective_at=MAY), Row(version=3, effective_at=MAY)

    assert choose(Row(), later, earlier) is earlier


def test_the_narrowest_scope_wins():
    default = Row()
    operator = Row(scope_kind="operator", operator_id=OPERATOR)
    site = Row(scope_kind="site", site_id=SITE)

    assert choose(default, operator) is operator
    assert choose(site, default, operator) is site


def test_a_version_that_inherits_passes_on_to_the_next_scope():
    default = Row()
    operator = Row(scope_kind="operator", operator_id=OPERATOR)
    site = Row(scope_kind="site", site_id=SITE, inherit=True)

    assert choose(default, operator, site) is operator


def test_an_outage_without_a_site_has_the_default_terms():
    default = Row()
    others = [
        Row(scope_kind="operator", operator_id=OPERATOR),
        Row(scope_kind="site", site_id=SITE),
    ]

    assert choose(default, *others, site=None) is default


def test_terms_of_another_severity_or_place_do_not_hold():
    assert choose(Row(severity="low"), Row(scope_kind="site", site_id=UUID(int=9))) is None


def test_a_result_names_the_default_scope_config():
    assert threshold_source("default") == "config"
    assert threshold_source("site") == "site"
