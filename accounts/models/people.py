"""People, service accounts and teams."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.functional import cached_property

from accounts import policy
from accounts.choices import Role, ScopeKind, UserKind, UserStatus
from accounts.models.grants import Grant
from accounts.models.second_factor import OneTimeDevice
from core.actors import Actor, reaches
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
    data_exported_at = models.DateTimeField(null=True)  # once an hour
    created_at = models.DateTimeField()

    # Who acts where the back office has let this person in: carries the session that they came by.
    acting: Actor | None = None

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

    def get_full_name(self) -> str:
        return self.full_name

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        return self.status == UserStatus.ACTIVE

    @cached_property
    def live_grants(self) -> list[Grant]:
        """The grants that hold as this row is looked at, own and of teams, once per row."""
        if hasattr(self, "own_live_grants"):  # queries.with_grants has read them along
            shared = [grant for team in self.teams.all() for grant in team.live_grants]  # type: ignore[attr-defined]
            return [*self.own_live_grants, *shared]
        held = Grant.objects.held_by(self.id).live(timezone.now())
        return list(held.order_by("id"))

    @cached_property
    def has_second_factor(self) -> bool:
        return OneTimeDevice.objects.filter(user_id=self.id, confirmed_at__isnull=False).exists()

    @property
    def role(self) -> str:
        """The highest live role anywhere; empty without one."""
        if self.acting is not None:
            return self.acting.highest_role
        return policy.highest(grant.role for grant in self.live_grants)

    @property
    def global_role(self) -> str:
        """The highest live role that holds everywhere; empty without one."""
        if self.acting is not None:
            return self.acting.global_role
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


class Team(models.Model):
    """People who share grants, and later a rota. A deleted one has no members and no live grants;
    its row stays, because grants that ended name it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)
    members = models.ManyToManyField(User, through="Membership", related_name="teams")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                condition=Q(deleted_at__isnull=True),
                name="accounts_team_name_once",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def wire_id(self) -> str:
        return encode(policy.TEAM, self.id)


class Membership(models.Model):
    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="accounts_membership_once")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"
