"""Which kind of process this is, and how long it may wait for the database.

An entry point says its kind before Django reads the settings; nobody guesses from arguments. What
says nothing (a Celery worker or beat, a test) is a worker.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """``direct``: talks to the server itself where a pooler stands in between."""

    name: str
    statement_timeout_seconds: int
    lock_timeout_seconds: int
    direct: bool = False

    @property
    def connection_options(self) -> str:
        """What libpq sends when it connects; 0 is no limit."""
        return (
            f"-c statement_timeout={self.statement_timeout_seconds * 1000} "
            f"-c lock_timeout={self.lock_timeout_seconds * 1000} "
            # What core.statements prepares finds rows by their keys, one or fifty: one plan fits.
            "-c plan_cache_mode=force_generic_plan"
        )


WEB = Kind("web", statement_timeout_seconds=10, lock_timeout_seconds=5)
STREAM = Kind("stream", statement_timeout_seconds=10, lock_timeout_seconds=5)
WORKER = Kind("worker", statement_timeout_seconds=600, lock_timeout_seconds=30)
# A migration may build an index for an hour, but must not queue behind a lock and stop all others.
COMMAND = Kind("command", statement_timeout_seconds=0, lock_timeout_seconds=30, direct=True)

kind = WORKER


def declare(ours: Kind) -> None:
    """Say what this process is. To be called before Django reads its settings."""
    global kind  # noqa: PLW0603 - the process is one thing, and says so once
    kind = ours
