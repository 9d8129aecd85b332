"""``manage.py bootstrap``: the two accounts that the demo starts with."""

import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import queries, services
from accounts.choices import Role
from core.actors import system
from core.errors import DomainError


class Command(BaseCommand):
    help = (
        "Make the administrator and the engineer of NOCIQ_ADMIN_* and NOCIQ_ENGINEER_*. "
        "A password that is not set is made up and printed, once. Accounts that exist stay."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self._ensure(settings.NOCIQ_ADMIN_EMAIL, settings.NOCIQ_ADMIN_PASSWORD, Role.ADMIN)
        self._ensure(settings.NOCIQ_ENGINEER_EMAIL, settings.NOCIQ_ENGINEER_PASSWORD, Role.ENGINEER)

    def _ensure(self, email: str, given: str | None, role: Role) -> None:
        if queries.user(email) is not None:
            self.stdout.write(f"{role.value:9} {email}  exists; its password stays as it is")
            return
        password = given or secrets.token_urlsafe(15)
        try:
            services.create_user(
                email=email,
                password=password,
                role=role,
                actor=system("accounts"),
                at=timezone.now(),
            )
        except services.EmailTaken:
            return  # another start made it in the same moment
        except DomainError as error:
            raise CommandError(f"{email}: {error.detail}") from None
        shown = "as set in the environment" if given else password
        self.stdout.write(f"{role.value:9} {email}  password: {shown}")
