"""Who somebody is at an identity provider."""

from django.db import models

from core.ids import uuid7


class Identity(models.Model):
    """A person as an issuer knows them. The pair names them for good; an e-mail address does not.

    Goes when the person is erased.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey("accounts.User", models.PROTECT, related_name="identities")
    issuer = models.CharField(max_length=512)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="accounts_identity_once")
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"
