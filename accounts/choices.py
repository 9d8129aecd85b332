"""The words of access: who somebody is, what they may do where, how they got in."""

from django.db.models import TextChoices


class UserKind(TextChoices):
    PERSON = "person", "Person"
    SERVICE = "service", "Service account"  # a machine; signs in with keys only


class UserStatus(TextChoices):
    ACTIVE = "active", "Active"
    DISABLED = "disabled", "Disabled"  # may come back
    ERASED = "erased", "Erased"  # personal data is gone; the id stays


class Role(TextChoices):
    """From the least to the highest; a higher one may do what lower ones may."""

    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    ENGINEER = "engineer", "Engineer"
    MANAGER = "manager", "Manager"
    ADMIN = "admin", "Administrator"


class ScopeKind(TextChoices):
    GLOBAL = "global", "Everywhere"
    REGION = "region", "Region and all below it"
    SITE = "site", "One site"


class GrantSource(TextChoices):
    MANUAL = "manual", "Given by a person"
    IDP = "idp", "From the identity provider"


class SessionKind(TextChoices):
    LOGIN = "login", "Password"
    OIDC = "oidc", "Identity provider"
    BACK_OFFICE = "back_office", "Back office"
    IMPERSONATION = "impersonation", "Impersonation"


class SessionState(TextChoices):
    PENDING = "pending", "Second factor awaited"
    LIVE = "live", "Live"
    REVOKED = "revoked", "Ended"


class Method(TextChoices):
    """How a sign-in was proved."""

    PASSWORD = "pwd", "Password"
    CODE = "otp", "One-time code"
    BACKUP = "backup", "Backup code"
    OIDC = "oidc", "Identity provider"
