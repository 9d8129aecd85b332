"""POST /outages/import and the file form of POST /outages/bulk, answered in the request."""

from collections import Counter
from typing import Any

import pytest

from audit.models import Entry
from core.models import EventRow
from jobs.models import Job
from outages.models import Outage
from outages.policy import moves
from tests import world
from tests.outages import files
from tests.outages.files import answer, send, sheet

pytestmark = pytest.mark.django_db

BULK = "/outages/bulk"


def test_the_653_real_outages_come_in_once() -> None:
    content = files.REAL.read_bytes()
    first = answer(send(content, BULK, settlement="hold"))
    assert (first["imported"], first["skipped"], first["errors"]) == (653, 0, [])
    again = answer(send(content, BULK, settlement="hold"))
    assert (again["imported"], again["skipped"], again["errors"]) == (0, 653, [])
    rows = Outage.objects.all()
    assert Counter(each.status for each in rows) == {"resolved": 532, "open": 121}
    assert Counter(each.severity for each in rows) == {
        "critical": 5,
        "high": 168,
        "medium": 465,
        "low": 15,
    }
    minutes = [moves.duration_minutes(each.detected_at, each.resolved_at) for each in rows]
    assert sum(each for each in minutes if each is not None) == 296854
    job = Job.objects.order_by("created_at").first()
    assert job is not None
    assert job.result is not None
    assert job.result["ignored_columns"] == ["region"]


def test_the_first_real_outage_is_read_rightly() -> None:
    answer(send(files.REAL.read_bytes(), BULK))
    first = Outage.objects.get(reference="GCP-897891ec6b592686")
    assert first.severity == "low"
    assert moves.duration_minutes(first.detected_at, first.resolved_at) == 4440
    assert first.birth_key == "ae4bcf34fd4e1d8e1b7cf11344f05c644f2b449b10bb008b06dd9511791c1d6b"
    assert first.settlement == "hold"
    assert first.source == "import"


SERVICE = (
    b"service_id,start_time,end_time,severity,site_name\n"
    b"DNS,2026-01-05T10:00:00Z,2026-01-05T10:40:00Z,high,Bulk Site A\n"
    b"VoIP,2026-01-06T10:00:00Z,2026-01-06T11:10:00Z,medium,Bulk Site B\n"
)


def test_the_service_columns_are_read() -> None:
    first = answer(send(SERVICE, BULK))
    assert (first["imported"], first["skipped"]) == (2, 0)
    told = {
        (each.severity, moves.duration_minutes(each.detected_at, each.resolved_at), each.status)
        for each in Outage.objects.all()
    }
    assert told == {("high", 40, "resolved"), ("medium", 70, "resolved")}
    dns = Outage.objects.get(site_name="Bulk Site A")
    assert (dns.affected_services, dns.description) == (["DNS"], "Imported: DNS")
    again = answer(send(SERVICE, BULK))
    assert (again["imported"], again["skipped"]) == (0, 2)


def test_a_severity_nobody_knows_is_named_with_its_row() -> None:
    content = SERVICE.replace(b"high", b"catastrophic").splitlines(keepends=True)
    body = answer(send(b"".join(content[:2]), BULK))
    assert (body["imported"], body["skipped"]) == (0, 1)
    (error,) = body["errors"]
    assert {name: error[name] for name in ("row", "line", "field", "code")} == {
        "row": 0,
        "line": 2,
        "field": "severity",
        "code": "bad_enum",
    }
    assert "critical, high, medium, low" in error["message"]


def test_an_import_answers_row_by_row() -> None:
    body = answer(send(sheet(files.rows_of(3))))
    assert (body["mode"], body["consistency"], body["settlement"]) == ("import", "atomic", "hold")
    assert (body["total_rows"], body["persisted"], body["validated"]) == (3, 3, 3)
    assert (body["duplicate_count"], body["error_count"], body["errors"]) == (0, 0, [])
    assert body["rows"][1] == {
        "row": 1,
        "line": 3,
        "id": "FILE-00001",
        "status": "ok",
        "errors": [],
        "outage_id": "FILE-00001",
        "persisted": True,
        "duplicate": False,
        "existing_id": None,
    }
    assert body["defaulted"] == {"status": 1}
    assert body["job_id"].startswith("job_")
    assert {each.import_job for each in Outage.objects.all()} == {Job.objects.get().id}


def test_each_new_outage_is_audited_and_announced_as_a_single_act_is() -> None:
    body = answer(send(sheet(files.rows_of(4))))
    opened = Entry.objects.filter(action="outages.open")
    assert opened.count() == 4
    assert all(body["job_id"] in entry.links for entry in opened)
    load = Entry.objects.get(action="outages.import")
    assert '"created":4' in load.body
    assert "outages.csv" in load.body
    assert Counter(EventRow.objects.values_list("type", flat=True))["outage.created"] == 4
    assert EventRow.objects.filter(type="outage.resolved").count() == 2
    payloads = EventRow.objects.filter(type="outage.created").values_list("payload", flat=True)
    assert all('"bulk":true' in payload for payload in payloads)


def test_a_wrong_row_leaves_nothing_of_an_atomic_load() -> None:
    client = world.client("engineer")
    before = files.kept()
    rows = files.rows_of(5)
    rows[1]["severity"] = "worst"
    rows[3] |= {"detected_at": "2026-01-05T10:00:00", "description": ""}
    body = answer(send(sheet(rows), client=client))
    assert (body["persisted"], body["validated"], body["error_count"]) == (0, 3, 3)
    assert [(each["row"], each["field"], each["code"]) for each in body["errors"]] == [
        (1, "severity", "bad_enum"),
        (3, "detected_at", "naive_instant"),
        (3, "description", "missing_value"),
    ]
    assert [each["status"] for each in body["rows"]] == ["ok", "error", "ok", "error", "ok"]
    assert not any(each["persisted"] or each["outage_id"] for each in body["rows"])
    assert files.kept() == before
    job = Job.objects.get()
    assert (job.status, job.failure_kind, job.failure_code) == (
        "failure",
        "permanent",
        "rows_invalid",
    )


def test_a_partial_load_keeps_the_good_rows() -> None:
    rows = files.rows_of(3)
    rows[1]["severity"] = "worst"
    body = answer(send(sheet(rows), consistency="partial"))
    assert (body["persisted"], body["error_count"]) == (2, 1)
    assert set(Outage.objects.values_list("reference", flat=True)) == {"FILE-00000", "FILE-00002"}
    assert Job.objects.get().status == "success"


def test_a_dry_run_tells_what_would_be_and_keeps_nothing() -> None:
    client = world.client("engineer")
    before = files.kept()
    rows = files.rows_of(3)
    rows[1]["severity"] = "worst"
    body = answer(send(sheet(rows), client=client, consistency="partial", dry_run="true"))
    assert (body["mode"], body["persisted"], body["validated"]) == ("dry_run", 0, 2)
    assert body["error_count"] == 1
    assert files.kept() == before
    job = Job.objects.get()
    assert job.status == "success"
    assert job.result is not None
    assert job.result["would_create"] == 2


def test_options_may_stand_in_the_query() -> None:
    body = answer(send(sheet(files.rows_of(1)), query={"settlement": "none", "dry_run": "1"}))
    assert (body["settlement"], body["mode"]) == ("none", "dry_run")


def test_an_unknown_settlement_is_refused() -> None:
    body = answer(send(sheet(files.rows_of(1)), settlement="later"), 422)
    assert body["errors"][0]["pointer"] == "/settlement"
    assert not Job.objects.exists()


@pytest.mark.parametrize("settlement", ["hold", "normal", "none"])
def test_settlement_stays_with_each_outage(settlement: str) -> None:
    answer(send(sheet(files.rows_of(2)), settlement=settlement))
    assert set(Outage.objects.values_list("settlement", flat=True)) == {settlement}


def test_a_double_inside_the_file_is_a_duplicate() -> None:
    first, second = files.row(1), files.row(1)
    body = answer(send(sheet([first, second])))
    assert (body["persisted"], body["duplicate_count"]) == (1, 1)
    assert body["rows"][1] | {"line": 0} == {
        "row": 1,
        "line": 0,
        "id": "FILE-00001",
        "status": "ok",
        "errors": [],
        "outage_id": None,
        "persisted": False,
        "duplicate": True,
        "existing_id": "FILE-00001",
    }


def test_a_reference_with_other_facts_is_taken() -> None:
    answer(send(sheet([files.row(1)])))
    body = answer(send(sheet([files.row(1, description="Something else")])))
    assert body["persisted"] == 0
    (fault,) = body["errors"]
    assert (fault["field"], fault["code"]) == ("id", "reference_taken")
    assert body["rows"][0]["existing_id"] == "FILE-00001"


def test_a_dry_run_names_no_outage_that_it_made_and_lost() -> None:
    body = answer(send(sheet([files.row(1), files.row(1)]), dry_run="true"))
    assert body["rows"][1]["duplicate"] is True
    assert body["rows"][1]["existing_id"] is None


def test_made_references_step_over_those_that_are_taken() -> None:
    taken = [files.row(n, id=f"OUT-{n:06d}") for n in range(1, 40)]
    answer(send(sheet(taken)))
    new = [files.row(n, id="", description=f"New {n}") for n in range(60)]
    body = answer(send(sheet(new)))
    assert body["persisted"] == 60
    assert Outage.objects.count() == 99


def test_people_below_engineer_may_not_import() -> None:
    response = send(sheet(files.rows_of(1)), client=world.client("operator"))
    assert answer(response, 403)["required_role"] == "engineer"
    assert not Job.objects.exists()


def test_a_site_of_others_is_a_fault_of_its_row() -> None:
    world.site("OURS")
    region = world.region("emea")
    world.site("MINE", region=region)
    engineer = world.person("engineer", region=region)
    rows = [files.row(1, site_id="MINE"), files.row(2, site_id="OURS")]
    response = send(sheet(rows), client=world.client(user=engineer), consistency="partial")
    body = answer(response)
    assert body["persisted"] == 1
    assert [(each["row"], each["code"]) for each in body["errors"]] == [(1, "out_of_scope")]


def test_the_same_key_loads_once() -> None:
    content = sheet(files.rows_of(2))
    first = send(content, headers={"Idempotency-Key": "k1"})
    again = send(content, headers={"Idempotency-Key": "k1"})
    assert again["Idempotency-Replayed"] == "true"
    assert answer(again) == answer(first)
    assert Job.objects.count() == 1
    other = send(sheet(files.rows_of(3)), headers={"Idempotency-Key": "k1"})
    assert answer(other, 422)["code"] == "idempotency_key_reused"


def test_a_key_whose_body_was_lost_answers_from_the_job() -> None:
    from core.models import IdempotencyKey

    content = sheet(files.rows_of(2))
    first = answer(send(content, headers={"Idempotency-Key": "k1"}))
    IdempotencyKey.objects.update(body=None, created_at="2026-01-01T00:00:00Z")
    assert answer(send(content, headers={"Idempotency-Key": "k1"})) == first


def test_more_rows_than_a_request_loads_are_sent_elsewhere(monkeypatch: Any) -> None:
    monkeypatch.setattr("outages.policy.intake.LOAD_AT_MOST", 3)
    body = answer(send(sheet(files.rows_of(4)), BULK), 422)
    assert body["code"] == "too_many_rows"
    assert "/outages/import" in body["detail"]
    assert not Job.objects.exists()


def test_one_row_more_than_a_file_may_have_is_refused_before_anything_is_stored(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr("outages.policy.intake.FILE_AT_MOST", 1003)
    client = world.client("engineer")
    before = files.kept(leaving_out=())
    body = answer(send(sheet(files.rows_of(1004)), client=client), 422)
    assert (body["code"], body["limit"]) == ("too_many_rows", 1003)
    assert files.kept(leaving_out=()) == before


def test_a_form_without_a_file_is_refused() -> None:
    client = world.client("engineer")
    response = client.http.post("/api/v1/outages/import", {"dry_run": "1"}, headers=client.headers)
    assert answer(response, 422)["errors"][0]["pointer"] == "/file"


def test_an_import_takes_forms_only() -> None:
    response = world.client("engineer").post("/outages/import", {"outages": []})
    assert answer(response, 415)["code"] == "unsupported_media_type"


def test_history_tells_of_past_loads() -> None:
    rows = files.rows_of(3)
    rows[1]["severity"] = "worst"
    answer(send(sheet(rows), BULK))
    answer(send(sheet(files.rows_of(3)), dry_run="true"))
    history = world.client("engineer").get("/outages/bulk/history").json()
    (load,) = history
    assert (load["filename"], load["imported"], load["skipped"]) == ("outages.csv", 2, 1)
    assert (load["error_count"], load["errors"][0]["code"]) == (1, "bad_enum")
    page = world.client("engineer").get("/outages/bulk/history", {"page": "1"}).json()
    assert page["total"] == 1
    assert world.client("engineer").get("/outages/bulk/history/").json() == history
    assert world.client("operator").get("/outages/bulk/history").status_code == 403


def test_one_sees_ones_own_loads_unless_one_sees_all() -> None:
    region = world.region("emea")
    mine = world.person("engineer", region=region)
    answer(send(sheet(files.rows_of(1)), BULK))
    assert world.client(user=mine).get("/outages/bulk/history").json() == []
