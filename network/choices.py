"""What stands in the network, and in which state."""

from django.db.models import TextChoices


class OperatorKind(TextChoices):
    CARRIER = "carrier", "Carrier"
    TOWER_COMPANY = "tower_company", "Tower company"
    CUSTOMER = "customer", "Customer"
    INTERNAL = "internal", "Our own"
    OTHER = "other", "Other"


class OperatorStatus(TextChoices):
    ACTIVE = "active", "Active"
    INACTIVE = "inactive", "Inactive"


class SiteKind(TextChoices):
    POP = "pop", "Point of presence"
    CELL_TOWER = "cell_tower", "Cell tower"
    DATA_CENTRE = "data_centre", "Data centre"
    CENTRAL_OFFICE = "central_office", "Central office"
    CABINET = "cabinet", "Cabinet"
    LAB = "lab", "Laboratory"
    WAREHOUSE = "warehouse", "Warehouse"
    OTHER = "other", "Other"


class SiteStatus(TextChoices):
    UNVERIFIED = "unverified", "Unverified"  # somebody named it; nobody has looked yet
    PLANNED = "planned", "Planned"
    ACTIVE = "active", "Active"
    DECOMMISSIONING = "decommissioning", "Being taken down"
    RETIRED = "retired", "Retired"
