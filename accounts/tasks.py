"""What accounts do by the clock."""

from celery import shared_task
from django.utils import timezone

from accounts import services


@shared_task(name="accounts.purge_sessions", acks_late=True)
def purge_sessions() -> None:
    """Forget sessions that ended long ago."""
    services.purge_sessions(at=timezone.now())


@shared_task(name="accounts.forget_failures", acks_late=True)
def forget_failures() -> None:
    """Forget wrong passwords that no longer count, where no later one has swept them away."""
    services.forget_failures(at=timezone.now())
