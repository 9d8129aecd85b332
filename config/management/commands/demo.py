"""``manage.py demo``: real outages, people, sites, an operator and a webhook to look around."""

import io
import secrets
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count, Q, Sum
from django.utils import timezone
from tqdm import tqdm

from accounts import queries as accounts
from accounts import services as access
from config import sample
from core import events, outbox
from core.actors import Actor, system
from jobs import services as jobs
from network import policy as forms
from network import queries as network_queries
from network import services as network
from outages import queries as outage_queries
from outages import services as outages
from outages.choices import Settlement
from payments import queries as payments
from sla import queries as sla
from webhooks import queries as webhook_queries
from webhooks import services as webhooks

PEOPLE = {"manager@example.com": "manager", "viewer@example.com": "viewer"}
REGION, OPERATOR = "cloud", "gcp"
SUBSCRIPTION = "Sample receiver"
SUBSCRIBED = ["outage.*", "sla.*", "payment.*"]


class Command(BaseCommand):
    help = "Load the sample history. Running it again changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.ENVIRONMENT == "production":
            raise CommandError("This is production: the sample history stays out of it.")
        now = timezone.now()
        history = sample.read(now)
        self._people(now)
        self._places(history, now)
        self._history(history, now)
        self._subscription(now)
        self._settle()
        self._figures()

    def _people(self, now: datetime) -> None:
        for email, role in PEOPLE.items():
            if accounts.user(email) is None:
                password = secrets.token_urlsafe(15)
                access.create_user(
                    email=email, password=password, role=role, actor=system("config"), at=now
                )
                self.stdout.write(f"{role:9} {email}  password: {password}")

    def _places(self, history: sample.Sample, now: datetime) -> None:
        actor = system("config")
        if network_queries.region(REGION) is None:
            new = forms.NewRegion(code=REGION, name="Public cloud")
            network.create_region(new, actor=actor, at=now)
        if network_queries.operator(OPERATOR) is None:
            owner = forms.NewOperator(code=OPERATOR, name="Google Cloud Platform")
            network.create_operator(owner, actor=actor, at=now)
        known = network_queries.resolve_sites(history.sites)
        for code, name in history.sites.items():
            if code.lower() not in known:
                site = forms.NewSite(
                    code=code, name=name, kind="data_centre", region=REGION, operator=OPERATOR
                )
                network.create_site(site, actor=actor, at=now)

    def _history(self, history: sample.Sample, now: datetime) -> None:
        try:
            outage_queries.get_outage(history.first_reference)
        except outage_queries.OutageNotFound:
            pass
        else:
            self.stdout.write("The sample outages are there already.")
            return
        with tqdm(total=history.rows, desc="Outages", unit=" rows") as bar:
            upload = jobs.receive(io.BytesIO(history.content), history.name, "text/csv")
            outages.load_outages(
                upload, settlement=Settlement.NORMAL, actor=self._importer(), at=now
            )
            bar.update(history.rows)

    @staticmethod
    def _importer() -> Actor:
        """The demo's engineer, so that the history has an author; else the product itself."""
        engineer = get_user_model().objects.filter(email=settings.NOCIQ_ENGINEER_EMAIL).first()
        return accounts.actor_of(engineer) if engineer else system("config")

    def _subscription(self, now: datetime) -> None:
        url, secret = settings.DEMO_WEBHOOK_URL, settings.DEMO_WEBHOOK_SECRET
        if not url or webhook_queries.subscriptions().filter(url=url).exists():
            return
        terms = webhooks.Terms(
            name=SUBSCRIPTION, url=url, patterns=SUBSCRIBED, secret=secret, concurrency=50
        )
        webhooks.create_subscription(terms, actor=system("config"), at=now)

    def _settle(self) -> None:
        """Run every reaction that is owed, so that the figures are whole when the pages open."""
        later = timezone.now() + events.FIRST_SWEEP_AFTER
        with tqdm(desc="Reactions", unit=" done") as bar:
            while True:
                bar.total = bar.n + outbox.count_due(later)
                if not (done := events.sweep(limit=200, at=later)):
                    break
                bar.update(done)
                later = timezone.now() + events.FIRST_SWEEP_AFTER

    def _figures(self) -> None:
        actor = system("config")
        lost = outage_queries.open_by_severity(actor)
        resolved = outage_queries.count_resolved(actor)
        figures = sla.results(actor, sla.ResultFilters()).aggregate(
            violated=Count("id", filter=Q(status="violated")),
            rewards=Sum("amount", filter=Q(amount__gt=0), default=0),
            penalties=Sum("amount", filter=Q(amount__lt=0), default=0),
        )
        owed = payments.payments(actor, payments.PaymentFilters()).count()
        self.stdout.write(
            f"{sum(lost.values()) + resolved} outages: {sum(lost.values())} open, "
            f"{resolved} resolved, {figures['violated']} of them violated their SLA.\n"
            f"Rewards {figures['rewards']:,} USDC, penalties {-figures['penalties']:,} USDC, "
            f"in {owed} payments."
        )
