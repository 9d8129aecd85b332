"""The second factor of a person: the app that makes codes, and the codes for when it is lost."""

from django.db import models

from core.ids import uuid7


class OneTimeDevice(models.Model):
    """Makes a code every thirty seconds from a secret that it shares with us (RFC 6238)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.OneToOneField("accounts.User", models.CASCADE, related_name="device")
    sealed = models.BinaryField()  # the secret, under core.vault
    # The period whose code was used last: neither it nor an earlier one counts again.
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)  # until then it counts for nothing

    def __str__(self) -> str:
        return f"device of {self.user}"


class BackupCode(models.Model):
    """Works once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    device = models.ForeignKey(OneTimeDevice, models.CASCADE, related_name="backup_codes")
    hash = models.CharField(max_length=64)  # SHA-256; 120 random bits need no salt
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "hash"], name="accounts_backupcode_once")
        ]

    def __str__(self) -> str:
        return f"backup code of device {self.device_id}"
