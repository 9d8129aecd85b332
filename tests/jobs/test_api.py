"""Looking at long work by HTTP."""

from typing import Any
from uuid import uuid4

import pytest

from jobs import services as jobs
from jobs.api import serializers
from jobs.choices import Status
from jobs.models import Job, JobError
from tests import world

pytestmark = pytest.mark.django_db


def job(role: str = "engineer", job_type: str = "import_outages", **given: Any) -> Job:
    payload = {"consistency": "atomic", "dry_run": False, "options": {"settlement": "hold"}}
    made, _ = jobs.submit_job(job_type, payload, actor=world.actor(role), at=world.AT)
    Job.objects.filter(id=made.id).update(**given)
    return Job.objects.get(id=made.id)


def failed(**given: Any) -> Job:
    ended = {"status": Status.FAILURE, "failure_kind": "permanent", "finished_at": world.AT}
    return job(**ended | given)


def errors(of: Job, count: int) -> None:
    JobError.objects.bulk_create(
        JobError(job=of, row=n, line=n + 2, pointer="/x", code="bad_row", detail="bad")
        for n in reversed(range(count))
    )
    Job.objects.filter(id=of.id).update(error_count=count)


def test_a_job_is_shown_as_documented() -> None:
    made = job()
    body = world.client("engineer").get(f"/jobs/{made.wire_id}").json()
    assert set(body) == set(serializers.JobResponse().fields)
    assert (body["id"], body["celery_task_id"]) == (made.wire_id, str(made.id))
    assert (body["status"], body["target_type"]) == ("pending", "outages")
    assert body["created_at"] == "2026-01-05T12:00:00Z"
    bare = world.client("engineer").get(f"/jobs/{made.id}/").json()
    assert bare == body


def test_errors_come_in_the_order_of_rows() -> None:
    made = failed()
    errors(made, 130)
    client = world.client("engineer")
    body = client.get(f"/jobs/{made.wire_id}").json()
    assert [each["row"] for each in body["per_item_errors"]] == list(range(100))
    walked: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(f"/jobs/{made.wire_id}/errors", {"cursor": cursor, "limit": "60"}).json()
        walked += [each["row"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert walked == list(range(130))


def test_progress_is_a_part_of_the_job() -> None:
    made = job(progress=40, progress_details={"phase": "loading"})
    body = world.client("engineer").get(f"/jobs/{made.wire_id}/progress").json()
    assert set(body) == set(serializers.JobProgressResponse().fields)
    assert (body["progress"], body["progress_details"]) == (40, {"phase": "loading"})


def test_the_status_of_an_import_is_shown_as_documented() -> None:
    counts = {"rows_done": 5, "rows_ok": 3, "rows_failed": 1, "rows_duplicate": 1}
    made = job(progress_details={"phase": "loading", **counts}, progress=50)
    body = world.client("engineer").get(f"/imports/{made.wire_id}/status").json()
    assert set(body) == set(serializers.ImportStatusResponse().fields) - {"duplicate"}
    assert body["progress"] == {"percent": 50, **counts}
    assert (body["phase"], body["settlement"], body["consistency"]) == ("waiting", "hold", "atomic")


def test_another_job_is_no_import() -> None:
    made = job(job_type="build_report")
    client = world.client("engineer")
    assert client.get(f"/imports/{made.wire_id}/status").json()["code"] == "job_not_found"
    assert client.get(f"/jobs/{made.wire_id}").json()["target_type"] is None


def test_others_see_their_own_and_global_engineers_all() -> None:
    theirs, mine = job("manager"), job("operator")
    operator, engineer = world.client("operator"), world.client("engineer")
    assert [each["id"] for each in operator.get("/jobs").json()["items"]] == [mine.wire_id]
    assert operator.get(f"/jobs/{theirs.wire_id}").status_code == 404
    assert operator.get(f"/imports/{theirs.wire_id}/status").status_code == 404
    assert {each["id"] for each in engineer.get("/jobs").json()["items"]} == {
        theirs.wire_id,
        mine.wire_id,
    }


def test_an_engineer_of_one_region_sees_the_own_ones() -> None:
    job("manager")
    local = world.client(user=world.person("engineer", region=world.region("emea")))
    assert local.get("/jobs").json()["items"] == []


def test_viewers_and_strangers_are_refused() -> None:
    made = job()
    for path in ("/jobs", f"/jobs/{made.wire_id}", f"/imports/{made.wire_id}/status"):
        assert world.client("viewer").get(path).status_code == 403
        assert world.client(None).get(path).status_code == 401


@pytest.mark.parametrize("path", ["/jobs/{}", "/jobs/{}/progress", "/jobs/{}/errors"])
def test_ids_are_unknown_or_malformed(path: str) -> None:
    client = world.client("engineer")
    assert client.get(path.format(uuid4())).json()["code"] == "job_not_found"
    assert client.get(path.format("job_x")).json()["code"] == "malformed_id"


def test_the_list_is_narrowed_and_newest_first() -> None:
    waiting, dead = job(), failed(failure_kind="lost")
    report = job("manager", "build_report")
    client = world.client("engineer")

    def found(**query: str) -> list[str]:
        return [each["id"] for each in client.get("/jobs", query).json()["items"]]

    assert found() == [report.wire_id, dead.wire_id, waiting.wire_id]
    assert found(status="failure") == [dead.wire_id]
    assert found(job_type="build_report") == [report.wire_id]
    assert found(dead_letter="true") == [dead.wire_id]
    assert dead.wire_id not in found(dead_letter="false")
    assert found(created_by="me", status="pending") == [waiting.wire_id]
    assert found(created_by=world.actor("manager").id) == [report.wire_id]
    assert client.get("/jobs").json()["page_size"] == 50
    assert client.get("/jobs", {"status": "asleep"}).status_code == 422


@pytest.mark.parametrize("jobs_on_page", [1, 20])
def test_a_list_costs_the_same_however_long(
    jobs_on_page: int, django_assert_max_num_queries: Any
) -> None:
    for _ in range(jobs_on_page):
        errors(failed(), 3)
    client = world.client("engineer")
    with django_assert_max_num_queries(5):
        assert len(client.get("/jobs").json()["items"]) == jobs_on_page
