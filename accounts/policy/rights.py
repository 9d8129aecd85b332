"""Who may change what others may do, directly, by a team or by a group; and who sees people."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from accounts.choices import Role
from accounts.policy.access import (
    OwnGrants,
    RoleAboveOwn,
    require_may_manage_people,
    require_no_key,
)
from accounts.policy.ids import USER
from core.actors import (
    Actor,
    SecondFactorRequired,
    reaches,
    require,
    require_fresh_proof,
    require_oneself,
)
from core.errors import Forbidden, Invalid
from core.ids import encode


class RoleNotForTeams(Invalid):
    code = "role_not_for_teams"
    title = "Not a role for teams"
    summary = "Administrators are named one by one: a team cannot be one."


class OwnSecondFactor(Forbidden):
    code = "own_second_factor"
    title = "Your own second factor"
    summary = "Nobody resets their own second factor. Turn it off with a code."


def require_may_see_people(actor: Actor) -> None:
    """Global managers see who there is. Raises: NotPermitted, SecondFactorRequired."""
    require_no_key(actor)
    require(actor, Role.MANAGER, "")


def require_may_change_rights(actor: Actor, at: datetime) -> None:
    """Global administrators change rights, within 15 minutes of a proof that it is them.

    Raises: NotPermitted, SecondFactorRequired, ImpersonatorRefused, ReauthenticationRequired.
    """
    require_may_manage_people(actor)
    require_fresh_proof(actor, at)


def require_others(actor: Actor, user_ids: Collection[UUID]) -> None:
    """Nobody changes their own rights, by a team they are in either. Raises: OwnGrants."""
    if actor.id in {encode(USER, user_id) for user_id in user_ids}:
        raise OwnGrants


def require_may_give(actor: Actor, roles: Iterable[str]) -> None:
    """Nobody gives or takes a role higher than their own. Raises: RoleAboveOwn."""
    if not all(reaches(actor.global_role, role) for role in roles):
        raise RoleAboveOwn


def require_may_give_team(actor: Actor, role: str) -> None:
    """Teams hold any role but admin: so the last administrator is always somebody.

    Raises: RoleAboveOwn, RoleNotForTeams.
    """
    require_may_give(actor, [role])
    if role == Role.ADMIN:
        raise RoleNotForTeams


def require_may_reset_second_factor(actor: Actor, user_id: UUID, at: datetime) -> None:
    """Administrators, for others.

    Raises: NotPermitted, SecondFactorRequired, ImpersonatorRefused, ReauthenticationRequired,
    OwnSecondFactor.
    """
    require_may_change_rights(actor, at)
    if actor.id == encode(USER, user_id):
        raise OwnSecondFactor


def require_may_take_own_data(actor: Actor) -> None:
    """People take their data themselves: no key, nobody in their name.

    Raises: NotPermitted, ImpersonatorRefused, SecondFactorRequired.
    """
    require_no_key(actor)
    require_oneself(actor)
    if actor.owes_second_factor:
        raise SecondFactorRequired
