"""Which moves a job has, and how long it waits between tries."""

from datetime import timedelta

from jobs.choices import Status

# from -> verb -> to
TRANSITIONS: dict[Status, dict[str, Status]] = {
    Status.PENDING: {"claim": Status.STARTED, "cancel": Status.REVOKED},
    Status.STARTED: {
        "succeed": Status.SUCCESS,
        "postpone": Status.PENDING,
        "fail": Status.FAILURE,
        "revoke": Status.REVOKED,
    },
    Status.SUCCESS: {},
    Status.FAILURE: {"retry": Status.PENDING},
    Status.REVOKED: {"retry": Status.PENDING},
}

MOST_ATTEMPTS = 3
MOST_RETRIES = 3
MOST_WAITING = 50  # pending jobs of one submitter
MOST_ERRORS = 1000  # kept per job; counted exactly beyond
LARGEST_PAYLOAD = 256 * 1024
LARGEST_RESULT = 4 * 1024 * 1024
PART_BYTES = 1024 * 1024

LEASE = timedelta(seconds=60)
SUBJECT_BUSY = timedelta(seconds=5)
UNSENT_AFTER = timedelta(seconds=10)  # then the sweeper sends it itself
JITTER = 0.2


def delay_after(attempt: int, chance: float) -> timedelta:
    """How long a job rests after a try that failed: 10 s, doubling to 600 s, give or take 20 %.

    ``chance`` lies in 0..1.
    """
    seconds = min(600, 10 * 2 ** (attempt - 1))
    return timedelta(seconds=seconds * (1 - JITTER + 2 * JITTER * chance))


def may_try_again(attempts: int, max_attempts: int) -> bool:
    return attempts < max_attempts


_IMPORT = "import_"


def target_of(job_type: str) -> str | None:
    """What a job of this type loads: ``import_outages`` loads ``outages``; None: no import."""
    return job_type.removeprefix(_IMPORT) if job_type.startswith(_IMPORT) else None


def import_of(target: str) -> str:
    """The job type that loads this target."""
    return _IMPORT + target
