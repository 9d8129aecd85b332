"""The kernel's tables: the event outbox with its deliveries, and idempotency keys."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from core.ids import uuid7


class EventRow(models.Model):
    """A fact that committed with the change it tells of."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    type = models.CharField(max_length=64)
    subject = models.CharField(max_length=64, blank=True, default="")
    payload = models.TextField()  # JSON of the frozen dataclass
    correlation_id = models.CharField(max_length=64)
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "event"
        db_table = "core_event"
        indexes = [
            # What happened to this object, newest first.
            models.Index(fields=["subject", "id"], name="core_event_subject")
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class ReactionRow(models.Model):
    """An event owed to one reaction: done once, in the transaction of what the reaction did."""

    class Status(models.TextChoices):
        DUE = "due", "Due"
        DONE = "done", "Done"
        PARKED = "parked", "Parked"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    event = models.ForeignKey(
        EventRow,
        on_delete=models.PROTECT,
        related_name="reactions",
        db_index=False,  # the unique constraint begins with it
    )
    reaction = models.CharField(max_length=100)
    status = models.CharField(max_length=6, choices=Status, default=Status.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True, default="")
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "event delivery"
        verbose_name_plural = "event deliveries"
        db_table = "core_reaction"
        constraints = [
            models.UniqueConstraint(fields=["event", "reaction"], name="core_reaction_once"),
            models.CheckConstraint(
                condition=Q(status="done", done_at__isnull=False)
                | Q(~Q(status="done"), done_at__isnull=True),
                name="core_reaction_done_has_time",
            ),
            models.CheckConstraint(
                condition=Q(status="due", next_attempt_at__isnull=False)
                | Q(~Q(status="due"), next_attempt_at__isnull=True),
                name="core_reaction_due_has_next",
            ),
        ]
        indexes = [
            # The sweeper: what is due, oldest first.
            models.Index(
                fields=["next_attempt_at", "id"],
                name="core_reaction_due",
                condition=Q(status="due"),
            ),
            # The admin and the readiness page: what waits for a person.
            models.Index(fields=["id"], name="core_reaction_parked", condition=Q(status="parked")),
        ]

    def __str__(self) -> str:
        return f"{self.reaction} of {self.event_id}"


class IdempotencyKey(models.Model):
    """One use of an Idempotency-Key; commits with the work it stands for."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    actor_id = models.CharField(max_length=64)
    method = models.CharField(max_length=7)
    path = models.CharField(max_length=500)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    location = models.CharField(max_length=500, blank=True, default="")
    subject = models.CharField(max_length=500, blank=True, default="")
    body = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["actor_id", "method", "path", "key"], name="core_idempotency_key_once"
            )
        ]
        indexes = [
            # The daily purge.
            models.Index(fields=["created_at"], name="core_idempotency_created")
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"
