"""Where a role holds: what people call it, and which region or site they mean."""

from collections.abc import Iterable

from accounts.choices import ScopeKind
from accounts.models import Grant, GroupMapping
from network import queries as network


def places(rows: Iterable[Grant | GroupMapping]) -> dict[str, str]:
    """What the regions and sites that these rows name are called, by wire id."""
    named: dict[str, set[str]] = {ScopeKind.REGION: set(), ScopeKind.SITE: set()}
    for row in rows:
        if row.scope_id is not None:
            named[row.scope_kind].add(row.scope_id)
    found = {}
    if named[ScopeKind.REGION]:
        for region in network.regions_named(named[ScopeKind.REGION]):
            found[region.wire_id] = f"{region.name} (region)"
    for key, site in network.resolve_sites(named[ScopeKind.SITE]).items():
        found[key] = f"{site.name} (site)"
    return found


def where(row: Grant | GroupMapping, known: dict[str, str]) -> str:
    """The place of a row in words; its id where nobody knows it any more."""
    if row.scope_id is None:
        return "Everywhere"
    return known.get(row.scope_id, row.scope_id)


def scope_id(kind: str, named: str) -> str | None:
    """The region or site (wire id) of this code or id; None: there is none."""
    if not named:
        return None
    if kind == ScopeKind.REGION:
        region = network.region(named)
        return region.wire_id if region else None
    site = network.resolve_sites([named]).get(named.lower())
    return site.wire_id if site else None
