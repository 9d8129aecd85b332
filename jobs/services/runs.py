"""Running jobs: what a runner may do, how its data and its end commit as one, how it fails."""

import io
import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID

import orjson
from celery.exceptions import SoftTimeLimitExceeded
from django.db import close_old_connections, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules

from accounts import queries as accounts
from core import correlation, events
from core.actors import Actor, system
from core.errors import DomainError, InternalError, Invalid, Unavailable
from core.problems import translate
from jobs.choices import FailureKind, Status
from jobs.models import Job, JobFilePart
from jobs.policy import moves
from jobs.services.endings import Problem, announce_end, store_errors
from jobs.services.leases import JobRevoked, Lease, LeaseLost, claim

log = logging.getLogger(__name__)

SOFT_BEFORE_HARD_SECONDS = 30


@dataclass(frozen=True)
class Runner:
    """How jobs of one type are run. ``serial``: one at a time for each subject."""

    job_type: str
    run: Callable[["Run"], None]
    queue: str
    hard_limit_s: int
    serial: bool

    @property
    def soft_limit_s(self) -> int:
        return self.hard_limit_s - SOFT_BEFORE_HARD_SECONDS


_runners: dict[str, Runner] = {}


def runner(
    job_type: str, *, queue: str = "default", hard_limit_s: int = 300, serial: bool = False
) -> Callable[[Callable[["Run"], None]], Callable[["Run"], None]]:
    """Register who runs jobs of this type. Stands in the ``tasks.py`` of a domain."""

    def register(run: Callable[["Run"], None]) -> Callable[["Run"], None]:
        _runners[job_type] = Runner(job_type, run, queue, hard_limit_s, serial)
        return run

    return register


class UnknownJobType(Invalid):
    code = "unknown_job_type"
    title = "Unknown job type"
    summary = "Nobody here runs jobs of this type."


class SubmitterGone(Invalid):
    code = "submitter_gone"
    title = "Submitter gone"
    summary = "Whoever asked for this work may no longer act."


class TimeLimit(Invalid):
    code = "time_limit"
    title = "Time limit"
    summary = "The job took longer than jobs of its type may."


class ResultTooLarge(Invalid):
    code = "result_too_large"
    title = "Result too large"
    summary = f"The result is larger than {moves.LARGEST_RESULT} bytes."


class SubjectBusy(Exception):
    """Another job of this type works on the same subject."""


def job_types() -> list[str]:
    """The types of work that anybody here runs."""
    autodiscover_modules("tasks")
    return sorted(_runners)


def runner_of(job_type: str) -> Runner:
    """Who runs jobs of this type. Raises: UnknownJobType."""
    if job_type not in _runners:
        # Only a worker has read all tasks by itself; a web process or a command has not.
        autodiscover_modules("tasks")
    if job_type not in _runners:
        raise UnknownJobType
    return _runners[job_type]


class Run:
    """One try of one job, as its runner sees it."""

    def __init__(self, job: Job, lease: Lease, actor: Actor, at: datetime, *, serial: bool) -> None:
        self.job = job
        self.actor = actor
        self.at = at
        self.result: Mapping[str, Any] | None = None
        self.details: Mapping[str, Any] = {}
        self.ended = False
        self._lease = lease
        self._serial = serial
        self._problems: list[Problem] = []
        self._error_count = 0

    @property
    def payload(self) -> Mapping[str, Any]:
        payload: Mapping[str, Any] = self.job.payload
        return payload

    def checkpoint(self, done: int, total: int, phase: str, **details: Any) -> None:
        """Say how far the work is, and stop if it is not ours or not wanted any more.

        Raises: JobRevoked, LeaseLost.
        """
        self.details = {"phase": phase, **details}
        self._lease.report(min(99, 100 * done // total) if total else 0, self.details)
        self._lease.check()

    def item_error(
        self, row: int, code: str, detail: str, *, pointer: str = "", line: int | None = None
    ) -> None:
        """Keep what is wrong with one item; it is stored with the end, whatever that is."""
        self._error_count += 1
        if len(self._problems) < moves.MOST_ERRORS:
            self._problems.append(Problem(row, code, detail, pointer, line))

    def problems(self, first: Sequence[Problem], count: int) -> None:
        """Keep the first errors of many, and how many there are."""
        self._problems, self._error_count = list(first[: moves.MOST_ERRORS]), count

    def open_file(self) -> BinaryIO:
        """The uploaded file from its beginning, part by part."""
        return io.BufferedReader(_Parts(self.job.id), moves.PART_BYTES)

    @contextmanager
    def data(self) -> Iterator[None]:
        """The data transaction: what is written in it and the success of the job commit as one.

        Raises: SubjectBusy, and LeaseLost where somebody else holds the job: nothing was written.
        """
        # What a bulk load announces is delivered by the sweeper, not by this worker.
        with events.delivering_at_most(0), transaction.atomic():
            if self._serial:
                self._take_turn()
            yield
            self.end(Status.SUCCESS)
        self.ended = True

    def _take_turn(self) -> None:
        turn = f"{self.job.job_type}:{self.job.subject}"
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [turn])
            (taken,) = cursor.fetchone()
        if not taken:
            raise SubjectBusy

    def conclude(self, error: DomainError | None = None) -> None:
        """End the job without data: failed for good with this error, or else as a success."""
        with transaction.atomic():
            if error is None:
                self.end(Status.SUCCESS)
            else:
                self.end(Status.FAILURE, FailureKind.PERMANENT, error.code, error.detail)
        self.ended = True

    def end(
        self,
        status: Status,
        kind: FailureKind | None = None,
        code: str | None = None,
        error: str | None = None,
    ) -> None:
        """Write the end in the caller's transaction, if the job is still ours.

        Emits JobFinished. Raises: LeaseLost, ResultTooLarge.
        """
        result = None if self.result is None else dict(self.result)
        if len(orjson.dumps(result)) > moves.LARGEST_RESULT:
            raise ResultTooLarge
        at = timezone.now()
        ended: dict[str, Any] = {"progress": 100} if status == Status.SUCCESS else {}
        held = Job.objects.filter(id=self.job.id, lease_id=self.job.lease_id)
        if not held.update(
            status=status,
            result=result,
            progress_details=dict(self.details),
            failure_kind=kind,
            failure_code=code,
            error=error,
            error_count=self._error_count,
            lease_id=None,
            lease_expires_at=None,
            finished_at=Now(),
            updated_at=Now(),
            **ended,
        ):
            raise LeaseLost
        store_errors(self.job.id, self._problems)
        announce_end(self.job, status, self._error_count, at)

    def postpone(self, delay: timedelta, *, counted: bool = True) -> None:
        """Give the job back to the queue for later."""
        fewer = {} if counted else {"attempts": self.job.attempts - 1}
        Job.objects.filter(id=self.job.id, lease_id=self.job.lease_id).update(
            status=Status.PENDING,
            next_attempt_at=Now() + delay,
            lease_id=None,
            lease_expires_at=None,
            updated_at=Now(),
            **fewer,
        )


class _Parts(io.RawIOBase):
    """The stored parts of a file, one in memory at a time."""

    def __init__(self, job_id: UUID) -> None:
        super().__init__()
        self._job_id = job_id
        self._n = 0
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            part = JobFilePart.objects.filter(job_id=self._job_id, n=self._n).first()
            self._n += 1
            self._rest = bytes(part.bytes) if part else b""
        data, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


def run_job(job_id: UUID) -> Status | None:
    """Claim a job and run it to an end, or back into the queue.

    Returns how it stands then; None if there was nothing to claim, or the lease went lost.
    """
    job = claim(job_id)
    if job is None:
        return None
    with Lease(job) as lease:
        run = Run(job, lease, system("jobs"), timezone.now(), serial=False)
        try:
            found = runner_of(job.job_type)
            run = Run(job, lease, _actor(job.created_by), run.at, serial=found.serial)
            found.run(run)
            if not run.ended:
                run.conclude()
        except LeaseLost:
            log.warning("lease_lost", extra={"job": job.wire_id})
            return None
        except SubjectBusy:
            run.postpone(moves.SUBJECT_BUSY, counted=False)
        except JobRevoked:
            _end(run, Status.REVOKED)
        # A runner may raise anything; the row must say so, and the worker live on.
        except Exception as error:  # noqa: BLE001
            _fail(run, error)
    return Status(Job.objects.values_list("status", flat=True).get(id=job_id))


def _actor(created_by: str) -> Actor:
    """Who asked, with the rights they have now. Raises: SubmitterGone."""
    if not created_by.startswith("usr_"):
        return system(created_by)
    actor = accounts.acting(created_by)
    if actor is None:
        raise SubmitterGone
    return actor


def _fail(run: Run, error: Exception) -> None:
    close_old_connections()  # the error may have been that the connection is gone
    named = TimeLimit() if isinstance(error, SoftTimeLimitExceeded) else translate(error)
    if not isinstance(named, Unavailable):
        words = named.detail
        if isinstance(named, InternalError):
            words += f" Correlation id: {correlation.current()}."
        _end(run, Status.FAILURE, FailureKind.PERMANENT, named.code, words)
    elif moves.may_try_again(run.job.attempts, run.job.max_attempts):
        log.warning("job_postponed", extra={"job": run.job.wire_id, "code": named.code})
        run.postpone(moves.delay_after(run.job.attempts, random.random()))  # noqa: S311
    else:
        _end(run, Status.FAILURE, FailureKind.EXHAUSTED, named.code, named.detail)


def _end(
    run: Run,
    status: Status,
    kind: FailureKind | None = None,
    code: str | None = None,
    error: str | None = None,
) -> None:
    run.result = None
    try:
        with transaction.atomic():
            run.end(status, kind, code, error)
    except LeaseLost:
        log.warning("lease_lost", extra={"job": run.job.wire_id})
