"""Files that are too long to wait for: the job that loads them."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from audit.models import Entry
from core.models import EventRow
from jobs import services as jobs
from jobs.choices import Status
from jobs.models import Job, JobError, JobFilePart
from outages.models import Outage, OutageLife
from tests import world
from tests.outages import files
from tests.outages.files import answer, send, sheet

pytestmark = pytest.mark.django_db(transaction=True)

LATER = {"Prefer": "respond-async"}


def queued(content: bytes, **given: Any) -> Job:
    """A file in the queue."""
    body = answer(send(content, headers=LATER, **given), 202)
    return Job.objects.get(id=_uuid(body["id"]))


def _uuid(wire_id: str) -> Any:
    from core.ids import decode

    return decode("job", wire_id)


def status(job: Job) -> dict[str, Any]:
    body: dict[str, Any] = world.client("engineer").get(f"/imports/{job.wire_id}/status").json()
    return body


def test_more_than_a_thousand_rows_are_loaded_by_a_job() -> None:
    content = sheet(files.rows_of(1001))
    response = send(content, settlement="normal")
    body = answer(response, 202)
    assert response["Location"] == f"/api/v1/imports/{body['id']}/status"
    assert (body["status"], body["phase"], body["settlement"]) == ("pending", "waiting", "normal")
    assert body["file"]["bytes"] == len(content)
    assert not Outage.objects.exists()
    assert jobs.run_job(_uuid(body["id"])) == Status.SUCCESS
    done = status(Job.objects.get())
    assert (done["status"], done["phase"], done["error_count"]) == ("success", "done", 0)
    assert done["progress"] == {
        "percent": 100,
        "rows_done": 1001,
        "rows_ok": 1001,
        "rows_failed": 0,
        "rows_duplicate": 0,
    }
    assert done["result"]["created"] == 1001
    assert Outage.objects.filter(import_job=_uuid(body["id"]), settlement="normal").count() == 1001
    assert OutageLife.objects.count() == Outage.objects.filter(status="resolved").count()
    assert Entry.objects.filter(action="outages.open").count() == 1001
    assert Entry.objects.get(action="outages.import").actor_id == world.actor().id
    assert EventRow.objects.filter(type="outage.created").count() == 1001
    history = world.client("engineer").get("/outages/bulk/history").json()
    assert (history[0]["imported"], history[0]["skipped"]) == (1001, 0)


def test_a_thousand_rows_are_not() -> None:
    assert answer(send(sheet(files.rows_of(1000))))["persisted"] == 1000


def test_the_same_bytes_are_the_same_job() -> None:
    content = sheet(files.rows_of(3))
    job = queued(content)
    response = send(content, headers=LATER)
    body = answer(response)
    assert (body["id"], body["duplicate"]) == (job.wire_id, True)
    assert response["Location"].endswith(f"/{job.wire_id}/status")
    jobs.run_job(job.id)
    assert answer(send(content, headers=LATER))["id"] == job.wire_id
    again = queued(content, again="true")
    assert again.id != job.id
    jobs.run_job(again.id)
    assert status(again)["progress"]["rows_duplicate"] == 3
    assert Outage.objects.count() == 3


def test_a_file_that_failed_may_be_sent_again() -> None:
    content = sheet([files.row(1, severity="worst")])
    job = queued(content)
    jobs.run_job(job.id)
    assert queued(content).id != job.id


def test_two_uploads_at_once_are_one_job() -> None:
    content = sheet(files.rows_of(3))
    client = world.client("engineer")
    found = world.at_once(4, lambda _: send(content, client=client, headers=LATER))
    assert sorted(each.status_code for each in found) == [200, 200, 200, 202]
    assert len({json.loads(each.content)["id"] for each in found}) == 1
    assert Job.objects.count() == 1


def test_one_file_loaded_twice_at_once_makes_each_outage_once() -> None:
    content = sheet([row | {"id": ""} for row in files.rows_of(60)])
    client = world.client("engineer")
    found = world.at_once(3, lambda _: send(content, "/outages/bulk", client=client))
    told = [answer(each) for each in found]
    assert sum(each["imported"] for each in told) == 60
    assert all(each["imported"] + each["skipped"] == 60 for each in told)
    assert Outage.objects.count() == 60
    assert Entry.objects.filter(action="outages.open").count() == 60


def test_a_wrong_row_leaves_nothing_of_an_atomic_load() -> None:
    client = world.client("engineer")
    before = files.kept()
    rows = files.rows_of(20)
    rows[7]["severity"] = "worst"
    job = queued(sheet(rows), client=client)
    entries = Entry.objects.count()
    assert jobs.run_job(job.id) == Status.FAILURE
    after = files.kept()
    assert {name for name in after if after[name] != before.get(name)} == {"audit_entry"}
    assert Entry.objects.count() == entries
    done = status(job)
    assert (done["status"], done["failure_code"], done["error_count"]) == (
        "failure",
        "rows_invalid",
        1,
    )
    assert (done["errors"][0]["row"], done["errors"][0]["code"]) == (7, "bad_enum")
    assert done["result"]["created"] == 0


def test_a_partial_load_keeps_the_good_rows() -> None:
    rows = files.rows_of(20)
    rows[7]["severity"] = "worst"
    job = queued(sheet(rows), consistency="partial")
    assert jobs.run_job(job.id) == Status.SUCCESS
    assert Outage.objects.count() == 19
    assert (status(job)["result"]["failed"], JobError.objects.get().row) == (1, 7)


def test_a_partial_load_without_a_good_row_fails() -> None:
    job = queued(sheet([files.row(1, severity="worst")]), consistency="partial")
    assert jobs.run_job(job.id) == Status.FAILURE
    assert status(job)["failure_code"] == "no_valid_row"


def test_a_dry_run_answers_and_keeps_nothing() -> None:
    rows = files.rows_of(20)
    rows[7]["severity"] = "worst"
    job = queued(sheet(rows), dry_run="true")
    assert jobs.run_job(job.id) == Status.SUCCESS
    assert not Outage.objects.exists()
    done = status(job)
    assert (done["result"]["would_create"], done["error_count"]) == (19, 1)
    assert not Entry.objects.filter(action__startswith="outages.").exists()


def test_a_header_is_judged_before_anything_is_stored() -> None:
    body = answer(send(b"when,what\n1,2\n", headers=LATER), 422)
    assert body["code"] == "bad_header"
    assert {fault["code"] for fault in body["errors"]} == {"missing_column"}
    assert all(fault["in"] == "file" for fault in body["errors"])
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["outages.json", "outages.ndjson"])
def test_json_is_loaded_like_csv(name: str) -> None:
    rows: list[dict[str, Any]] = [
        row | {"resolved_at": row["resolved_at"] or None, "affected_services": ["Transit"]}
        for row in files.rows_of(12)
    ]
    content = json.dumps(rows) if name.endswith(".json") else "\n".join(map(json.dumps, rows))
    at_once = answer(send(content.encode(), name=name, dry_run="true"))
    assert (at_once["validated"], at_once["rows"][3]["line"]) == (12, None)
    job = queued(content.encode(), name=name)
    assert jobs.run_job(job.id) == Status.SUCCESS
    assert set(Outage.objects.values_list("affected_services", flat=True)[:1][0]) == {"Transit"}
    assert Outage.objects.count() == 12


@pytest.mark.parametrize(
    ("content", "name", "code", "at"),
    [
        (b"x", "outages.xlsx", 415, "unsupported_file"),
        (b"\x1f\x8b\x08", "outages.csv", 415, "unsupported_file"),
        ("id,site_name\n1,2\n".encode("utf-16"), "outages.csv", 422, "bad_header"),
        (b"", "outages.csv", 422, "bad_header"),
        (b"{}", "outages.json", 422, "bad_header"),
        (b"[" * 100_000, "outages.json", 422, "bad_header"),
    ],
)
def test_what_is_no_file_of_ours_is_refused(content: bytes, name: str, code: int, at: str) -> None:
    for path in ("/outages/import", "/outages/bulk"):
        assert answer(send(content, path, name=name), code)["code"] == at
    assert not Job.objects.exists()


def test_the_bytes_of_a_file_are_kept_with_its_job() -> None:
    content = sheet(files.rows_of(30))
    job = queued(content)
    assert b"".join(bytes(part.bytes) for part in JobFilePart.objects.filter(job=job)) == content


def test_a_worker_killed_while_writing_leaves_nothing_and_the_next_one_finishes() -> None:
    """kill -9 in the middle of the data transaction."""
    rows = 20_000
    job = queued(sheet(files.rows_of(rows)), consistency="atomic")
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "run_jobs", "--once"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": _database_url()},
    )
    try:
        _wait_until(lambda: status(job)["progress"]["rows_done"] > 0)
        assert worker.poll() is None
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(timeout=10)
    # PostgreSQL sees that its client is gone at the end of the statement; till then the lock holds.
    _wait_until(lambda: _others_at_work() == 0)
    assert not Outage.objects.exists()
    assert not Entry.objects.filter(action__startswith="outages.").exists()
    assert not EventRow.objects.filter(type__startswith="outage.").exists()
    assert status(job)["status"] == "started"
    assert jobs.run_job(job.id) is None
    Job.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    assert [due.id for due in jobs.sweep()] == [job.id]
    assert jobs.run_job(job.id) == Status.SUCCESS
    assert Outage.objects.count() == rows
    assert EventRow.objects.filter(type="outage.created").count() == rows
    assert Job.objects.get().attempts == 2


def _wait_until(is_so: Any, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _others_at_work() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND application_name LIKE 'noc-iq%'"
        )
        (count,) = cursor.fetchone()
    return int(count)


def _database_url() -> str:
    """The database of the tests, for another process."""
    now = connection.settings_dict
    user = f"{now['USER']}:{now['PASSWORD']}" if now["PASSWORD"] else now["USER"]
    if now["HOST"].startswith("/"):
        return f"postgres://{user}@/{now['NAME']}?host={now['HOST']}"
    return f"postgres://{user}@{now['HOST']}:{now['PORT']}/{now['NAME']}"
