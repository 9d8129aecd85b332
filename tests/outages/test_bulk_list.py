"""POST /outages/bulk with a JSON list: all or none."""

from typing import Any

import pytest

from audit.models import Entry
from core.models import EventRow
from jobs.models import Job
from outages.models import Outage
from tests import world
from tests.outages import files

pytestmark = pytest.mark.django_db


def told(n: int, **given: Any) -> dict[str, Any]:
    return {
        "site_name": f"Mast {n}",
        "severity": "high",
        "detected_at": "2026-01-05T10:00:00Z",
        "description": f"Light lost on span {n}",
        **given,
    }


def post(outages: Any, status: int = 200, role: str = "engineer", **more: Any) -> Any:
    response = world.client(role).post("/outages/bulk", {"outages": outages, **more})
    assert response.status_code == status, response.content
    return response.json()


def test_a_list_comes_in_as_one() -> None:
    body = post([told(1, id="A-1"), told(2, status="resolved", mttr_minutes=25)])
    assert (body["count"], body["persisted"], body["settlement"]) == (2, 2, "hold")
    assert [each["site_name"] for each in body["items"]] == ["Mast 1", "Mast 2"]
    assert body["items"][1]["status"] == "resolved"
    assert {each["import_id"] for each in body["items"]} == {body["job_id"]}
    job = Job.objects.get()
    assert (job.status, job.wire_id, job.file_name) == ("success", body["job_id"], None)
    assert Entry.objects.filter(action="outages.open").count() == 2
    assert Entry.objects.get(action="outages.import").subject_id == body["job_id"]
    assert EventRow.objects.filter(type="outage.created").count() == 2


def test_what_was_there_is_named_as_such() -> None:
    first = post([told(1)])
    second = post([told(1), told(2)], settlement="normal")
    assert (second["count"], second["persisted"]) == (2, 1)
    assert second["items"][0]["id"] == first["items"][0]["id"]
    assert second["items"][0]["duplicate"] is True
    assert "duplicate" not in second["items"][1]
    assert set(Outage.objects.values_list("settlement", flat=True)) == {"hold", "normal"}


def test_one_fault_keeps_all_out_and_every_fault_is_named() -> None:
    world.client("engineer")
    before = files.kept(leaving_out=())
    body = post([told(1), told(2, severity="worst"), {}, "text"], 422)
    assert body["code"] == "validation_failed"
    found = {(each["pointer"], each["code"]) for each in body["errors"]}
    assert ("/outages/1/severity", "unknown_choice") in found
    assert ("/outages/2/site_name", "required") in found
    assert ("/outages/3", "wrong_type") in found
    assert files.kept(leaving_out=()) == before


def test_a_reference_that_is_taken_keeps_all_out() -> None:
    post([told(1, id="A-1")])
    before = files.kept(leaving_out=())
    body = post([told(2), told(3, id="a-1")], 422)
    (fault,) = body["errors"]
    assert (fault["pointer"], fault["code"]) == ("/outages/1/id", "reference_taken")
    assert fault["existing_id"] == "A-1"
    assert files.kept(leaving_out=()) == before


@pytest.mark.parametrize("outages", [[], None, {}, "x", [told(1)] * 1001])
def test_a_list_has_1_to_1000_outages(outages: Any) -> None:
    body = post(outages, 422)
    assert body["errors"][0]["pointer"] == "/outages"
    assert not Outage.objects.exists()


def test_settlement_is_one_of_three_words() -> None:
    assert post([told(1)], 422, settlement="later")["errors"][0]["pointer"] == "/settlement"
    assert post([told(1)], settlement="NONE")["settlement"] == "none"


def test_operators_may_not() -> None:
    assert post([told(1)], 403, role="operator")["required_role"] == "engineer"


def test_other_bodies_are_refused() -> None:
    client = world.client("engineer")
    assert client.post("/outages/bulk", "[]").json()["code"] == "validation_failed"
    assert client.post("/outages/bulk", "x", content_type="text/csv").status_code == 415
    assert client.get("/outages/bulk").status_code == 405


def test_the_same_key_opens_once() -> None:
    client = world.client("engineer")
    sent = {"outages": [told(1)]}
    first = client.post("/outages/bulk", sent, Idempotency_Key="k")
    again = client.post("/outages/bulk", sent, Idempotency_Key="k")
    assert again["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert Job.objects.count() == 1
