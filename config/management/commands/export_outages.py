"""``manage.py export_outages``: write all outages to a file, as GET /outages/export does."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core import exports
from core.actors import system
from outages import services as outages
from outages.api import files
from outages.api.filters import narrow


class Command(BaseCommand):
    help = "Write all outages to a file; import_outages reads it back unchanged."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--format", choices=sorted(exports.MEDIA_TYPES), default="csv")

    def handle(self, *args: Any, **options: Any) -> None:
        actor, query = system("outages"), files.ExportQuery(format=options["format"])
        rows = narrow(query, actor)
        count = rows.order_by().count()
        outages.export_outages(query.filters(), count, actor=actor, at=timezone.now())
        answer = exports.respond(rows, files.layout(query.format), query.format)
        try:
            with options["path"].open("wb") as file:
                for piece in answer:
                    file.write(piece)
        except OSError as error:
            raise CommandError(f"{options['path']}: {error.strerror}") from None
        finally:
            answer.close()
        self.stdout.write(f"{count} outages in {options['path']}")
