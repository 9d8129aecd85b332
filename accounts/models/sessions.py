"""Sign-ins."""

from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts import policy
from accounts.choices import Method, SessionKind, SessionState
from core.ids import encode, uuid7


class SessionQuerySet(models.QuerySet["Session"]):
    def live(self, at: datetime) -> Self:
        return self.filter(state=SessionState.LIVE, expires_at__gt=at, ends_at__gt=at)


class Session(models.Model):
    """One sign-in and the family of its tokens. A token only names it; the row decides."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey("accounts.User", models.PROTECT, related_name="sessions")
    kind = models.CharField(max_length=13, choices=SessionKind)
    state = models.CharField(max_length=7, choices=SessionState)
    generation = models.PositiveIntegerField(default=0)
    rotated_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=512, blank=True, default="")
    methods = ArrayField(models.CharField(max_length=6, choices=Method), default=list)
    mfa_at = models.DateTimeField(null=True)
    reauthenticated_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    impersonator = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    # The administrator's own session: an impersonation ends with it.
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, related_name="impersonations", db_index=False
    )
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_reason = models.CharField(max_length=64, blank=True, default="")

    objects = SessionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="revoked", revoked_at__isnull=False)
                | Q(state__in=("pending", "live"), revoked_at__isnull=True),
                name="accounts_session_revoked_has_time",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__lte=F("ends_at")), name="accounts_session_ends_in_order"
            ),
            models.CheckConstraint(
                condition=Q(kind="impersonation", impersonator__isnull=False, parent__isnull=False)
                | (~Q(kind="impersonation") & Q(impersonator__isnull=True, parent__isnull=True)),
                name="accounts_session_impersonator_named",
            ),
        ]
        indexes = [
            # The purge of sessions that ended long ago.
            models.Index(fields=["ends_at"], name="accounts_session_ends"),
            # What ends with an administrator's session.
            models.Index(
                fields=["parent"],
                name="accounts_session_parent",
                condition=Q(parent__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} session {self.wire_id}"

    @property
    def wire_id(self) -> str:
        return encode(policy.SESSION, self.id)
