"""Which moves an outage has, who may make them, and what a resolution means."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.actors import Actor, Place, Verdict, may, refusal
from outages.choices import WEIGHT, Severity, Status

TRANSITIONS = {
    Status.OPEN: {"resolve": Status.RESOLVED},
    Status.RESOLVED: {"reopen": Status.OPEN},
}
BACKDATED_AFTER = timedelta(minutes=5)
WRITE, READ = "outages:write", "outages:read"
# Facts that decide money: to change them takes an engineer.
MEASURED = frozenset({"detected_at", "resolved_at", "declared_mttr_minutes"})
PRICED_ONCE_RESOLVED = frozenset({"severity", "site_id", "site_name"})


@dataclass(frozen=True)
class Act:
    """One move as this caller sees it now."""

    action: str
    allowed: bool
    reason: str


def may_act(
    actor: Actor, role: str, place: Place | None, key_scope: str = WRITE, *, is_own: bool = True
) -> Verdict:
    """Whether the actor reaches this role where the outage is.

    Where nobody knows the place, a role held anywhere will do for one's own outage, to report it
    and to go on with it: an unknown site must not keep it from being told. Those of others then
    take a global role.
    """
    verdict = may(actor, role, key_scope, place)
    if is_own and place is None and verdict.reason == "outside_scope":
        return Verdict(True)
    return verdict


def require_may_read(actor: Actor) -> None:
    """Pass viewers, wherever: what they see is narrowed to their sites. Raises: NotPermitted."""
    require(may_act(actor, "viewer", None, READ), "viewer", READ)


def role_to_edit(changed: frozenset[str], status: str) -> str:
    priced = status == Status.RESOLVED and changed & PRICED_ONCE_RESOLVED
    return "engineer" if changed & MEASURED or priced else "operator"


def role_to_resolve(resolved_at: datetime | None, mttr_minutes: int | None, at: datetime) -> str:
    """Measured time: role operator. Declared or backdated time: engineer."""
    backdated = resolved_at is not None and resolved_at < at - BACKDATED_AFTER
    return "engineer" if mttr_minutes is not None or backdated else "operator"


def role_to_delete(status: str) -> str:
    return "manager" if status == Status.OPEN else "admin"


def require(verdict: Verdict, least_role: str, key_scope: str = WRITE) -> None:
    """Pass, or refuse. Raises: NotPermitted."""
    if not verdict.allowed:
        raise refusal(verdict.reason, least_role, key_scope)


def acts(actor: Actor, place: Place | None, status: str, *, is_own: bool) -> list[Act]:
    """Every move with whether this caller may make it now, and the named reason if not."""
    wanted = {
        "edit": ("operator", True),
        "resolve": ("operator", status == Status.OPEN),
        "reopen": ("engineer", status == Status.RESOLVED),
        "delete": (role_to_delete(status), True),
        "raise_severity": ("operator", True),
    }
    found = []
    for action, (role, possible) in wanted.items():
        verdict = may_act(actor, role, place, is_own=is_own)
        wrong = "outage_not_resolved" if action == "reopen" else "outage_already_resolved"
        reason = verdict.reason if possible else wrong
        found.append(Act(action, verdict.allowed and possible, reason))
    return found


def resolution(
    resolved_at: datetime | None, mttr_minutes: int | None, at: datetime
) -> tuple[datetime, int | None]:
    """When it ended and what was declared: an end that nobody gave is now."""
    return (at if resolved_at is None else resolved_at), mttr_minutes


def is_same_resolution(
    stored: tuple[datetime | None, int | None], given: tuple[datetime | None, int | None]
) -> bool:
    """Whether a second resolve says nothing new: what it names, the outage already says."""
    resolved_at, declared = given
    if resolved_at is not None and resolved_at != stored[0]:
        return False
    return declared is None or declared == stored[1]


def is_raise(before: str, after: str) -> bool:
    return WEIGHT[Severity(after)] > WEIGHT[Severity(before)]


def duration_minutes(detected_at: datetime, resolved_at: datetime | None) -> int | None:
    """Started minutes from detection to restoration: 40:01 is 41."""
    if resolved_at is None:
        return None
    seconds = int(resolved_at.timestamp()) - int(detected_at.timestamp())
    return -(-seconds // 60)
