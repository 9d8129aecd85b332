"""``manage.py import_outages PATH``: load a file of outages, as POST /outages/import does."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.actors import system
from core.errors import DomainError
from jobs import services as jobs
from jobs.choices import Consistency, Status
from outages import services as outages
from outages.choices import Settlement


class Command(BaseCommand):
    help = "Load a file of outages (CSV, JSON, NDJSON). More than 1,000 rows become a job."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument(
            "--dry-run", action="store_true", help="Load nothing; say what would be"
        )
        parser.add_argument("--consistency", choices=Consistency.values, default="atomic")
        parser.add_argument("--settlement", choices=Settlement.values, default="hold")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"]
        try:
            with path.open("rb") as file:
                taken = outages.import_outages(
                    jobs.receive(file, path.name),
                    consistency=Consistency(options["consistency"]),
                    dry_run=options["dry_run"],
                    again=False,
                    settlement=Settlement(options["settlement"]),
                    later=False,
                    actor=system("outages"),
                    at=timezone.now(),
                )
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from None
        except DomainError as error:
            raise CommandError(f"{path}: {error.detail}") from None
        job = taken.job
        if taken.is_queued:
            self.stdout.write(f"Queued as {job.wire_id}; a worker loads it.")
            return
        details, made = job.progress_details or {}, (job.result or {}).get("created", 0)
        self.stdout.write(
            f"{details['rows_done']} rows: {made} new, {details['rows_duplicate']} known, "
            f"{job.error_count} faults."
        )
        if job.status != Status.SUCCESS:
            raise CommandError(f"{path}: {job.error or job.failure_code}")
