"""Regions, the counterparties, and the sites where outages happen."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Upper

from core.ids import encode, uuid7
from network import policy
from network.choices import OperatorKind, OperatorStatus, SiteKind, SiteStatus


class Region(models.Model):
    """A place that holds sites and other regions."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    code = models.CharField(max_length=64)
    name = models.CharField(max_length=120)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children"
    )
    # Unique with an index for prefixes: a subtree is one range of it.
    path = models.CharField(max_length=390, unique=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("code"), name="network_region_code_once"),
            models.CheckConstraint(
                condition=Q(path__regex=f"^({policy.CODE}/){{1,{policy.DEEPEST}}}$"),
                name="network_region_path_form",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def wire_id(self) -> str:
        return encode(policy.REGION, self.id)


class Operator(models.Model):
    """The counterparty of an SLA: the company that owes us service, or to whom we owe it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    code = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=13, choices=OperatorKind, default=OperatorKind.CARRIER)
    status = models.CharField(max_length=8, choices=OperatorStatus, default=OperatorStatus.ACTIVE)
    country = models.CharField(max_length=2, null=True, blank=True)  # noqa: DJ001 - null: unknown
    contact_email = models.EmailField(max_length=254, null=True, blank=True)  # noqa: DJ001
    external_ref = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("code"), name="network_operator_code_once"),
            models.CheckConstraint(
                condition=Q(code__regex=f"^{policy.CODE}$"), name="network_operator_code_form"
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def wire_id(self) -> str:
        return encode(policy.OPERATOR, self.id)


class Site(models.Model):
    """A place with equipment. An unverified one was named by somebody and awaits a look."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    code = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=14, choices=SiteKind, default=SiteKind.OTHER)
    status = models.CharField(max_length=15, choices=SiteStatus, default=SiteStatus.ACTIVE)
    region = models.ForeignKey(Region, models.PROTECT, null=True, blank=True, related_name="sites")
    operator = models.ForeignKey(
        Operator, models.PROTECT, null=True, blank=True, related_name="sites"
    )
    country = models.CharField(max_length=2, null=True, blank=True)  # noqa: DJ001 - null: unknown
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    timezone = models.CharField(max_length=64, default="UTC")
    criticality = models.PositiveSmallIntegerField(default=3)
    external_ref = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    # The site that this one really is; always the last of a chain of merges.
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="aliases"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("code"), name="network_site_code_once"),
            models.CheckConstraint(
                condition=Q(code__regex=f"^{policy.CODE}$"), name="network_site_code_form"
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | Q(status="retired"),
                name="network_site_merged_is_retired",
            ),
            models.CheckConstraint(
                # A comparison with null is no refusal: both ends say that they are there.
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__range=(-180, 180),
                ),
                name="network_site_location_whole",
            ),
            models.CheckConstraint(
                condition=Q(criticality__range=(1, 4)), name="network_site_criticality_range"
            ),
        ]
        indexes = [
            # The list, and its cursor.
            models.Index(fields=["code", "id"], name="network_site_code"),
            # What waits to be verified.
            models.Index(
                fields=["code"],
                name="network_site_unverified",
                condition=Q(status="unverified"),
            ),
            # "q": words within code or name.
            GinIndex(OpClass(Upper("code"), name="gin_trgm_ops"), name="network_site_code_trgm"),
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="network_site_name_trgm"),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def wire_id(self) -> str:
        return encode(policy.SITE, self.id)
