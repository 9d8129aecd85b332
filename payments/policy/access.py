"""Who may do what to payments."""

from core.actors import Actor, Place, may, refusal, require

READ, WRITE = "payments:read", "payments:write"


def require_may_read(actor: Actor) -> None:
    """Anyone with a role reads; what they see is narrowed to their sites. Raises: NotPermitted."""
    verdict = may(actor, "viewer", READ)
    if not verdict.allowed and verdict.reason != "outside_scope":
        raise refusal(verdict.reason, "viewer", READ)


def require_may_request(actor: Actor, place: Place | None) -> None:
    """Money follows results by itself; by hand an engineer may ask for it again.

    Raises: NotPermitted.
    """
    require(actor, "engineer", WRITE, place)
