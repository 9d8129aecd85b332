"""Whether the place of a grant exists. It lies in a domain above, which only doors may ask."""

from accounts.choices import ScopeKind
from accounts.policy import UnknownScope
from core.errors import Fault
from network import queries as network


def known_scope(scope_kind: str, named: str | None) -> str | None:
    """The wire id of the region or site that is meant by code or id; None: everywhere.

    A site that was merged is the one it was merged into. Raises: UnknownScope.
    """
    if scope_kind == ScopeKind.GLOBAL or named is None:
        return named  # that these two go together, the verb sees
    found: str | None
    if scope_kind == ScopeKind.REGION:
        region = network.region(named)
        found = region.wire_id if region else None
    else:
        site = network.resolve_sites([named]).get(named.lower())
        found = site.wire_id if site else None
    if found is None:
        detail = f"There is no {scope_kind} {named}."
        raise UnknownScope(faults=[Fault("/scope_id", "unknown_scope", detail)])
    return found
