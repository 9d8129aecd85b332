"""``manage.py permissions``: who may do what. ``docs/permissions.md`` is its output."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.permissions import INNER, RIGHTS, Right
from core.actors import ROLES, reaches

TARGET = Path("docs/permissions.md")
WHERE = {
    "here": "at its place",
    "region": "in its region",
    "everywhere": "everywhere",
    "anywhere": "anywhere; narrowed to own places",
    "own": "none: one's own account",
}


def document() -> str:
    """The matrix as Markdown."""
    lines = [
        "# Permissions",
        "",
        "Made from `config/permissions.py` by `manage.py permissions`; `tests/permissions` tries",
        "every row with every role in every place, and with keys.",
        "",
        "A role is held everywhere, in a region with all below it, or at one site. The last",
        "columns say who may: Viewer, Operator, Engineer, Manager, Administrator. An API key gives",
        "what its owner may, cut down to its scopes; with a dash no key may. **Fresh**: it takes a",
        "sign-in, password or code within 15 minutes. **In person**: nobody does it in the name of",
        "somebody else.",
        "",
        "| verb | case | role held | key | V | O | E | M | A | fresh | in person |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *(_row(right) for right in RIGHTS),
        "",
        "## Verbs that nobody asks for",
        "",
        "| verb | called by |",
        "|---|---|",
        *(f"| `{verb}` | {caller} |" for verb, caller in INNER.items()),
    ]
    return "\n".join(lines) + "\n"


def _row(right: Right) -> str:
    may = (right.where == "own" or reaches(role, right.least) for role in ROLES)
    marks = ["x" if each else "" for each in (*may, right.fresh, right.oneself)]
    key = f"`{right.key}`" if right.key else "-"
    cells = (f"`{right.verb}`", right.when, WHERE[right.where], key, *marks)
    return f"| {' | '.join(cells)} |"


class Command(BaseCommand):
    help = "Print who may do what; --write renews docs/permissions.md, --check compares with it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true")
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        target = settings.BASE_DIR / TARGET
        if options["write"]:
            target.write_text(document())
        elif options["check"]:
            if not target.exists() or target.read_text() != document():
                raise CommandError(f"{TARGET} is stale: run `script/manage permissions --write`.")
        else:
            self.stdout.write(document())
