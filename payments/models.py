"""Money owed under an SLA. Amounts are unsigned; the direction says who owes whom."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from core import ids
from core.actors import Actor
from core.money import DIGITS, LARGEST, PLACES
from network import queries as network
from network.choices import SiteStatus
from payments.choices import STATUS_OF, TYPE_OF, Attestation, Direction, Kind, State


class PaymentQuerySet(models.QuerySet["Payment"]):
    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the actor's sites; without a site: global scope and the outage's creator."""
        sites = network.visible_sites(actor)
        if sites is None:
            return self
        nowhere = Q(sla_result__site__isnull=True) | Q(
            sla_result__site__status=SiteStatus.UNVERIFIED
        )
        own = nowhere & Q(outage__created_by=actor.id)
        return self.filter(Q(sla_result__site__in=sites) | own)


class Payment(models.Model):
    """One obligation between us and the operator of a site. A trigger refuses deletion."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    outage = models.ForeignKey("outages.Outage", models.PROTECT, related_name="+")
    sla_result = models.ForeignKey(
        "sla.Result",
        models.PROTECT,
        related_name="+",
        db_index=False,  # it is unique
    )
    operator = models.ForeignKey(
        "network.Operator",
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,  # an index begins with it
    )
    direction = models.CharField(max_length=10, choices=Direction)
    kind = models.CharField(max_length=10, choices=Kind)
    amount = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES)
    asset_code = models.CharField(max_length=12)
    asset_issuer = models.CharField(max_length=56, blank=True, default="")
    network = models.CharField(max_length=10)
    state = models.CharField(max_length=16, choices=State)
    reason = models.CharField(max_length=32, blank=True, default="")
    attestation = models.CharField(max_length=14, choices=Attestation)
    requested_by = models.CharField(max_length=64)
    causers = ArrayField(
        models.CharField(max_length=64),
        default=list,
        help_text="Who resolved, edited or recomputed the outage; they may not approve.",
    )
    destination = models.CharField(max_length=56, blank=True, default="")
    memo = models.CharField(max_length=28, blank=True, default="")
    due_on = models.DateField(null=True, blank=True)
    builds = models.PositiveSmallIntegerField(default=0)
    retry_count = models.PositiveSmallIntegerField(default=0)
    last_retried_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    objects = PaymentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sla_result"], name="payments_payment_once_a_result"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lte=LARGEST),
                name="payments_payment_amount_fits_the_ledger",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("blocked", "held", "failed", "cancelled")) & ~Q(reason="")
                | ~Q(state__in=("blocked", "held", "failed", "cancelled")) & Q(reason=""),
                name="payments_payment_reason_says_why",
            ),
            models.CheckConstraint(
                condition=Q(direction="collection", due_on__isnull=False)
                | Q(direction="payout", due_on__isnull=True),
                name="payments_payment_collection_is_due",
            ),
            models.CheckConstraint(
                condition=Q(state="settled", settled_at__isnull=False)
                | Q(~Q(state="settled"), settled_at__isnull=True),
                name="payments_payment_settled_has_time",
            ),
        ]
        indexes = [
            # The sweeper: what rests in a state and is due to be looked at.
            models.Index(fields=["state", "next_attempt_at"], name="payments_payment_due"),
            # The list of one operator, newest first.
            models.Index(fields=["operator", "id"], name="payments_payment_operator"),
            # The list by age and between two dates.
            models.Index(fields=["created_at", "id"], name="payments_payment_created"),
            # The payments of an outage come by the index of its foreign key.
        ]

    def __str__(self) -> str:
        return self.wire_id

    @property
    def wire_id(self) -> str:
        return ids.encode("pay", self.id)

    @property
    def wire_type(self) -> str:
        return TYPE_OF[Direction(self.direction)].value

    @property
    def wire_status(self) -> str:
        return STATUS_OF[State(self.state)].value
