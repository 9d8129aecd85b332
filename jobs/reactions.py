"""Long work that was asked for is told to a worker at once."""

from uuid import UUID

from django.db import transaction

from core.events import reacts_to
from core.ids import decode
from jobs import tasks
from jobs.events import JobSubmitted


@reacts_to(JobSubmitted)
def tell_worker(event: JobSubmitted, _event_id: UUID) -> None:
    job_id = decode("job", event.job_id)
    transaction.on_commit(lambda: tasks.send(job_id, event.job_type), robust=True)
