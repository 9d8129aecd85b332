"""Long work on outages."""

from jobs import services as jobs
from outages.choices import Settlement
from outages.services.imports import JOB_TYPE, OutageTarget


@jobs.runner(JOB_TYPE, queue="bulk", hard_limit_s=900, serial=True)
def import_outages(run: jobs.Run) -> None:
    """Load a file of outages."""
    settlement = Settlement(run.payload["options"]["settlement"])
    jobs.run_import(run, OutageTarget(settlement))
