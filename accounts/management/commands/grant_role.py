"""``manage.py grant_role WHO ROLE``: a role for a person or team, everywhere or in one place."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import queries, services
from accounts.choices import Role, ScopeKind
from core.actors import system
from core.errors import DomainError


class Command(BaseCommand):
    help = "Give a person or team a role, instead of the one held in that place."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("who", help="e-mail, usr_..., tem_... or a team's name")
        parser.add_argument("role", choices=Role.values)
        parser.add_argument("--region", help="only there and below: reg_...")
        parser.add_argument("--site", help="only there: site_...")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["region"] and options["site"]:
            raise CommandError("Name a region or a site, not both.")
        person, team = queries.user(options["who"]), None
        if person is None:
            team = queries.team(options["who"])
        holder = person or team
        if holder is None:
            raise CommandError(f"Nobody is called {options['who']}.")
        kind = ScopeKind.GLOBAL
        if options["region"] or options["site"]:
            kind = ScopeKind.REGION if options["region"] else ScopeKind.SITE
        try:
            grant = (services.grant_team_role if team else services.grant_role)(
                holder.id,
                options["role"],
                scope_kind=kind,
                scope_id=options["region"] or options["site"],
                reason=options["reason"],
                actor=system("accounts"),
                at=timezone.now(),
            )
        except DomainError as error:
            raise CommandError(error.detail) from None
        called = team.name if team else options["who"]
        self.stdout.write(f"{called}: {grant} ({grant.wire_id})")
