"""Long work: asking for it, running it, loading files. With ``runner`` a domain takes part."""

from jobs.models import Job
from jobs.policy.files import BadHeader, HeaderSet, TooManyRows, UnsupportedFile
from jobs.services.endings import Problem
from jobs.services.imports.doors import (
    Loaded,
    NoValidRow,
    RowsInvalid,
    TooManyErrors,
    Upload,
    Wish,
    count_rows,
    import_now,
    keep_ended_import,
    progress_of,
    receive,
    run_import,
    submit_import,
)
from jobs.services.imports.engine import Report, RowFault, RowReport
from jobs.services.imports.target import (
    Context,
    Counts,
    FileFacts,
    ImportTarget,
    Outcome,
    Row,
)
from jobs.services.leases import JobRevoked, LeaseLost
from jobs.services.runs import (
    Run,
    Runner,
    UnknownJobType,
    job_types,
    run_job,
    runner,
    runner_of,
)
from jobs.services.submission import JobFile, TooManyJobs, keep_ended_job, submit_job
from jobs.services.sweeping import Due, next_due, sweep

__all__ = [
    "BadHeader",
    "Context",
    "Counts",
    "Due",
    "FileFacts",
    "HeaderSet",
    "ImportTarget",
    "Job",
    "JobFile",
    "JobRevoked",
    "LeaseLost",
    "Loaded",
    "NoValidRow",
    "Outcome",
    "Problem",
    "Report",
    "Row",
    "RowFault",
    "RowReport",
    "RowsInvalid",
    "Run",
    "Runner",
    "TooManyErrors",
    "TooManyJobs",
    "TooManyRows",
    "UnknownJobType",
    "UnsupportedFile",
    "Upload",
    "Wish",
    "count_rows",
    "import_now",
    "job_types",
    "keep_ended_import",
    "keep_ended_job",
    "next_due",
    "progress_of",
    "receive",
    "run_import",
    "run_job",
    "runner",
    "runner_of",
    "submit_import",
    "submit_job",
    "sweep",
]
