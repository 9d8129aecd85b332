"""The words of an outage, each with its meaning."""

from django.db.models import TextChoices


class Severity(TextChoices):
    CRITICAL = "critical", "Critical"  # service lost for many
    HIGH = "high", "High"  # service lost for some, or badly degraded for many
    MEDIUM = "medium", "Medium"  # degraded
    LOW = "low", "Low"  # noticed by few


WEIGHT = {Severity.CRITICAL: 4, Severity.HIGH: 3, Severity.MEDIUM: 2, Severity.LOW: 1}


class Status(TextChoices):
    OPEN = "open", "Open"  # service is lost
    RESOLVED = "resolved", "Resolved"  # service is back; the SLA may be assessed


class Cause(TextChoices):
    POWER = "power", "Power"
    FIBRE = "fibre", "Fibre"
    HARDWARE = "hardware", "Hardware"
    SOFTWARE = "software", "Software"
    CONFIG = "config", "Configuration"
    THIRD_PARTY = "third_party", "Third party"
    ENVIRONMENT = "environment", "Environment"
    UNKNOWN = "unknown", "Unknown"


class Source(TextChoices):
    PERSON = "person", "Person"  # typed by somebody, or by their script
    ALERT = "alert", "Alert"  # opened by a signal
    IMPORT = "import", "Import"  # from a file or a bulk list
    COMMAND = "command", "Command"  # by an operator's command


class Settlement(TextChoices):
    NORMAL = "normal", "Normal"  # its SLA result becomes a payment
    HOLD = "hold", "Hold"  # its payments wait for a manager
    NONE = "none", "None"  # no payment, ever
