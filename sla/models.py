"""Terms and the results of assessments. Neither is ever edited: a change is a new version."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from core import ids
from core.actors import Actor
from network import queries as network
from network.choices import SiteStatus
from outages.choices import Severity
from sla.choices import (
    Cause,
    MttrSource,
    Outcome,
    PaymentType,
    PolicyState,
    Rating,
    ReasonCode,
    ResultState,
    ScopeKind,
    ThresholdSource,
)
from sla.policy.terms import FACTOR_LIMIT, THRESHOLD_LIMIT, Terms


class Policy(models.Model):
    """One version of the terms of a scope and severity. A trigger refuses edits and deletion."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    scope_kind = models.CharField(max_length=8, choices=ScopeKind)
    operator = models.ForeignKey(
        "network.Operator", models.PROTECT, null=True, blank=True, related_name="+"
    )
    site = models.ForeignKey(
        "network.Site", models.PROTECT, null=True, blank=True, related_name="+"
    )
    severity = models.CharField(max_length=8, choices=Severity)
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=PolicyState)
    inherit = models.BooleanField(default=False)
    threshold_minutes = models.PositiveIntegerField(null=True, blank=True)
    penalty_per_minute = models.PositiveIntegerField(null=True, blank=True)
    reward_base = models.PositiveIntegerField(null=True, blank=True)
    maintenance_notice_hours = models.PositiveSmallIntegerField(default=0)
    effective_at = models.DateTimeField()
    content_hash = models.CharField(max_length=64)
    reason = models.TextField(blank=True, default="")
    proposed_by = models.CharField(max_length=64)
    proposed_at = models.DateTimeField()
    decided_by = models.CharField(max_length=64, blank=True, default="")
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(
                fields=["scope_kind", "operator", "site", "severity", "version"],
                nulls_distinct=False,
                name="sla_policy_version_once",
            ),
            models.CheckConstraint(
                condition=Q(scope_kind="default", operator__isnull=True, site__isnull=True)
                | Q(scope_kind="operator", operator__isnull=False, site__isnull=True)
                | Q(scope_kind="site", operator__isnull=True, site__isnull=False),
                name="sla_policy_scope_names_its_object",
            ),
            models.CheckConstraint(
                condition=Q(
                    ~Q(scope_kind="default"),
                    inherit=True,
                    threshold_minutes__isnull=True,
                    penalty_per_minute__isnull=True,
                    reward_base__isnull=True,
                )
                | Q(
                    inherit=False,
                    threshold_minutes__isnull=False,
                    penalty_per_minute__isnull=False,
                    reward_base__isnull=False,
                    threshold_minutes__range=(0, THRESHOLD_LIMIT),
                    penalty_per_minute__range=(0, FACTOR_LIMIT),
                    reward_base__range=(0, FACTOR_LIMIT),
                ),
                name="sla_policy_inherits_or_has_terms",
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="sla_policy_version_from_one"),
        ]
        indexes = [
            # "In force at": the published versions of a scope, newest first.
            models.Index(
                "severity",
                "scope_kind",
                "operator",
                "site",
                F("effective_at").desc(),
                name="sla_policy_in_force",
                condition=Q(state="published"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.severity} {self.scope_kind} {self.version}"

    @property
    def terms(self) -> Terms:
        """The three numbers. Only a policy that does not inherit has them (CHECK)."""
        if self.threshold_minutes is None:
            raise ValueError(f"policy {self.pk} inherits its terms")
        return Terms(
            threshold_minutes=self.threshold_minutes,
            penalty_per_minute=self.penalty_per_minute or 0,
            reward_base=self.reward_base or 0,
        )

    @property
    def scope(self) -> str:
        """For whom it is: ``default``, ``operator:<code>`` or ``site:<code>``."""
        subject = self.operator or self.site
        return f"{self.scope_kind}:{subject.code}" if subject else self.scope_kind

    @property
    def wire_id(self) -> str:
        return ids.encode("pol", self.id)

    @property
    def wire_version(self) -> str:
        return f"{self.version}.0"


class ResultQuerySet(models.QuerySet["Result"]):
    def current(self) -> Self:
        return self.filter(state=ResultState.CURRENT)

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the actor's sites; without a site: global scope and the outage's creator."""
        sites = network.visible_sites(actor)
        if sites is None:
            return self
        nowhere = Q(site__isnull=True) | Q(site__status=SiteStatus.UNVERIFIED)
        return self.filter(Q(site__in=sites) | nowhere & Q(outage__created_by=actor.id))


class Result(models.Model):
    """What one assessment found. A trigger lets only its state move: current, then superseded."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    outage = models.ForeignKey(
        "outages.Outage",
        models.PROTECT,
        related_name="+",
        db_index=False,  # the unique constraint begins with it
    )
    version = models.PositiveIntegerField(null=True)
    state = models.CharField(max_length=10, choices=ResultState)
    severity = models.CharField(max_length=8, choices=Severity)
    status = models.CharField(max_length=8, choices=Outcome)
    mttr_minutes = models.PositiveBigIntegerField()
    mttr_source = models.CharField(max_length=8, choices=MttrSource)
    # Beside a declared figure: what the outage's own times give, and by how much they differ.
    derived_mttr_minutes = models.PositiveBigIntegerField(null=True)
    mttr_conflict_minutes = models.BigIntegerField(default=0)
    counted_seconds = models.PositiveBigIntegerField()
    excluded_seconds = models.PositiveBigIntegerField(default=0)
    threshold_minutes = models.PositiveIntegerField()
    amount = models.BigIntegerField(help_text="Whole USDC: reward above 0, penalty below.")
    payment_type = models.CharField(max_length=7, choices=PaymentType)
    rating = models.CharField(max_length=11, choices=Rating)
    reason_code = models.CharField(max_length=16, choices=ReasonCode)
    policy = models.ForeignKey(
        Policy,
        models.PROTECT,
        related_name="+",
        db_index=False,  # nobody asks, and a policy is never deleted
    )
    threshold_source = models.CharField(max_length=8, choices=ThresholdSource)
    config_version_hash = models.BigIntegerField(
        help_text="The contract's hash of the four default policies then in force."
    )
    decision_trace = models.TextField()
    inputs = models.TextField(help_text="Canonical JSON (RFC 8785); compute_hash is its SHA-256.")
    compute_hash = models.CharField(max_length=64)
    cause = models.CharField(max_length=19, choices=Cause)
    caused_by = models.CharField(max_length=64)
    occurred_at = models.DateTimeField()
    assessed_at = models.DateTimeField()
    current_from = models.DateTimeField(null=True)
    superseded_at = models.DateTimeField(null=True)
    # Copies, so that a scope filter needs no join and a site that changes hands takes no old debt.
    # An index begins with each.
    site = models.ForeignKey(
        "network.Site", models.PROTECT, null=True, related_name="+", db_index=False
    )
    region = models.ForeignKey(
        "network.Region", models.PROTECT, null=True, related_name="+", db_index=False
    )
    operator = models.ForeignKey(
        "network.Operator", models.PROTECT, null=True, related_name="+", db_index=False
    )

    objects = ResultQuerySet.as_manager()

    class Meta:
        verbose_name = "SLA result"
        constraints = [
            models.UniqueConstraint(fields=["outage", "version"], name="sla_result_version_once"),
            models.UniqueConstraint(
                fields=["outage"], condition=Q(state="current"), name="sla_result_one_current"
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=("current", "superseded"),
                    version__isnull=False,
                    current_from__isnull=False,
                )
                | Q(
                    state__in=("proposed", "discarded"),
                    version__isnull=True,
                    current_from__isnull=True,
                ),
                name="sla_result_counted_has_version",
            ),
            models.CheckConstraint(
                condition=Q(state="superseded", superseded_at__isnull=False)
                | Q(~Q(state="superseded"), superseded_at__isnull=True),
                name="sla_result_superseded_has_time",
            ),
            models.CheckConstraint(
                condition=Q(amount__lte=0) | Q(status="met"), name="sla_result_reward_only_if_met"
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=0) | Q(status="violated"),
                name="sla_result_penalty_only_if_violated",
            ),
            models.CheckConstraint(
                condition=Q(version__gte=1) | Q(version__isnull=True),
                name="sla_result_version_from_one",
            ),
        ]
        indexes = [
            # Lists and analytics narrowed to a place, a counterparty or a severity, by time. The
            # first three with all versions: lists show superseded ones, and network asks what
            # refers to a row before it deletes one.
            models.Index(fields=["site", "occurred_at"], name="sla_result_by_site"),
            models.Index(fields=["region", "occurred_at"], name="sla_result_by_region"),
            models.Index(fields=["operator", "occurred_at"], name="sla_result_by_operator"),
            models.Index(
                fields=["severity", "occurred_at"],
                include=["mttr_minutes"],
                name="sla_result_by_severity",
                condition=Q(state="current"),
            ),
            # GET /outages/violations and GET /sla/results: the newest first, of all places.
            models.Index(
                fields=["occurred_at", "id"],
                name="sla_result_by_time",
                condition=Q(state="current"),
            ),
        ]

    def __str__(self) -> str:
        return self.wire_id

    @property
    def wire_id(self) -> str:
        return ids.encode("slr", self.id)
