"""The log: one append-only table whose stored text is the entry; columns are generated from it."""

from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, JSONField, Q, TextField
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast
from django.db.models.lookups import IsNull

from core.ids import encode


class Xid8Field(models.Field):  # type: ignore[type-arg]
    """A 64-bit transaction id."""

    def db_type(self, connection: Any) -> str:
        return "xid8"


class PlainJsonField(JSONField):
    """JSON that is read through, not built: with ``jsonb`` an insert took a third longer."""

    def db_type(self, connection: Any) -> str:
        return "json"


def _text(*path: str) -> Any:
    """A text column that PostgreSQL itself takes out of the body: it can never disagree with it."""
    expression: Any = Cast("body", PlainJsonField())
    for step in path[:-1]:
        expression = KeyTransform(step, expression)
    return models.GeneratedField(
        expression=KeyTextTransform(path[-1], expression),
        output_field=TextField(),
        db_persist=True,
    )


class Entry(models.Model):
    """Who did what to which thing, when, and why. Triggers refuse UPDATE, DELETE and TRUNCATE."""

    id = models.UUIDField(primary_key=True, editable=False)
    body = models.TextField()  # canonical JSON, audit/services.py
    at = _text("at")
    recorded_at = _text("recorded_at")
    action = _text("action")
    actor_kind = _text("actor", "kind")
    actor_id = _text("actor", "id")
    subject_kind = _text("subject", "kind")
    subject_id = _text("subject", "id")
    correlation_id = _text("correlation_id")
    source = _text("source")
    links = models.GeneratedField(
        expression=Cast(KeyTransform("links", Cast("body", PlainJsonField())), JSONField()),
        output_field=JSONField(),
        db_persist=True,
    )
    # The writing transaction, set by a trigger: gives the sealer a cut without gaps.
    tx = Xid8Field(db_default=Func(function="pg_current_xact_id"), editable=False)

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.CheckConstraint(
                # Without the first half a body with no id would pass: NULL is not false.
                condition=Q(
                    IsNull(KeyTextTransform("id", Cast(F("body"), PlainJsonField())), False),
                    id=Cast(
                        KeyTextTransform("id", Cast(F("body"), PlainJsonField())),
                        models.UUIDField(),
                    ),
                ),
                name="audit_entry_body_has_id",
            )
        ]
        indexes = [
            models.Index(fields=["at", "id"], name="audit_entry_at"),  # the list
            models.Index(fields=["action", "at", "id"], name="audit_entry_action"),
            models.Index(fields=["actor_id", "at", "id"], name="audit_entry_actor"),
            models.Index(fields=["subject_id", "at", "id"], name="audit_entry_subject"),
            models.Index(fields=["correlation_id"], name="audit_entry_correlation"),
            models.Index(fields=["tx", "id"], name="audit_entry_tx"),  # the sealer's cut
            # Timelines, and whose hand was in a payment, asked with every one: a list of pending
            # entries made that question seven times as dear, and entries no cheaper.
            GinIndex(fields=["links"], name="audit_entry_links", fastupdate=False),
        ]

    def __str__(self) -> str:
        return f"{self.action} {encode('aud', self.id)}"
