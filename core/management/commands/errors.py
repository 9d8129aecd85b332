"""``manage.py errors``: every refusal, code and status. ``docs/errors.md`` is its output."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import get_resolver

from core.errors import DomainError
from core.problems import status_of

TARGET = Path("docs/errors.md")


def classes() -> list[type[DomainError]]:
    """Every named refusal of the product, by status and code."""
    _ = get_resolver().url_patterns  # imports every view, and with it every verb
    found: set[type[DomainError]] = set()
    heap = [DomainError]
    while heap:
        cls = heap.pop()
        heap += cls.__subclasses__()
        if cls.code and not cls.__module__.startswith("tests"):
            found.add(cls)
    return sorted(found, key=lambda cls: (status_of(cls()), cls.code, cls.__module__))


def document() -> str:
    """The table of all codes, as Markdown."""
    lines = [
        "# Errors",
        "",
        "Every refusal is `application/problem+json` with one of these codes",
        "(`python manage.py errors`). `errors[]` names the members at fault, with their own codes.",
        "",
        "| status | code | title | what to do | defined in |",
        "|---|---|---|---|---|",
    ]
    for cls in classes():
        named, home = f"`{cls.code}`", f"`{cls.__module__}`"
        row = (str(status_of(cls())), named, cls.title, cls.summary, home)
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


class Command(BaseCommand):
    help = "Print every error code; --write renews docs/errors.md, --check compares with it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true")
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        target = settings.BASE_DIR / TARGET
        if options["write"]:
            target.parent.mkdir(exist_ok=True)
            target.write_text(document())
        elif options["check"]:
            if not target.exists() or target.read_text() != document():
                raise CommandError(f"{TARGET} is stale: run `script/manage errors --write`.")
        else:
            self.stdout.write(document())
