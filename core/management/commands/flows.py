"""``manage.py flows``: who announces what, and who reacts. ``docs/events.md`` is its output."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import events

TARGET = Path("docs/events.md")


def document() -> str:
    """The table of all events, as Markdown."""
    lines = [
        "# Events",
        "",
        "Who announces what, and who reacts (`python manage.py flows`). Public events also go to",
        "every matching webhook subscription.",
        "",
        "| event | announced by | public | reactions | what happened |",
        "|---|---|---|---|---|",
    ]
    for type_, cls in events.catalogue().items():
        reactions = ", ".join(f"`{name}`" for name in sorted(events.reactions_of(cls))) or "-"
        what = " ".join((cls.__doc__ or "").split())
        public = "yes" if cls.public else "no"
        producer = cls.__module__.partition(".")[0]
        lines.append(f"| `{type_}` | {producer} | {public} | {reactions} | {what} |")
    return "\n".join(lines) + "\n"


class Command(BaseCommand):
    help = "Print who reacts to what; --write renews docs/events.md, --check compares with it."

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
                raise CommandError(f"{TARGET} is stale: run `script/manage flows --write`.")
        else:
            self.stdout.write(document())
