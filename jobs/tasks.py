"""Telling workers of jobs. The rows are the queue: a message lost costs ten seconds."""

import logging
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError as BrokerUnavailable
from redis.exceptions import RedisError

from jobs import services

log = logging.getLogger(__name__)


@shared_task(name="jobs.run_job", acks_late=True)
def run_job(*, job_id: str) -> str | None:
    """Run a job, unless somebody has it or it is not due."""
    return services.run_job(UUID(job_id))


@shared_task(name="jobs.sweep", acks_late=True)
def sweep() -> int:
    """Take back what dead workers held, and send what nobody was told of."""
    due = services.sweep()
    for job in due:
        send(job.id, job.job_type)
    return len(due)


def send(job_id: UUID, job_type: str) -> None:
    """Tell a worker of a job. The broker may be away: then the sweeper tells it."""
    try:
        runner = services.runner_of(job_type)
    except services.UnknownJobType:
        log.error("job_without_runner", extra={"job_type": job_type})
        return
    try:
        run_job.apply_async(
            kwargs={"job_id": str(job_id)},
            task_id=str(job_id),  # told twice, it is one task; the claim decides
            queue=runner.queue,
            time_limit=runner.hard_limit_s,
            soft_time_limit=runner.soft_limit_s,
            retry=False,
        )
    except (BrokerUnavailable, RedisError, OSError):
        log.warning("job_not_sent", extra={"job_id": str(job_id)}, exc_info=True)
