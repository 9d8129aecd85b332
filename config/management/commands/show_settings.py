"""What this installation runs with, where each value comes from, and the documents about it."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config import env, reference
from config.variables import VARIABLES


class Command(BaseCommand):
    help = "Print every setting with its source and its value; secrets are masked."
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--format",
            choices=("table", "env", "markdown"),
            default="table",
            help="table: what is in force; env: .env.example; markdown: docs/configuration.md",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        if options["format"] == "env":
            self.stdout.write(reference.env_example(), ending="")
        elif options["format"] == "markdown":
            self.stdout.write(reference.configuration_page(), ending="")
        else:
            self._table()

    def _table(self) -> None:
        loaded: env.Loaded = settings.CONFIGURATION
        rows = [
            (each.name, loaded.sources[each.name], env.shown(each, loaded[each.name]))
            for each in VARIABLES
        ]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        lines = [
            f"{name:<{widths[0]}}  {source:<{widths[1]}}  {value}".rstrip()
            for name, source, value in rows
        ]
        self.stdout.write("\n".join(lines))
