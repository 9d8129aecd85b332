"""The alarm clock. Rows are the queue: losing the broker delays work, no more."""

import os
from datetime import timedelta
from typing import Any

from celery import Celery, Task
from celery.schedules import crontab
from celery.signals import before_task_publish, setup_logging
from kombu import Exchange, Queue

from core import correlation

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

CORRELATION_HEADER = "noc_correlation_id"

# A task that runs longer is killed; one whose worker died is given out again after the second time,
# so the second must be longer. Work that must be taken up sooner has a lease on its row.
LONGEST_TASK = timedelta(hours=1)
GIVEN_OUT_AGAIN_AFTER = timedelta(hours=1, minutes=5)


def every(seconds: int, task: str) -> dict[str, Any]:
    """A tick that nobody took before the next one comes is dropped: the rows are still there."""
    return {"task": task, "schedule": float(seconds), "options": {"expire_seconds": seconds}}


def daily(hour: int, minute: int, task: str) -> dict[str, Any]:
    """Once a day, at this time in UTC."""
    return {
        "task": task,
        "schedule": crontab(hour=hour, minute=minute),
        "options": {"expire_seconds": 6 * 3600},
    }


# What runs by the clock. Every task here is safe to run twice at once.
BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    # Reactions whose delivery right after the commit failed, or that a dead process left behind.
    "core.deliver_events": every(10, "core.deliver_events"),
    # Jobs that nobody started, and those whose worker is gone.
    "jobs.sweep": every(10, "jobs.sweep"),
    # The net below `manage.py deliver_webhooks`: sends what is due when that process is not there.
    "webhooks.deliver_due": every(10, "webhooks.deliver_due"),
    # Idempotency keys past their time, finished deliveries of events.
    "core.purge": daily(2, 40, "core.purge"),
    # Sessions whose end is 90 days past.
    "accounts.purge_sessions": daily(2, 50, "accounts.purge_sessions"),
    # Wrong passwords that no longer count.
    "accounts.forget_failures": every(900, "accounts.forget_failures"),
}

EXCHANGE = Exchange("noc", type="direct")
QUEUES = ("default", "pages", "bulk", "ledger")


class CorrelatedTask(Task):  # type: ignore[type-arg]
    """Runs under the correlation id of whoever asked for it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = (self.request.headers or {}).get(CORRELATION_HEADER)
        if given is None and self.request.is_eager:
            given = correlation.current()
        with correlation.use(correlation.choose(given), "task"):
            return super().__call__(*args, **kwargs)


app = Celery("noc-iq", task_cls=CorrelatedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")


def _defaults() -> dict[str, Any]:
    return {
        "timezone": "UTC",
        "beat_schedule": BEAT_SCHEDULE,
        "beat_scheduler": "django_celery_beat.schedulers:DatabaseScheduler",
        # Without a key of its own each queue would get what is meant for the default one.
        "task_queues": [Queue(name, EXCHANGE, routing_key=name) for name in QUEUES],
        "task_default_exchange": EXCHANGE.name,
        "task_default_routing_key": "default",
        "task_default_queue": "default",
        "task_create_missing_queues": False,
        # A drive of payments may last 50 s and must not starve others.
        "task_routes": {"payments.*": {"queue": "ledger"}},
        # At least once: acknowledged when done, given out again when the worker died.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "task_time_limit": LONGEST_TASK.total_seconds(),
        # Measured: with kombu's own restore settings a lost task sleeps up to 100 s more.
        "broker_transport_options": {
            "visibility_timeout": GIVEN_OUT_AGAIN_AFTER.total_seconds(),
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            # A kick is a hint: with the broker away it fails at once instead of holding a request.
            "max_retries": 0,
            "socket_connect_timeout": 1,
            # One that hangs must not hold a request for ever; longer than a worker's blocking pop.
            "socket_timeout": 5,
        },
        "broker_connection_retry_on_startup": True,
        "task_ignore_result": True,
        "result_expires": 3600,
        # After SIGTERM running tasks have this long; what is cut off then is given out again.
        "worker_soft_shutdown_timeout": 10.0,
    }


app.add_defaults(_defaults)
app.autodiscover_tasks()


@before_task_publish.connect
def _carry_correlation(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None:
        headers.setdefault(CORRELATION_HEADER, correlation.current())


@setup_logging.connect
def _leave_logging_alone(**_: Any) -> None:
    """Django has configured it; Celery configures its own unless somebody listens here."""
