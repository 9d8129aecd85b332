"""Who may do what here. Payloads cross regions, so every role counts only where it is global."""

from core.actors import Actor, require

READ, WRITE = "webhooks:read", "webhooks:write"


def require_may_read(actor: Actor) -> None:
    """Raises: NotPermitted."""
    require(actor, "engineer", READ)


def require_may_send(actor: Actor) -> None:
    """To test, and to retry one delivery. Raises: NotPermitted."""
    require(actor, "engineer", WRITE)


def require_may_manage(actor: Actor) -> None:
    """Raises: NotPermitted."""
    require(actor, "admin", WRITE)
