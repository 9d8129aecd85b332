"""``manage.py unlock EMAIL``: let somebody try again after too many wrong passwords or codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts import services
from core.actors import system


class Command(BaseCommand):
    help = "Forget the wrong passwords and codes counted for an e-mail, from every address."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        had_failed = services.unlock_sign_in(
            options["email"],
            actor=system("accounts"),
            at=timezone.now(),
            reason=options["reason"],
        )
        told = "may try again" if had_failed else "was not locked"
        self.stdout.write(f"{options['email']} {told}.")
