"""The routes of outages over HTTP: what goes in, what comes out, and what a refusal looks like."""

import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from outages import services
from outages.api import examples
from outages.api.serializers import OutageResponse
from outages.models import Outage
from tests import world

pytestmark = pytest.mark.django_db

BODY = {
    "site_name": "Accra Hub",
    "severity": "critical",
    "detected_at": "2026-01-05T10:00:00Z",
    "description": "Fibre cut",
}


def opened(number: int = 0, **given: Any) -> Outage:
    return world.outage(description=f"outage {number}", **given)


def test_create_answers_201_with_location_and_etag() -> None:
    answer = world.client("operator").post("/outages", BODY)
    assert answer.status_code == 201
    assert answer["Location"] == f"/api/v1/outages/{answer.json()['id']}"
    assert answer["ETag"].startswith('"1-')


def test_the_answer_has_exactly_the_documented_members() -> None:
    body = world.client("operator").post("/outages", BODY).json()
    assert set(body) == set(OutageResponse().fields) == set(examples.OUTAGE)


def test_a_repeat_answers_200_as_a_duplicate() -> None:
    client = world.client("operator")
    first = client.post("/outages", BODY).json()
    again = client.post("/outages", BODY)
    assert (again.status_code, again.json()["duplicate"]) == (200, True)
    assert again.json()["id"] == first["id"]


def test_an_open_outage_has_a_clock_and_no_sla_status() -> None:
    body = world.client("operator").post("/outages", BODY).json()
    assert body["sla_status"] is None
    assert body["sla_clock"]["threshold_minutes"] == 15


def test_detail_is_found_in_any_case_and_by_uuid() -> None:
    outage = opened(id="OUT-000123x")
    client = world.client("viewer")
    for key in ("out-000123X", str(outage.id), outage.id.hex):
        assert client.get(f"/outages/{key}").json()["id"] == "OUT-000123x"


@pytest.mark.parametrize("path", ["/outages/", "/outages"])
def test_a_slash_at_the_end_makes_no_difference(path: str) -> None:
    assert world.client("viewer").get(path).status_code == 200


@pytest.mark.parametrize("key", ["NOPE-404", ".x", "x" * 65, "out_1"])
def test_what_is_not_there_is_404(key: str) -> None:
    answer = world.client("viewer").get(f"/outages/{key}")
    assert (answer.status_code, answer.json()["code"]) == (404, "outage_not_found")


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("bulk", "reference_reserved"),
        ("unknown", "reference_reserved"),
        ("USR_01h455vb4pex5vsknk084sn02q", "reference_reserved"),
        ("01890a5d-ac96-774b-bcce-b302099a8057", "reference_reserved"),
        ("01890a5dac96774bbcceb302099a8057", "reference_reserved"),
        (".x", "invalid_reference"),
        ("x" * 65, "invalid_reference"),
    ],
)
def test_a_bad_reference_names_its_code(reference: str, code: str) -> None:
    answer = world.client("operator").post("/outages", BODY | {"id": reference})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)


def test_a_refusal_is_a_problem_document() -> None:
    answer = world.client("operator").post("/outages", BODY | {"severity": "catastrophic"})
    problem = answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert problem["type"] == "urn:noc-iq:problem:validation_failed"
    assert problem["message"] == problem["detail"]
    assert problem["correlationId"] == problem["correlation_id"] == answer["X-Correlation-ID"]
    assert problem["errors"][0]["pointer"] == "/severity"
    assert problem["errors"][0]["allowed"] == ["critical", "high", "medium", "low"]


def test_without_sign_in_it_is_401() -> None:
    answer = world.client(None).get("/outages")
    assert (answer.status_code, answer.json()["code"]) == (401, "credentials_missing")
    assert answer["WWW-Authenticate"] == 'Bearer realm="noc-iq"'


def test_a_role_too_low_is_403_and_says_which() -> None:
    answer = world.client("viewer").post("/outages", BODY)
    assert (answer.status_code, answer.json()["required_role"]) == (403, "operator")
    assert answer["X-Required-Roles"] == "operator"


def test_another_method_is_405_with_allow() -> None:
    answer = world.client("viewer").delete("/outages")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer["Allow"].split(", "))


def test_if_none_match_answers_304() -> None:
    outage, client = opened(status="resolved", resolved_at="2026-01-05T10:25:00Z"), None
    client = world.client("viewer")
    etag = client.get(f"/outages/{outage}")["ETag"]
    answer = client.get(f"/outages/{outage}", If_None_Match=etag)
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    ("etag", "status"), [('"1-000000000000"', 200), ("*", 200), ('"2-0"', 412)]
)
def test_if_match_compares_the_version_alone(etag: str, status: int) -> None:
    answer = world.client().patch(f"/outages/{opened()}", {"cause": "power"}, If_Match=etag)
    assert answer.status_code == status


def test_412_brings_the_version_that_is() -> None:
    answer = world.client().patch(f"/outages/{opened()}", {"cause": "power"}, If_Match='"7-x"')
    assert answer.json()["current_version"] == 1
    assert answer["ETag"].startswith('"1-')


def test_put_means_the_same_as_patch() -> None:
    answer = world.client().put(f"/outages/{opened()}", {"cause": "power"})
    assert (answer.status_code, answer.json()["cause"]) == (200, "power")


def test_delete_answers_204_and_then_404() -> None:
    outage, client = opened(), world.client("manager")
    assert client.delete(f"/outages/{outage}").status_code == 204
    assert client.get(f"/outages/{outage}").status_code == 404


def test_a_manager_may_look_at_deleted_ones() -> None:
    outage, client = opened(), world.client("manager")
    client.delete(f"/outages/{outage}", query={"reason": "typed twice"})
    body = client.get(f"/outages/{outage}", {"include_deleted": "true"}).json()
    assert body["delete_reason"] == "typed twice"
    assert client.get("/outages", {"deleted": "only"}).json()["total"] == 1


def test_transitions_follow_the_caller() -> None:
    outage = opened()
    body = world.client("operator").get(f"/outages/{outage}/transitions").json()
    allowed = {act["action"]: act["allowed"] for act in body["actions"]}
    assert body["valid_next_states"] == ["resolved"]
    assert allowed == {
        "edit": True,
        "resolve": True,
        "reopen": False,
        "delete": False,
        "raise_severity": True,
    }


# --- lists ---------------------------------------------------------------------------------------


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [item["id"] for item in answer.json()["items"]]


def test_a_page_tells_where_it_is() -> None:
    for number in range(5):
        opened(number)
    body = world.client("viewer").get("/outages", {"page": 2, "page_size": 2}).json()
    body.pop("items")
    assert body == {
        "total": 5,
        "page": 2,
        "page_size": 2,
        "sort_by": "detected_at",
        "sort_direction": "desc",
    }


def test_a_page_past_the_end_is_empty_with_the_true_total() -> None:
    for number in range(45):
        opened(number)
    body = world.client("viewer").get("/outages", {"page": 4, "page_size": 20}).json()
    assert (body["items"], body["total"]) == ([], 45)


def test_every_spelling_of_a_sort_is_one_order() -> None:
    severities = ("low", "critical", "medium", "high", "critical")
    for number, severity in enumerate(severities):
        opened(number, severity=severity)
    client = world.client("viewer")
    orders = [
        client.get("/outages", query).json()["items"]
        for query in (
            {"sort": "severity:desc"},
            {"sort": "-severity"},
            {"sort_by": "severity", "sort_direction": "desc"},
            {"sort_field": "severity", "sort_order": "desc"},
        )
    ]
    words = [item["severity"] for item in orders[0]]
    assert words == ["critical", "critical", "high", "medium", "low"]
    assert orders[0] == orders[1] == orders[2] == orders[3]


@pytest.mark.parametrize("sort", ["nobody", "id:sideways", "id,status,severity,updated_at"])
def test_an_unknown_sort_is_refused_with_what_is_known(sort: str) -> None:
    answer = world.client("viewer").get("/outages", {"sort": sort})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_sort")
    assert "severity" in answer.json()["allowed"]


@pytest.mark.parametrize(
    ("sort", "direction"),
    [
        (sort, direction)
        for sort in (
            ["detected_at", "resolved_at", "severity", "status", "site_name", "id", "updated_at"]
        )
        for direction in ("asc", "desc")
    ],
)
def test_a_cursor_walk_finds_each_row_once(sort: str, direction: str) -> None:
    severities = itertools.cycle(["low", "critical", "medium"])
    for number in range(11):
        ended: dict[str, Any] = {}
        if number % 3 == 0:
            ended = {"status": "resolved", "resolved_at": f"2026-01-05T10:{number + 10}:00Z"}
        opened(number, severity=next(severities), site_name=f"Site {number % 4}", **ended)
    client = world.client("viewer")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"cursor": cursor, "limit": 3, "sort": f"{sort}:{direction}"}
        answer = client.get("/outages", query)
        seen += ids(answer)
        cursor = answer.json()["next_cursor"]
    paged = ids(client.get("/outages", {"page_size": 200, "sort": f"{sort}:{direction}"}))
    assert seen == paged
    assert len(set(seen)) == 11


def test_a_cursor_of_other_filters_is_refused() -> None:
    for number in range(3):
        opened(number)
    client = world.client("viewer")
    cursor = client.get("/outages", {"cursor": "", "limit": 1}).json()["next_cursor"]
    answer = client.get("/outages", {"cursor": cursor, "severity": "low"})
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_mismatch")


def test_a_page_too_deep_points_to_cursors() -> None:
    answer = world.client("viewer").get("/outages", {"page": 100_000, "page_size": 200})
    assert (answer.status_code, answer.json()["code"]) == (422, "page_too_deep")


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"severity": "high"}, {"B"}),
    ({"severity": "HIGH,critical"}, {"A", "B"}),
    ({"severity": ["high", "low"]}, {"B", "C"}),
    ({"status": "resolved"}, {"C"}),
    ({"cause": "power"}, {"B"}),
    ({"site_id": "accra-1"}, {"A"}),
    ({"site_id": "SÖME"}, {"C"}),
    ({"region": "west"}, {"A"}),
    ({"operator_id": "acme"}, {"A"}),
    ({"service": "VoIP"}, {"B"}),
    ({"search": "accra hub"}, {"A"}),
    ({"q": "a"}, {"A"}),
    ({"search": "100%"}, {"B"}),
    ({"search": "1_0"}, set()),
    ({"ids": "a,C"}, {"A", "C"}),
    ({"date_from": "2026-01-05", "date_to": "2026-01-05"}, {"A"}),
    ({"start_date": "2026-01-06", "end_date": "2026-01-07"}, {"B", "C"}),
    ({"from": "2026-01-05T10:00:00Z", "to": "2026-01-05T10:00:00+00:00"}, {"A"}),
    ({"date_to": "2026-01-05", "tz": "America/New_York"}, {"A", "B"}),
    ({"resolved_from": "2026-01-07"}, {"C"}),
    ({"severity": "high", "cause": "fibre"}, set()),
    ({"nobody": "knows"}, {"A", "B", "C"}),
    ({"assigned_to": "night shift"}, {"C"}),
    ({"settlement": "hold"}, set()),
    ({"source": "person"}, {"A", "B", "C"}),
]


@pytest.mark.parametrize(("query", "expected"), FILTERS)
def test_each_filter_narrows(query: dict[str, Any], expected: set[str]) -> None:
    acme, west = world.operator("acme"), world.region("west")
    world.site("ACCRA-1", operator=acme, region=west)
    world.outage(id="A", site_id="ACCRA-1", site_name="Accra Hub")
    _late_outages()
    assert set(ids(world.client("viewer").get("/outages", query))) == expected


def _late_outages() -> None:
    later = datetime(2026, 1, 8, tzinfo=UTC)
    for given in (
        {
            "id": "B",
            "severity": "high",
            "cause": "power",
            "site_name": "Depot 100%",
            "affected_services": ["VoIP", "Data"],
            "detected_at": "2026-01-06T03:00:00Z",
        },
        {
            "id": "C",
            "severity": "low",
            "site_id": "söme",
            "assigned_to": "Night Shift",
            "detected_at": "2026-01-07T03:00:00Z",
            "status": "resolved",
            "resolved_at": "2026-01-07T04:00:00Z",
        },
    ):
        services.open_outage(world.facts(**given), actor=world.actor("engineer"), at=later)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"date_from": "2026-01-06", "date_to": "2026-01-05"}, "invalid_range"),
        ({"tz": "Mars/Olympus", "date_from": "2026-01-06"}, "unknown_zone"),
        ({"severity": "awful"}, "validation_failed"),
        ({"page": "0"}, "validation_failed"),
        ({"page_size": "201"}, "validation_failed"),
        ({"date_from": "tomorrow"}, "validation_failed"),
    ],
)
def test_a_bad_filter_is_refused(query: dict[str, Any], code: str) -> None:
    answer = world.client("viewer").get("/outages", query)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["in"] == "query"


@pytest.mark.parametrize("mode", [{}, {"cursor": ""}])
def test_the_number_of_statements_does_not_depend_on_the_page(
    mode: dict[str, str], django_assert_max_num_queries: Any
) -> None:
    site = world.site("ACCRA-1", operator=world.operator())
    for number in range(25):
        opened(number, site_id=site.code)
    client = world.client("viewer")
    with django_assert_max_num_queries(12) as one:
        client.get("/outages", mode | {"page_size": 1})
    with django_assert_max_num_queries(12) as many:
        client.get("/outages", mode | {"page_size": 25})
    assert len(one) == len(many)


# --- what clients get wrong ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"{",
        b"\xff\xfe",
        b'{"site_name": NaN}',
        b'{"site_name": "\\ud800"}',
        b"null null",
    ],
)
def test_what_is_not_json_is_400(body: bytes) -> None:
    answer = world.client("operator").post("/outages", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("body", [b"[]", b"7", b'"x"', b"null"])
def test_json_that_is_no_object_is_422(body: bytes) -> None:
    assert world.client("operator").post("/outages", body).status_code == 422


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "multipart/form-data", "x"]
)
def test_another_media_type_is_415(content_type: str) -> None:
    answer = world.client("operator").post("/outages", b"{}", content_type=content_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_vendor_json_is_json() -> None:
    answer = world.client("operator").post(
        "/outages", json.dumps(BODY), content_type="application/vnd.noc+json"
    )
    assert answer.status_code == 201


def test_a_compressed_body_is_415() -> None:
    answer = world.client("operator").post("/outages", b"x", Content_Encoding="gzip")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_content_encoding")


WRONG: list[Any] = [None, True, 7, 1.5, 10**400, "", "x" * 6000, "\x00", [], {}, [[]], {"a": 1}]


@pytest.mark.parametrize("member", sorted(examples.OPEN | {"id": "", "location": {}, "status": ""}))
def test_a_wrong_value_in_any_member_is_never_a_500(member: str) -> None:
    client = world.client("engineer")
    for number, value in enumerate(WRONG):
        body = BODY | {"description": f"{member} {number}", member: value}
        assert client.post("/outages", body).status_code in (200, 201, 400, 409, 422)


@pytest.mark.parametrize("path", ["/outages/%00", "/outages/a%00b/timeline", "/outages?q=%00"])
def test_nul_in_an_address_is_422(path: str) -> None:
    answer = world.client("viewer").get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "forbidden_character")


@pytest.mark.parametrize("path", ["/outages", "/outages/OUT-1", "/outages/OUT-1/resolve"])
def test_options_tells_the_methods(path: str) -> None:
    answer = world.client("viewer").request("OPTIONS", path)
    assert answer.status_code == 204
    assert "OPTIONS" in answer["Allow"]


def test_head_answers_like_get_without_a_body() -> None:
    answer = world.client("viewer").request("HEAD", f"/outages/{opened()}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["ETag"]
