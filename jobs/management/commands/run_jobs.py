"""``manage.py run_jobs``: work off due jobs in this process, without a broker."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs import services

POLL_SECONDS = 1.0


class Command(BaseCommand):
    help = "Run due jobs, oldest first, until stopped; --once: until nothing is due."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="end when nothing is due")

    def handle(self, *args: Any, **options: Any) -> None:
        while True:
            services.sweep()
            while job_id := services.next_due():
                status = services.run_job(job_id)
                if status is not None:
                    self.stdout.write(f"{job_id} {status}")
            if options["once"]:
                return
            time.sleep(POLL_SECONDS)
