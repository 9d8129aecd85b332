"""Long work in the back office."""

import pytest
from django.test import Client
from django.urls import reverse

from jobs import services as jobs
from jobs.models import Job, JobError
from tests import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Client:
    return world.office(world.person("admin", email="boss@example.test"))


def made() -> Job:
    job, _ = jobs.submit_job("import_outages", {}, actor=world.actor(), at=world.AT)
    return job


def test_jobs_are_listed_newest_first(desk: Client) -> None:
    first, second = made(), made()
    page = desk.get(reverse("admin:jobs_job_changelist"))
    text = page.content.decode()
    assert page.status_code == 200
    assert text.index(second.wire_id) < text.index(first.wire_id)


def test_a_job_is_shown_with_its_first_errors_and_changes_nothing(desk: Client) -> None:
    job = made()
    JobError.objects.bulk_create(
        JobError(job=job, row=n, code="bad_row", detail=f"fault number {n:03d}") for n in range(60)
    )
    page = desk.get(reverse("admin:jobs_job_change", args=[job.id]))
    text = page.content.decode()
    assert page.status_code == 200
    assert "fault number 049" in text
    assert "fault number 050" not in text
    assert desk.post(reverse("admin:jobs_job_change", args=[job.id]), {}).status_code == 403
    assert desk.get(reverse("admin:jobs_job_add")).status_code == 403


def test_a_job_is_found_by_its_id_or_its_file(desk: Client) -> None:
    wanted, other = made(), made()
    Job.objects.filter(id=wanted.id).update(file_name="january.csv")
    for term in (wanted.wire_id, "januar"):
        text = desk.get(reverse("admin:jobs_job_changelist"), {"q": term}).content.decode()
        assert wanted.wire_id in text
        assert other.wire_id not in text
