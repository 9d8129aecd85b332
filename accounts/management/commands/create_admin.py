"""``manage.py create_admin EMAIL``: the first administrator, or one more."""

from getpass import getpass
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import services
from accounts.choices import Role
from core.actors import system
from core.errors import DomainError


class Command(BaseCommand):
    help = "Make an administrator. Asks for the password, or takes NOCIQ_ADMIN_PASSWORD."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", help="full name; else the part before the @")

    def handle(self, *args: Any, **options: Any) -> None:
        password = settings.NOCIQ_ADMIN_PASSWORD or self._asked()
        try:
            user = services.create_user(
                email=options["email"],
                password=password,
                full_name=options["name"],
                role=Role.ADMIN,
                actor=system("accounts"),
                at=timezone.now(),
            )
        except DomainError as error:
            raise CommandError(error.detail) from None
        self.stdout.write(f"{user.email} is an administrator ({user.wire_id}).")

    @staticmethod
    def _asked() -> str:
        try:
            password = getpass("Password: ")
            again = getpass("Once more: ")
        except (EOFError, KeyboardInterrupt):
            raise CommandError("No password was given.") from None
        if password != again:
            raise CommandError("The two passwords differ.")
        return password
