"""How the list of jobs is narrowed."""

from typing import Annotated

from django.db.models import QuerySet
from pydantic import Field

from core import wire
from core.actors import Actor
from core.pagination import ListQuery
from jobs import queries
from jobs.choices import DEAD, Status
from jobs.models import Job


class JobQuery(ListQuery):
    """The filters of GET /jobs."""

    job_type: Annotated[list[str], wire.many(longest=64)] = Field(default_factory=list)
    status: Annotated[list[str], wire.many(Status.values)] = Field(default_factory=list)
    dead_letter: wire.Flag | None = Field(
        None, description="Jobs that failed though their input was not to blame."
    )
    created_by: Annotated[str, wire.text(1, 64)] | None = Field(
        None, description="An id of a person, or `me`."
    )


class ErrorQuery(ListQuery):
    """Paging of the errors of one job."""


def narrow(query: JobQuery, actor: Actor) -> QuerySet[Job]:
    rows = queries.jobs(actor)
    if query.job_type:
        rows = rows.filter(job_type__in=query.job_type)
    if query.status:
        rows = rows.filter(status__in=query.status)
    if query.dead_letter is not None:
        dead = rows.filter(failure_kind__in=DEAD)
        rows = dead if query.dead_letter else rows.exclude(id__in=dead.values("id"))
    if query.created_by:
        rows = rows.filter(created_by=actor.id if query.created_by == "me" else query.created_by)
    return rows
