"""Roles in places, and the groups of an identity provider that give them."""

from datetime import datetime
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import Q

from accounts import policy
from accounts.choices import GrantSource, Role, ScopeKind
from core.ids import encode, uuid7


class GrantQuerySet(models.QuerySet["Grant"]):
    def live(self, at: datetime) -> Self:
        return self.filter(
            Q(valid_until__isnull=True) | Q(valid_until__gt=at),
            ended_at__isnull=True,
            valid_from__lte=at,
        )

    def held_by(self, user_id: UUID) -> Self:
        """The grants of a person and of the teams they are in."""
        return self.filter(Q(user_id=user_id) | Q(team__memberships__user_id=user_id))


class Grant(models.Model):
    """A role in a place, for a time. Never deleted: ended."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Exactly one of the two holds it.
    user = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="grants")
    team = models.ForeignKey("accounts.Team", models.PROTECT, null=True, related_name="grants")
    role = models.CharField(max_length=8, choices=Role)
    scope_kind = models.CharField(max_length=6, choices=ScopeKind)
    # The wire id of a region or site, as text: accounts lie below the network.
    scope_id = models.CharField(max_length=64, null=True)  # noqa: DJ001 - null: everywhere
    source = models.CharField(max_length=6, choices=GrantSource, default=GrantSource.MANUAL)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True)
    granted_by = models.CharField(max_length=64)
    reason = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=64, null=True)  # noqa: DJ001 - null: not ended

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "team", "scope_kind", "scope_id", "source"],
                condition=Q(ended_at__isnull=True),
                nulls_distinct=False,
                name="accounts_grant_live_once",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=True) ^ Q(team__isnull=True),
                name="accounts_grant_one_holder",
            ),
            models.CheckConstraint(
                condition=Q(scope_kind="global", scope_id__isnull=True)
                | Q(scope_kind__in=("region", "site"), scope_id__isnull=False),
                name="accounts_grant_scope_named",
            ),
            models.CheckConstraint(
                condition=~Q(role="admin") | Q(scope_kind="global"),
                name="accounts_grant_admin_global",
            ),
            models.CheckConstraint(
                condition=~Q(role="admin") | Q(team__isnull=True),
                name="accounts_grant_admin_is_a_person",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="accounts_grant_ended_by_somebody",
            ),
        ]
        indexes = [
            # Who holds something on this region or site.
            models.Index(
                fields=["scope_kind", "scope_id"],
                name="accounts_grant_scope",
                condition=Q(ended_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.scope_kind} {self.scope_id or ''}".strip()

    @property
    def wire_id(self) -> str:
        return encode(policy.GRANT, self.id)


class GroupMapping(models.Model):
    """What membership in a group of the identity provider gives."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.CharField(max_length=64)
    claim_value = models.CharField(max_length=255)
    role = models.CharField(max_length=8, choices=Role)
    scope_kind = models.CharField(max_length=6, choices=ScopeKind)
    scope_id = models.CharField(max_length=64, null=True)  # noqa: DJ001 - null: everywhere
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "claim_value", "scope_kind", "scope_id"],
                nulls_distinct=False,
                name="accounts_groupmapping_once",
            ),
            models.CheckConstraint(
                condition=Q(scope_kind="global", scope_id__isnull=True)
                | Q(scope_kind__in=("region", "site"), scope_id__isnull=False),
                name="accounts_groupmapping_scope_named",
            ),
            models.CheckConstraint(
                condition=~Q(role="admin") | Q(scope_kind="global"),
                name="accounts_groupmapping_admin_global",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.claim_value}: {self.role} {self.scope_id or 'everywhere'}"

    @property
    def wire_id(self) -> str:
        return encode(policy.GROUP_MAPPING, self.id)
