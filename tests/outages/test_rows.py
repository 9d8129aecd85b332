"""What a row of a file says of an outage, and how its faults are named."""

from typing import Any

import pytest

from outages.policy.rows import RECORD, SERVICE, read_row

GOOD = {
    "site_name": "Lagos Island",
    "severity": "High",
    "detected_at": "2026-01-05T10:00:00+01:00",
    "description": "No signal",
}
ENDED = {
    "service_id": "DNS",
    "start_time": "2026-01-05T10:00:00Z",
    "end_time": "2026-01-05T10:40:00Z",
}


def record(**given: Any) -> Any:
    reading = read_row(GOOD | given, RECORD, is_text=True)
    assert reading.faults == ()
    return reading.facts


def faults(columns: str = RECORD, *, is_text: bool = True, **given: Any) -> list[tuple[str, str]]:
    base = GOOD if columns == RECORD else ENDED
    row = {name: value for name, value in (base | given).items() if value != ""}
    reading = read_row(row, columns, is_text=is_text)
    assert reading.facts is None
    assert all(fault.place == "file" for fault in reading.faults)
    return [(fault.pointer, fault.code) for fault in reading.faults]


def test_a_record_is_read() -> None:
    facts = record(id="OUT-7", cause="FIBRE", affected_subscribers="12")
    assert (facts.id, facts.severity, facts.cause) == ("OUT-7", "high", "fibre")
    assert facts.detected_at.isoformat() == "2026-01-05T09:00:00+00:00"
    assert (facts.status, facts.affected_subscribers) == ("open", 12)


@pytest.mark.parametrize(
    "cell", ['["CDN","DNS, inner"]', "CDN|DNS, inner", "CDN ; DNS, inner;", "|CDN||DNS, inner"]
)
def test_a_list_stands_in_a_cell(cell: str) -> None:
    assert record(affected_services=cell).affected_services == ["CDN", "DNS, inner"]


def test_a_place_stands_in_one_cell_or_two_columns() -> None:
    one = record(location='{"latitude": 6.45, "longitude": -3.4}').location
    two = record(latitude="6.45", longitude="-3.4").location
    assert one == two
    assert str(one.latitude) == "6.45"


def test_an_end_without_a_status_resolves() -> None:
    assert record(resolved_at="2026-01-05T12:00:00Z").status == "resolved"
    assert record(mttr_minutes="25").status == "resolved"
    declared = record(resolved_at="2026-01-05T12:00:00Z", declared_mttr_minutes="25.0")
    assert (declared.status, declared.mttr_minutes) == ("resolved", 25)


def test_open_by_default_is_counted() -> None:
    assert read_row(GOOD, RECORD, is_text=True).defaulted == ("status",)
    assert read_row(GOOD | {"status": "open"}, RECORD, is_text=True).defaulted == ()


def test_a_service_row_is_a_resolved_outage() -> None:
    reading = read_row(ENDED, SERVICE, is_text=True)
    facts = reading.facts
    assert facts is not None
    assert (facts.status, facts.severity, facts.affected_services) == (
        "resolved",
        "medium",
        ["DNS"],
    )
    assert (facts.site_name, facts.description) == ("DNS", "Imported: DNS")
    assert set(reading.defaulted) == {"severity", "site_name", "description"}


def test_a_service_row_is_named_after_its_site() -> None:
    facts = read_row(ENDED | {"site_id": "ACC-1"}, SERVICE, is_text=True).facts
    assert facts is not None
    assert (facts.site_name, facts.site_id) == ("ACC-1", "ACC-1")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"site_name": ""}, [("/site_name", "missing_value")]),
        ({"severity": "worst"}, [("/severity", "bad_enum")]),
        ({"detected_at": "2026-01-05T10:00:00"}, [("/detected_at", "naive_instant")]),
        ({"detected_at": "yesterday"}, [("/detected_at", "bad_instant")]),
        ({"description": "a\x00b"}, [("/description", "forbidden_value")]),
        ({"description": "x" * 5001}, [("/description", "too_long")]),
        ({"affected_subscribers": "1,200"}, [("/affected_subscribers", "bad_number")]),
        ({"affected_subscribers": "2147483648"}, [("/affected_subscribers", "bad_number")]),
        ({"mttr_minutes": "25.5"}, [("/mttr_minutes", "mttr_out_of_range")]),
        ({"declared_mttr_minutes": "-1"}, [("/declared_mttr_minutes", "mttr_out_of_range")]),
        ({"affected_services": '["CDN"'}, [("/affected_services", "bad_list")]),
        ({"affected_services": "[1]"}, [("/affected_services", "bad_list")]),
        (
            {"affected_services": "|".join(map(str, range(101)))},
            [("/affected_services", "bad_list")],
        ),
        ({"location": "6.4,3.4"}, [("/location", "bad_number")]),
        ({"location": "7"}, [("/location", "bad_number")]),
        ({"latitude": "6.4"}, [("/longitude", "missing_value")]),
        ({"latitude": "96", "longitude": "3"}, [("/latitude", "bad_number")]),
        ({"id": "no way"}, [("/id", "invalid_reference")]),
        ({"id": "bulk"}, [("/id", "reference_reserved")]),
        ({"status": "resolved"}, [("/status", "resolution_required")]),
        (
            {"resolved_at": "2026-01-05T08:00:00Z"},
            [("/resolved_at", "resolved_before_detected")],
        ),
        (
            {"severity": "worst", "affected_services": "[", "site_name": ""},
            [
                ("/affected_services", "bad_list"),
                ("/site_name", "missing_value"),
                ("/severity", "bad_enum"),
            ],
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_column(
    given: dict[str, str], found: list[tuple[str, str]]
) -> None:
    assert faults(**given) == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"start_time": "x"}, [("/start_time", "bad_instant")]),
        ({"end_time": "2026-01-05T10:00:00"}, [("/end_time", "naive_instant")]),
        ({"end_time": "2026-01-05T09:00:00Z"}, [("/end_time", "resolved_before_detected")]),
        ({"start_time": ""}, [("/start_time", "missing_value")]),
        ({"end_time": ""}, [("/end_time", "missing_value")]),
        ({"service_id": ""}, [("/service_id", "missing_value")]),
        ({"severity": "worst"}, [("/severity", "bad_enum")]),
    ],
)
def test_faults_of_a_service_row_name_its_own_columns(
    given: dict[str, str], found: list[tuple[str, str]]
) -> None:
    assert faults(SERVICE, **given) == found


def test_json_rows_have_types_of_their_own() -> None:
    reading = read_row(
        GOOD
        | {
            "affected_services": ["CDN"],
            "affected_subscribers": 12.0,
            "location": {"latitude": 6.45, "longitude": 3.4},
            "root_cause": None,
            "cause": None,
        },
        RECORD,
        is_text=False,
    )
    assert reading.facts is not None
    assert (reading.facts.affected_subscribers, reading.facts.cause) == (12, "unknown")
    assert faults(is_text=False, description=7) == [("/description", "bad_row")]
    assert faults(is_text=False, affected_services=[1]) == [("/affected_services", "bad_list")]
    assert faults(is_text=False, affected_subscribers="many") == [
        ("/affected_subscribers", "bad_number")
    ]
    assert faults(is_text=False, location="here") == [("/location", "bad_number")]
    assert faults(SERVICE, is_text=False, service_id=5)[0] == ("/service_id", "bad_row")
