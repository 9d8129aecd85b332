"""Who may do what to the SLA of an outage."""

from core.actors import Actor, Place, may, refusal, require

READ, WRITE = "sla:read", "sla:write"


def require_may_read(actor: Actor) -> None:
    """Anyone with a role reads; what they see is narrowed to their sites. Raises: NotPermitted."""
    verdict = may(actor, "viewer", READ)
    if not verdict.allowed and verdict.reason != "outside_scope":
        raise refusal(verdict.reason, "viewer", READ)


def require_may_assess(actor: Actor, place: Place | None, *, switches_basis: bool) -> None:
    """Asking again is an engineer's; choosing which minutes count is a manager's.

    Raises: NotPermitted.
    """
    require(actor, "manager" if switches_basis else "engineer", WRITE, place)
