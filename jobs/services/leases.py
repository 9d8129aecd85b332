"""Holding a job: who runs it, for how long, and how others see that it goes on."""

import logging
import os
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from django.db import DatabaseError, InterfaceError, connection
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from jobs.choices import Status
from jobs.models import Job
from jobs.policy import moves

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0  # progress is written no oftener
RENEW_SECONDS = 20.0


class JobRevoked(Exception):
    """Somebody cancelled the job while it ran. What it did is rolled back."""


class LeaseLost(Exception):
    """Somebody else may hold the job by now. What this run did is rolled back."""


def claim(job_id: UUID) -> Job | None:
    """Take a job that is due; None if it is not, or somebody was quicker.

    One UPDATE; the lease runs by the clock of the database, so skew cannot shorten it.
    """
    lease_id = uuid4()
    taken = Job.objects.filter(id=job_id, status=Status.PENDING, next_attempt_at__lte=Now()).update(
        status=Status.STARTED,
        lease_id=lease_id,
        lease_expires_at=Now() + moves.LEASE,
        locked_by=f"{socket.gethostname()}:{os.getpid()}"[:100],
        attempts=F("attempts") + 1,
        started_at=Coalesce("started_at", Now()),
        progress=0,
        updated_at=Now(),
    )
    return Job.objects.get(id=job_id, lease_id=lease_id) if taken else None


class Lease:
    """Keeps the job ours while it runs, from a thread with a connection of its own."""

    def __init__(self, job: Job) -> None:
        self._job_id, self._lease_id = job.id, job.lease_id
        self._stop = threading.Event()
        self._lost = False
        self._revoked = False
        self._progress: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._keep, name=f"lease of {job}", daemon=True)

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def report(self, percent: int, details: Mapping[str, Any]) -> None:
        """Have progress written with the next tick."""
        self._progress = {"progress": percent, "progress_details": dict(details)}

    def check(self) -> None:
        """Go on only while the job is ours and wanted. Raises: LeaseLost, JobRevoked."""
        if self._lost:
            raise LeaseLost
        if self._revoked:
            raise JobRevoked

    def _keep(self) -> None:
        try:
            kept = renewed = time.monotonic()
            while not self._stop.wait(TICK_SECONDS):
                progress, self._progress = self._progress, {}
                now = time.monotonic()
                if not progress and now - renewed < RENEW_SECONDS:
                    continue
                try:
                    self._lost = not self._renew(progress)
                    kept = renewed = now
                except (DatabaseError, InterfaceError):
                    log.warning("lease_not_renewed", exc_info=True)
                    connection.close()
                    renewed = now
                    self._lost = now - kept >= moves.LEASE.total_seconds()
                if self._lost:
                    return
        finally:
            connection.close()

    def _renew(self, progress: Mapping[str, Any]) -> bool:
        held = Job.objects.filter(id=self._job_id, lease_id=self._lease_id)
        renewed = held.update(lease_expires_at=Now() + moves.LEASE, updated_at=Now(), **progress)
        if renewed:
            cancelled = held.values_list("cancel_requested_at", flat=True).first()
            self._revoked = cancelled is not None
        return bool(renewed)
