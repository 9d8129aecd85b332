"""The routes of the SLA."""

import pytest

from network.models import Site
from sla.api import serializers
from sla.choices import Cause
from sla.models import Result
from sla.services import assessments
from tests import world
from tests.sla.builders import (
    ENGINEER,
    after,
    delete,
    edit,
    make_operator,
    make_site,
    open_outage,
    publish_terms,
    reopen,
    resolved_outage,
)

pytestmark = pytest.mark.django_db


def judge(outage, minutes: float = 60) -> Result:
    return assessments.assess_outage(
        outage.id, cause=Cause.RESOLVED, actor=ENGINEER, at=after(minutes)
    )


def get(path: str, role: str = "viewer", **query) -> dict:
    answer = world.client(role).get(path, query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def refusal(answer, status: int) -> str:
    assert answer.status_code == status, answer.content
    body = answer.json()
    return body["errors"][0]["code"] if "errors" in body else body["code"]


# --- violations -----------------------------------------------------------------------------------


def test_violations_are_the_stored_current_ones():
    violated = resolved_outage(25, name="OUT-1")
    judge(violated)
    judge(resolved_outage(10, name="OUT-2"))
    resolved_outage(25, name="OUT-3")
    reopened = resolved_outage(25, name="OUT-4")
    judge(reopened)
    reopen(reopened)
    assessments.withdraw_result(reopened.id, actor=ENGINEER, at=after(70))

    page = get("/outages/violations")

    assert (page["total"], page["page"]) == (1, 1)
    (item,) = page["items"]
    assert item["outage"]["id"] == item["sla"]["outage_id"] == "OUT-1"
    assert item["sla"]["amount"] == item["outage"]["sla_status"]["amount"] == -1000


def test_violations_are_narrowed_by_the_filters_of_lists():
    site = make_site()
    judge(resolved_outage(25, name="OUT-1", site=site))
    judge(resolved_outage(35, name="OUT-2", severity="high"))

    assert [each["sla"]["outage_id"] for each in get("/outages/violations")["items"]] == [
        "OUT-2",
        "OUT-1",
    ]
    for query, found in [
        ({"severity": "HIGH"}, ["OUT-2"]),
        ({"site_id": "acc-hub-01"}, ["OUT-1"]),
        ({"site": site.wire_id}, ["OUT-1"]),
        ({"outage_id": "out-2"}, ["OUT-2"]),
        ({"outage_id": "OUT-NONE"}, []),
        ({"operator_id": "nobody"}, []),
        ({"date_from": "2026-01-05T10:30:00Z"}, ["OUT-2"]),
        ({"date_to": "2026-01-04"}, []),
        ({"status": "met", "include_superseded": "true"}, ["OUT-2", "OUT-1"]),
        ({"sort": "amount:asc"}, ["OUT-1", "OUT-2"]),
    ]:
        items = get("/outages/violations", **query)["items"]
        assert [each["sla"]["outage_id"] for each in items] == found, query


def test_violations_are_walked_by_cursor():
    for number in range(3):
        judge(resolved_outage(25, name=f"OUT-{number}"))

    first = get("/outages/violations", cursor="", limit="2")
    second = get("/outages/violations", cursor=first["next_cursor"], limit="2")

    walked = [each["sla"]["outage_id"] for each in first["items"] + second["items"]]
    assert sorted(walked) == ["OUT-0", "OUT-1", "OUT-2"]
    assert (second["next_cursor"], second["has_more"]) == (None, False)


@pytest.mark.parametrize("path", ["/outages/violations", "/sla/results"])
def test_a_list_costs_the_same_however_long_its_page_is(path, django_assert_max_num_queries):
    site = make_site(operator=make_operator())
    for number in range(12):
        judge(resolved_outage(25, name=f"OUT-{number}", site=site))
    client = world.client("viewer")
    assert client.get(path, {"page_size": "1"}).status_code == 200

    for size in ("1", "200"):
        with django_assert_max_num_queries(12):
            assert client.get(path, {"page_size": size}).status_code == 200


def test_nobody_sees_the_figures_of_other_sites():
    here, there = make_site("HERE"), make_site("THERE")
    judge(resolved_outage(25, name="OUT-HERE", site=here))
    hidden = judge(resolved_outage(25, name="OUT-THERE", site=there))
    judge(resolved_outage(25, name="OUT-NOWHERE"))
    client = world.client(user=world.person("viewer", site=Site.objects.get(code="HERE")))

    for path in ("/outages/violations", "/sla/results"):
        items = client.get(path).json()["items"]
        assert [each.get("sla", each)["outage_id"] for each in items] == ["OUT-HERE"]
    answer = client.get(f"/sla/results/{hidden.wire_id}")
    assert refusal(answer, 404) == "sla_result_not_found"


@pytest.mark.parametrize(
    "path", ["/outages/violations", "/sla/results", "/sla/config", "/sla/calculate"]
)
def test_nobody_reads_without_signing_in(path):
    assert world.client(None).get(path).status_code == 401


# --- recompute ------------------------------------------------------------------------------------


def test_recomputing_answers_the_figure_and_its_payment(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        outage = resolved_outage(25)

    answer = world.client().post(f"/outages/{outage.reference.lower()}/recompute-sla")

    assert answer.status_code == 200
    body = answer.json()
    assert (body["sla"]["outage_id"], body["sla"]["amount"]) == (outage.reference, -1000)
    assert (body["payment"]["amount"], body["payment"]["type"]) == (1000, "penalty")
    assert Result.objects.count() == 1


def test_recomputing_makes_up_for_a_figure_that_is_missing():
    outage = resolved_outage(25)

    body = world.client().post(f"/outages/{outage.reference}/recompute-sla", {}).json()

    assert (body["sla"]["version"], body["sla"]["cause"]) == (1, "requested")
    assert Result.objects.get().caused_by.startswith("usr_")


def test_an_open_outage_cannot_be_recomputed():
    outage = open_outage()

    answer = world.client().post(f"/outages/{outage.reference}/recompute-sla")

    assert refusal(answer, 409) == "outage_not_resolved"


@pytest.mark.parametrize("reference", ["OUT-NONE", "OUT-GONE"])
def test_an_outage_that_is_not_there_cannot_be_recomputed(reference):
    delete(open_outage(name="OUT-GONE"))

    answer = world.client().post(f"/outages/{reference}/recompute-sla")

    assert refusal(answer, 404) == "outage_not_found"


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_recomputing_takes_an_engineer(role):
    outage = resolved_outage(25)

    answer = world.client(role).post(f"/outages/{outage.reference}/recompute-sla")

    assert refusal(answer, 403) == "forbidden"
    assert answer.json()["required_role"] == "engineer"
    assert not Result.objects.exists()


def test_choosing_which_minutes_count_takes_a_manager():
    outage = resolved_outage(60, declared=5)
    path = f"/outages/{outage.reference}/recompute-sla"

    assert refusal(world.client().post(path, {"mttr_source": "derived"}), 403) == "forbidden"
    answer = world.client("manager").post(path, {"mttr_source": "DERIVED"})

    assert answer.json()["sla"]["mttr_source"] == "derived"


@pytest.mark.parametrize(
    ("body", "code"), [({"mttr_source": "ruled"}, "unknown_choice"), ([], "wrong_type")]
)
def test_a_recomputation_that_cannot_be_read_is_refused(body, code):
    outage = resolved_outage(25)

    answer = world.client("manager").post(f"/outages/{outage.reference}/recompute-sla", body)

    assert refusal(answer, 422) == code
    assert not Result.objects.exists()


def test_recomputing_with_one_key_is_one_act():
    outage = resolved_outage(25)
    client, path = world.client(), f"/outages/{outage.reference}/recompute-sla"

    first = client.post(path, {}, Idempotency_Key="again")
    second = client.post(path, {}, Idempotency_Key="again")

    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.json() == first.json()


# --- results --------------------------------------------------------------------------------------


def test_results_are_the_current_ones_unless_all_are_asked_for():
    outage = resolved_outage(25)
    judge(outage)
    judge(edit(outage, severity="high"), 70)

    current = get("/sla/results", outage_id=outage.reference)
    every = get("/sla/results", outage_id=outage.reference, include_superseded="true")

    assert [each["version"] for each in current["items"]] == [2]
    assert sorted(each["version"] for each in every["items"]) == [1, 2]


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"status": "violated"}, 1),
        ({"status": "met,violated"}, 2),
        ({"rating": "excellent"}, 1),
        ({"severity": "low"}, 0),
    ],
)
def test_results_are_narrowed_by_what_they_say(query, number):
    judge(resolved_outage(25, name="OUT-1"))
    judge(resolved_outage(10, name="OUT-2"))

    assert get("/sla/results", **query)["total"] == number


@pytest.mark.parametrize("query", [{"status": "late"}, {"rating": "bad"}, {"date_from": "soon"}])
def test_a_filter_that_cannot_be_read_is_refused(query):
    assert world.client("viewer").get("/sla/results", query).status_code == 422


def test_a_result_is_found_by_its_id_and_by_its_symbol_on_the_chain():
    result = judge(resolved_outage(25))

    for key in (result.wire_id, str(result.id), result.id.hex):
        assert get(f"/sla/results/{key}")["id"] == result.wire_id


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("slr_01h455vb4pex5vsknk084sn02q", 404, "sla_result_not_found"),
        ("pay_01h455vb4pex5vsknk084sn02q", 400, "malformed_id"),
        ("nonsense", 400, "malformed_id"),
    ],
)
def test_a_result_that_is_not_there_is_not_found(key, status, code):
    assert refusal(world.client("viewer").get(f"/sla/results/{key}"), status) == code


# --- terms ----------------------------------------------------------------------------------------


def test_the_terms_in_force_are_keyed_by_severity():
    assert get("/sla/config") == {
        "critical": {"threshold_minutes": 15, "penalty_per_minute": 100, "reward_base": 750},
        "high": {"threshold_minutes": 30, "penalty_per_minute": 50, "reward_base": 750},
        "medium": {"threshold_minutes": 60, "penalty_per_minute": 25, "reward_base": 750},
        "low": {"threshold_minutes": 120, "penalty_per_minute": 10, "reward_base": 600},
    }


@pytest.mark.parametrize("spelling", ["include_hashes", "include_hash"])
def test_the_terms_of_a_severity_come_with_their_hash(spelling):
    assert get("/sla/config/Critical", **{spelling: "true"}) == {
        "threshold_minutes": 15,
        "penalty_per_minute": 100,
        "reward_base": 750,
        "severity": "critical",
        "policy_version": 1,
        "content_hash": "f69e05d4745f8b46a374891580c72916c189cfb7ea369ebc4bf045cf38b8a8ab",
        "scope": "default",
        "effective_at": "1970-01-01T00:00:00Z",
        "calendar": None,
        "contract_refusal": None,
    }


def test_terms_that_the_contract_would_refuse_say_with_which_number():
    publish_terms(20, 200, 100)

    assert get("/sla/config/critical", include_hashes="1")["contract_refusal"] == 10


def test_the_terms_of_an_operator_and_of_a_site_fall_back_to_the_default():
    operator = make_operator()
    site = make_site(operator=operator)
    publish_terms(40, 30, 300, version=1, operator=operator)
    publish_terms(60, 10, 100, version=1, severity="low", site=site)

    terms = get("/sla/config", scope=f"site:{site.code.lower()}", include_hashes="true")

    assert {severity: each["scope"] for severity, each in terms.items()} == {
        "critical": "operator:acme",
        "high": "default",
        "medium": "default",
        "low": f"site:{site.code}",
    }


def test_the_terms_of_a_past_instant_are_those_of_then():
    publish_terms(20, 200, 1000, effective_at=after(0))

    assert get("/sla/config/critical")["threshold_minutes"] == 20
    assert get("/sla/config/critical", at="2026-01-05T09:59:59Z")["threshold_minutes"] == 15


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/sla/config/urgent", {}, 422, "unknown_choice"),
        ("/sla/config", {"scope": "planet:mars"}, 422, "unknown_scope"),
        ("/sla/config", {"scope": "site:NOWHERE"}, 422, "unknown_site"),
        ("/sla/config", {"scope": "operator:nobody"}, 422, "unknown_operator"),
        ("/sla/config", {"at": "2026-01-05T10:00:00"}, 422, "timezone_required"),
        ("/sla/config", {"at": "1969-12-31T23:59:59Z"}, 404, "sla_terms_not_found"),
    ],
)
def test_terms_that_nobody_has_are_refused(path, query, status, code):
    assert refusal(world.client("viewer").get(path, query), status) == code


def test_terms_that_did_not_change_are_not_sent_again():
    client = world.client("viewer")
    etag = client.get("/sla/config").headers["ETag"]

    assert client.get("/sla/config", If_None_Match=etag).status_code == 304
    publish_terms(20, 200, 1000)
    assert client.get("/sla/config", If_None_Match=etag).status_code == 200


# --- what would be --------------------------------------------------------------------------------


def test_a_calculation_stores_nothing():
    body = get("/sla/calculate", outage_id="OUT-1", severity="Critical", mttr_minutes="25")

    assert (body["id"], body["outage_id"], body["amount"]) == (None, "OUT-1", -1000)
    assert body["decision_trace"] == (
        "25 min declared, threshold 15: 10 min over x 100 = -1000 (critical, config 1.0)"
    )
    assert not Result.objects.exists()


def test_a_calculation_uses_the_version_it_is_asked_for():
    publish_terms(20, 200, 1000)
    asked = {"outage_id": "OUT-1", "severity": "critical", "mttr_minutes": "25"}

    assert get("/sla/calculate", **asked)["amount"] == -1000
    assert get("/sla/calculate", **asked, policy_version="2.0")["policy_version"] == "2.0"
    assert get("/sla/calculate", **asked, policy_version="1")["policy_version"] == "1.0"


@pytest.mark.parametrize("minutes", ["-1", "1.5", "true", "4294967296", ""])
def test_minutes_that_are_none_are_refused(minutes):
    asked = {"outage_id": "OUT-1", "severity": "critical", "mttr_minutes": minutes}

    code = refusal(world.client("viewer").get("/sla/calculate", asked), 422)

    assert code == ("required" if minutes == "" else "mttr_out_of_range")


def test_a_version_that_was_never_published_is_not_found():
    asked = {
        "outage_id": "OUT-1",
        "severity": "low",
        "mttr_minutes": "25",
        "policy_version": "9.0",
    }

    assert refusal(world.client("viewer").get("/sla/calculate", asked), 404) == (
        "sla_terms_not_found"
    )


def test_a_preview_is_a_calculation_without_an_outage():
    answer = world.client("viewer").post("/sla/preview", {"severity": "low", "mttr_minutes": 60})

    body = answer.json()
    assert (body["outage_id"], body["amount"], body["rating"]) == ("PREVIEW", 900, "excellent")


@pytest.mark.parametrize("minutes", [-1, 1.5, True, 4294967296, None, "x"])
def test_a_preview_refuses_minutes_that_are_none(minutes):
    answer = world.client("viewer").post(
        "/sla/preview", {"severity": "low", "mttr_minutes": minutes}
    )

    assert refusal(answer, 422) == ("required" if minutes is None else "mttr_out_of_range")


# --- forms ----------------------------------------------------------------------------------------


def test_the_described_members_of_a_result_are_those_it_has():
    form = serializers.result_form(judge(resolved_outage(25)))

    assert list(form) == list(serializers.SLAResultResponse().fields)


def test_the_described_members_of_terms_are_those_they_have():
    terms = get("/sla/config/low", include_hashes="true")

    assert list(terms) == list(serializers.TermsResponse().fields)


def test_the_described_members_of_status_and_clock_are_those_they_have():
    ended, running = resolved_outage(25), open_outage(name="OUT-OPEN")
    judge(ended)

    status = get(f"/outages/{ended.reference}")["sla_status"]
    clock = get(f"/outages/{running.reference}")["sla_clock"]

    assert list(status) == list(serializers.SlaStatusResponse().fields)
    assert list(clock) == list(serializers.SlaClockResponse().fields)
