"""Which tables are not made."""

from typing import Any


class NoGroupTables:
    """The admin needs `django.contrib.auth` installed; roles are our own, so it gets no tables."""

    def allow_migrate(self, _db: str, app_label: str, **_hints: Any) -> bool | None:
        return False if app_label == "auth" else None
