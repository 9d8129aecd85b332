"""The outage and its lives. Nothing about an outage is overwritten without trace."""

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Concat, Lower, Now, Upper

from core.actors import Actor
from core.ids import uuid7
from network import queries as network
from network.choices import SiteStatus
from outages.choices import WEIGHT, Cause, Settlement, Severity, Source, Status

MOST_WORDS = 5
TRIGRAM = 3  # a shorter word has no trigram; it is read as a prefix


class OutageQuerySet(models.QuerySet["Outage"]):
    def live(self) -> Self:
        return self.filter(deleted_at__isnull=True)

    def visible_to(self, actor: Actor) -> Self:
        """The outages of the actor's sites; where none is verified: all, or the creator's own."""
        sites = network.visible_sites(actor)
        if sites is None:
            return self
        nowhere = Q(site__isnull=True) | Q(site__status=SiteStatus.UNVERIFIED)
        return self.filter(Q(site__in=sites) | nowhere & Q(created_by=actor.id))

    def search(self, text: str) -> Self:
        """Every word must occur; ``%``, ``_`` and ``\\`` mean themselves."""
        rows = self
        for word in text.lower().split()[:MOST_WORDS]:
            if len(word) >= TRIGRAM:
                rows = rows.filter(search_text__contains=word)
            else:
                rows = rows.filter(
                    Q(reference__istartswith=word)
                    | Q(site_code__istartswith=word)
                    | Q(site_name__istartswith=word)
                )
        return rows


class Outage(models.Model):
    """A loss of service at a place, from its detection to its restoration."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    reference = models.CharField(max_length=64)
    site = models.ForeignKey(
        "network.Site",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # outages_outage_site begins with it
    )
    site_code = models.CharField(max_length=64, null=True)  # noqa: DJ001 - null: none was given
    site_name = models.CharField(max_length=255)
    severity = models.CharField(max_length=8, choices=Severity)
    severity_weight = models.GeneratedField(
        expression=Case(
            *(When(severity=word, then=Value(weight)) for word, weight in WEIGHT.items())
        ),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )
    status = models.CharField(max_length=8, choices=Status, default=Status.OPEN)
    cause = models.CharField(max_length=11, choices=Cause, default=Cause.UNKNOWN)
    detected_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    declared_mttr_minutes = models.BigIntegerField(null=True)
    description = models.TextField()
    root_cause = models.TextField(null=True)  # noqa: DJ001
    resolution_notes = models.TextField(null=True)  # noqa: DJ001
    affected_services = ArrayField(models.CharField(max_length=255), default=list)
    affected_subscribers = models.IntegerField(null=True)
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True)
    assigned_to = models.CharField(max_length=255, null=True)  # noqa: DJ001
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    source = models.CharField(max_length=7, choices=Source, default=Source.PERSON)
    import_job = models.UUIDField(null=True)
    settlement = models.CharField(max_length=6, choices=Settlement, default=Settlement.NORMAL)
    birth_key = models.CharField(max_length=64)
    reopened_count = models.PositiveSmallIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    search_text = models.GeneratedField(
        expression=Lower(
            Concat(
                F("reference"),
                Value(" "),
                Coalesce(F("site_code"), Value("")),
                Value(" "),
                F("site_name"),
            )
        ),
        output_field=models.TextField(),
        db_persist=True,
    )
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)
    deleted_by = models.CharField(max_length=64, null=True)  # noqa: DJ001
    delete_reason = models.CharField(max_length=500, null=True)  # noqa: DJ001

    objects = OutageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Upper("reference"), name="outages_outage_reference"),
            models.UniqueConstraint(
                fields=["birth_key"],
                name="outages_outage_birth_key",
                condition=Q(deleted_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=Q(status="resolved", resolved_at__isnull=False)
                | Q(status="open", resolved_at__isnull=True),
                name="outages_outage_resolved_has_time",
            ),
            models.CheckConstraint(
                condition=Q(resolved_at__isnull=True) | Q(resolved_at__gte=F("detected_at")),
                name="outages_outage_resolved_after_detected",
            ),
            models.CheckConstraint(
                condition=Q(declared_mttr_minutes__isnull=True)
                | Q(status="resolved", declared_mttr_minutes__range=(0, 4294967295)),
                name="outages_outage_declared_only_resolved",
            ),
            models.CheckConstraint(
                condition=Q(deleted_at__isnull=True, delete_reason__isnull=True)
                | Q(deleted_at__isnull=False, delete_reason__isnull=False),
                name="outages_outage_deleted_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(
                    latitude__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__isnull=False,
                    longitude__range=(-180, 180),
                ),
                name="outages_outage_location_whole",
            ),
        ]
        indexes = [
            # The default list, and its cursor.
            models.Index(
                fields=["detected_at", "id"],
                name="outages_outage_detected",
                condition=Q(deleted_at__isnull=True),
            ),
            # "Open ones" and "resolved ones".
            models.Index(
                fields=["status", "detected_at", "id"],
                name="outages_outage_status",
                condition=Q(deleted_at__isnull=True),
            ),
            # The list by severity.
            models.Index(
                fields=["severity_weight", "id"],
                name="outages_outage_severity",
                condition=Q(deleted_at__isnull=True),
            ),
            models.Index(fields=["site", "detected_at"], name="outages_outage_site"),
            # open_outages_at(site).
            models.Index(
                fields=["site"],
                name="outages_outage_open_at_site",
                condition=Q(status="open", deleted_at__isnull=True),
            ),
            models.Index(fields=["updated_at", "id"], name="outages_outage_updated"),  # sync
            GinIndex(
                fields=["search_text"], opclasses=["gin_trgm_ops"], name="outages_outage_search"
            ),
            GinIndex(fields=["affected_services"], name="outages_outage_services"),
            models.Index(fields=["import_job"], name="outages_outage_import"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def deleted(self) -> bool:
        return self.deleted_at is not None


class OutageLife(models.Model):
    """One resolution of an outage, kept when it is reopened."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    outage = models.ForeignKey(
        Outage,
        on_delete=models.PROTECT,
        related_name="lives",
        db_index=False,  # the unique constraint begins with it
    )
    n = models.PositiveSmallIntegerField()
    resolved_at = models.DateTimeField()
    resolved_by = models.CharField(max_length=64)
    declared_mttr_minutes = models.BigIntegerField(null=True)
    reopened_at = models.DateTimeField(null=True)
    reopened_by = models.CharField(max_length=64, null=True)  # noqa: DJ001
    reason = models.CharField(max_length=500, null=True)  # noqa: DJ001
    restored_between = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "outage lives"
        constraints = [
            models.UniqueConstraint(fields=["outage", "n"], name="outages_life_once"),
            models.CheckConstraint(
                condition=Q(reopened_at__isnull=True, reopened_by__isnull=True)
                | Q(reopened_at__isnull=False, reopened_by__isnull=False),
                name="outages_life_reopened_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outage_id} life {self.n}"
