"""People, what they may do where, and their sessions."""

from datetime import datetime
from typing import Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.functional import cached_property

from accounts import policy
from accounts.choices import (
    GrantSource,
    Method,
    Role,
    ScopeKind,
    SessionKind,
    SessionState,
    UserKind,
    UserStatus,
)
from core.actors import reaches
from core.ids import encode, uuid7


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        """The person who signs in with this e-mail, however it is spelled."""
        return self.get(email=policy.normal_email(username or ""))


class User(AbstractBaseUser):
    """A person, or a service account that acts for a machine. Never removed, only erased."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(max_length=254, null=True)  # noqa: DJ001 - services have none
    full_name = models.CharField(max_length=255)
    kind = models.CharField(max_length=7, choices=UserKind, default=UserKind.PERSON)
    status = models.CharField(max_length=8, choices=UserStatus, default=UserStatus.ACTIVE)
    # For display; money goes to the wallets of payments.
    stellar_wallet = models.CharField(max_length=56, null=True)  # noqa: DJ001
    email_verified_at = models.DateTimeField(null=True)
    password_changed_at = models.DateTimeField(null=True)
    last_login = None  # the base class's name for last_login_at
    last_login_at = models.DateTimeField(null=True)
    responsible = models.ForeignKey("self", models.PROTECT, null=True, related_name="services")
    preferences = models.JSONField(default=dict)
    timezone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField()

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["full_name"]

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(fields=["email"], name="accounts_user_email_once"),
            models.CheckConstraint(
                condition=Q(email__isnull=True) | Q(email=Lower("email")),
                name="accounts_user_email_lower",
            ),
            models.CheckConstraint(
                condition=Q(kind="person", status="erased")
                | Q(kind="person", email__isnull=False, responsible__isnull=True)
                | Q(kind="service", email__isnull=True, responsible__isnull=False),
                name="accounts_user_person_has_email",
            ),
            models.CheckConstraint(
                condition=Q(stellar_wallet__isnull=True)
                | Q(stellar_wallet__regex=r"^G[A-Z2-7]{55}$"),
                name="accounts_user_wallet_form",
            ),
        ]

    def __str__(self) -> str:
        return self.email or self.full_name

    @property
    def wire_id(self) -> str:
        return encode(policy.USER, self.id)

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        return self.status == UserStatus.ACTIVE

    @cached_property
    def live_grants(self) -> "list[Grant]":
        """The grants that hold as this row is looked at, once per row."""
        return list(self.grants.live(timezone.now()).order_by("id"))

    @property
    def role(self) -> str:
        """The highest live role anywhere; empty without one."""
        return policy.highest(grant.role for grant in self.live_grants)

    @property
    def global_role(self) -> str:
        """The highest live role that holds everywhere; empty without one."""
        return policy.highest(
            grant.role for grant in self.live_grants if grant.scope_kind == ScopeKind.GLOBAL
        )

    # What Django's back office asks; the answers are the policy's.

    @property
    def is_staff(self) -> bool:
        return self.is_active and reaches(self.role, Role.OPERATOR)

    @property
    def is_superuser(self) -> bool:
        return False

    def has_perm(self, perm: str, _obj: object = None) -> bool:
        return self.is_active and policy.may_in_back_office(self.role, self.global_role, perm)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and policy.may_view_in_back_office(
            self.role, self.global_role, app_label
        )


class GrantQuerySet(models.QuerySet["Grant"]):
    def live(self, at: datetime) -> Self:
        return self.filter(
            Q(valid_until__isnull=True) | Q(valid_until__gt=at),
            ended_at__isnull=True,
            valid_from__lte=at,
        )


class Grant(models.Model):
    """A role in a place, for a time. Never deleted: ended."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="grants")
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
                fields=["user", "scope_kind", "scope_id", "source"],
                condition=Q(ended_at__isnull=True),
                nulls_distinct=False,
                name="accounts_grant_live_once",
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


class Session(models.Model):
    """One sign-in and the family of its tokens. A token only names it; the row decides."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="sessions")
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
    impersonator = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_reason = models.CharField(max_length=64, blank=True, default="")

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
        ]
        indexes = [
            # The purge of sessions that ended long ago.
            models.Index(fields=["ends_at"], name="accounts_session_ends")
        ]

    def __str__(self) -> str:
        return f"{self.kind} session {self.id}"

    @property
    def wire_id(self) -> str:
        return encode(policy.SESSION, self.id)
