"""Who may look at long work."""

from core.actors import Actor, may, reaches, refusal

READ, WRITE = "jobs:read", "jobs:write"


def sees_all(actor: Actor) -> bool:
    """Whether the actor sees the jobs of others: with a global role of engineer or above."""
    return actor.kind == "system" or reaches(actor.global_role, "engineer")


def require_may_look(actor: Actor) -> None:
    """Pass operators, wherever their role holds: a job has no place. Raises: NotPermitted."""
    verdict = may(actor, "operator", READ)
    if not verdict.allowed and verdict.reason != "outside_scope":
        raise refusal(verdict.reason, "operator", READ)
