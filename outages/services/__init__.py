"""What can be done to an outage. Each verb permits, locks, changes, audits and announces."""

from outages.services.births import Opened, open_outage, open_outages
from outages.services.imports import (
    export_outages,
    import_outages,
    load_outages,
    open_listed_outages,
)
from outages.services.moves import (
    OutageNotResolved,
    delete_outage,
    edit_outage,
    raise_severity,
    reopen_outage,
    resolve_outage,
)

__all__ = [
    "Opened",
    "OutageNotResolved",
    "delete_outage",
    "edit_outage",
    "export_outages",
    "import_outages",
    "load_outages",
    "open_listed_outages",
    "open_outage",
    "open_outages",
    "raise_severity",
    "reopen_outage",
    "resolve_outage",
]
