"""Keys by which machines call."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts import policy
from core.ids import encode, uuid7


class ApiKey(models.Model):
    """Acts as its owner, cut down to its scopes. Shown once; only a hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    public_id = models.CharField(max_length=12, unique=True)
    hash = models.CharField(max_length=64)  # SHA-256 of the whole key; 256 random bits: no salt
    user = models.ForeignKey("accounts.User", models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=100)
    scopes = ArrayField(models.CharField(max_length=32))
    networks = ArrayField(models.CharField(max_length=43), default=list)  # CIDR; none: anywhere
    rate_rpm = models.PositiveIntegerField(null=True)  # null: RATE_LIMIT_RPM
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    replaced_by = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("created_at")),
                name="accounts_apikey_ends_after_its_birth",
            ),
            models.CheckConstraint(
                condition=Q(rate_rpm__isnull=True) | Q(rate_rpm__gt=0),
                name="accounts_apikey_rate_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (noc_{self.public_id}...)"

    @property
    def wire_id(self) -> str:
        return encode(policy.API_KEY, self.id)
