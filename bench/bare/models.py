"""The columns of an outage, without anything that thinks about them."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.ids import uuid7


class _Outage(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7)
    reference = models.CharField(max_length=64)
    site_id = models.UUIDField(null=True)
    site_code = models.CharField(max_length=64, null=True)  # noqa: DJ001 - as the table has it
    site_name = models.CharField(max_length=255)
    severity = models.CharField(max_length=8)
    status = models.CharField(max_length=8, default="open")
    cause = models.CharField(max_length=11, default="unknown")
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
    assignee_id = models.UUIDField(null=True)
    source = models.CharField(max_length=7, default="person")
    import_job = models.UUIDField(null=True)
    settlement = models.CharField(max_length=6, default="normal")
    birth_key = models.CharField(max_length=64)
    reopened_count = models.PositiveSmallIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.reference


class Inserted(_Outage):
    """A table like the product's, with all its indexes and checks."""

    class Meta:
        managed = False
        db_table = "bench_outage"


class Listed(_Outage):
    """The product's own table."""

    SHOWN: ClassVar[tuple[str, ...]] = (
        "reference", "site_name", "site_code", "severity", "status", "cause", "detected_at",
        "resolved_at", "declared_mttr_minutes", "description", "affected_services",
        "affected_subscribers", "assigned_to", "assignee_id", "created_by", "latitude",
        "longitude", "root_cause", "resolution_notes", "source", "settlement", "import_job",
        "version", "reopened_count", "created_at", "updated_at",
    )  # fmt: skip

    class Meta:
        managed = False
        db_table = "outages_outage"


class Person(models.Model):
    """As much of a person as GET /auth/me shows."""

    id = models.UUIDField(primary_key=True)
    email = models.CharField(max_length=254, null=True)  # noqa: DJ001 - as the table has it
    full_name = models.CharField(max_length=255)
    stellar_wallet = models.CharField(max_length=56, null=True)  # noqa: DJ001
    created_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "accounts_user"

    def __str__(self) -> str:
        return self.full_name
