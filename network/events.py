"""What the network tells the house and its subscribers."""

from dataclasses import dataclass
from typing import ClassVar

from core.events import Event


@dataclass(frozen=True, kw_only=True)
class SiteRegistered(Event):
    """Somebody named a site that nobody knew; it waits to be verified."""

    type: ClassVar[str] = "site.registered"
    subject: ClassVar[str] = "site_id"

    site_id: str
    code: str
    name: str
    region_id: str | None
    operator_id: str | None
