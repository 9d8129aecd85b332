"""How the verbs of accounts are tried."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from accounts import services as accounts
from accounts.models import User
from core.actors import Actor
from core.ids import decode
from tests import world
from tests.permissions.acts import Call, Places, tries

AT = world.AT
WHY = "a test of who may"


def own_id(actor: Actor) -> UUID:
    return decode("usr", actor.id)


def tries_own(verb: str, call: Callable[[Actor], Any], *, when: str = "") -> None:
    """An act on the caller's own account; wrong codes and passwords are not about permission."""
    tries(verb, when)(lambda _places: call)


def _others(verb: str, act: Callable[[User], Call], *, when: str = "") -> None:
    """An act on the account of somebody else."""
    tries(verb, when)(lambda _places: act(world.person("viewer")))


# --- One's own ----------------------------------------------------------------------------------
_PROFILE = {"full_name": "Another Name"}
_KEY = accounts.KeyTerms(name="a key", scopes=["outages:read"])

tries_own(
    "accounts.change_profile", lambda actor: accounts.change_profile(_PROFILE, actor=actor, at=AT)
)
tries_own(
    "accounts.save_preferences",
    lambda actor: accounts.save_preferences({"a": 1}, actor=actor, at=AT),
)
tries_own(
    "accounts.change_password",
    lambda actor: accounts.change_password("the present one", "the new one", actor=actor, at=AT),
)
tries_own(
    "accounts.reauthenticate",
    lambda actor: accounts.reauthenticate(code="123456", actor=actor, at=AT),
)
tries_own("accounts.begin_2fa", lambda actor: accounts.begin_2fa(actor=actor, at=AT))
tries_own("accounts.confirm_2fa", lambda actor: accounts.confirm_2fa("123456", actor=actor, at=AT))
tries_own(
    "accounts.renew_backup_codes",
    lambda actor: accounts.renew_backup_codes("123456", actor=actor, at=AT),
)
tries_own("accounts.disable_2fa", lambda actor: accounts.disable_2fa("123456", actor=actor, at=AT))
tries_own("accounts.export_own_data", lambda actor: accounts.export_own_data(actor=actor, at=AT))
tries_own("accounts.erase_oneself", lambda actor: accounts.erase_oneself(actor=actor, at=AT))
tries_own(
    "accounts.revoke_all_sessions",
    lambda actor: accounts.revoke_all_sessions(own_id(actor), reason="x", actor=actor, at=AT),
    when="one's own",
)
tries_own(
    "accounts.revoke_session",
    lambda actor: accounts.revoke_session(
        world.session(User.objects.get(id=own_id(actor)), AT).id, reason="x", actor=actor, at=AT
    ),
    when="one's own",
)
tries_own(
    "accounts.create_api_key",
    lambda actor: accounts.create_api_key(_KEY, actor=actor, at=AT),
    when="one's own",
)


def _key_of(user_id: UUID) -> UUID:
    owner = User.objects.get(id=user_id)
    maker = Actor(id=owner.wire_id, kind="person", reauthenticated_at=AT)
    return accounts.create_api_key(_KEY, actor=maker, at=AT).key.id


tries_own(
    "accounts.rotate_api_key",
    lambda actor: accounts.rotate_api_key(_key_of(own_id(actor)), actor=actor, at=AT),
    when="one's own",
)
tries_own(
    "accounts.revoke_api_key",
    lambda actor: accounts.revoke_api_key(_key_of(own_id(actor)), actor=actor, at=AT),
    when="one's own",
)


# --- Of others ----------------------------------------------------------------------------------
def _new_user(role: str | None) -> Call:
    return lambda actor: accounts.create_user(
        email="colleague@example.test", password=None, role=role, actor=actor, at=AT
    )


tries("accounts.create_user")(lambda _places: _new_user(None))
tries("accounts.create_user", "with a role")(lambda _places: _new_user("viewer"))
_others(
    "accounts.rename_user",
    lambda user: lambda actor: accounts.rename_user(user.id, "Another", actor=actor, at=AT),
)
_others(
    "accounts.disable_user",
    lambda user: lambda actor: accounts.disable_user(user.id, actor=actor, at=AT),
)
_others(
    "accounts.enable_user",
    lambda user: lambda actor: accounts.enable_user(user.id, actor=actor, at=AT),
)
_others(
    "accounts.unlock_sign_in",
    lambda user: lambda actor: accounts.unlock_sign_in(user.email or "", actor=actor, at=AT),
)
_others(
    "accounts.reset_2fa",
    lambda user: lambda actor: accounts.reset_2fa(user.id, reason=WHY, actor=actor, at=AT),
)
_others(
    "accounts.erase_user",
    lambda user: lambda actor: accounts.erase_user(user.id, reason=WHY, actor=actor, at=AT),
)
_others(
    "accounts.impersonate",
    lambda user: lambda actor: accounts.impersonate(user.id, reason=WHY, actor=actor, at=AT),
)
_others(
    "accounts.grant_role",
    lambda user: lambda actor: accounts.grant_role(user.id, "operator", actor=actor, at=AT),
)
_others(
    "accounts.end_grant",
    lambda user: (
        lambda actor: accounts.end_grant(user.grants.get(ended_at=None).id, actor=actor, at=AT)
    ),
)
_others(
    "accounts.sync_idp_grants",
    lambda user: lambda actor: accounts.sync_idp_grants(user.id, [], actor=actor, at=AT),
)
_others(
    "accounts.revoke_all_sessions",
    lambda user: (
        lambda actor: accounts.revoke_all_sessions(user.id, reason="x", actor=actor, at=AT)
    ),
    when="somebody else's",
)
_others(
    "accounts.revoke_session",
    lambda user: (
        lambda actor: accounts.revoke_session(
            world.session(user, AT).id, reason="x", actor=actor, at=AT
        )
    ),
    when="somebody else's",
)
_others(
    "accounts.create_api_key",
    lambda user: lambda actor: accounts.create_api_key(_KEY, owner_id=user.id, actor=actor, at=AT),
    when="somebody else's",
)
_others(
    "accounts.rotate_api_key",
    lambda user: lambda actor: accounts.rotate_api_key(_key_of(user.id), actor=actor, at=AT),
    when="somebody else's",
)
_others(
    "accounts.revoke_api_key",
    lambda user: lambda actor: accounts.revoke_api_key(_key_of(user.id), actor=actor, at=AT),
    when="somebody else's",
)


# --- Teams, groups, machines ----------------------------------------------------------------------
def _team() -> UUID:
    return accounts.create_team("Night shift", actor=world.nobody(), at=AT).id


def _mapping() -> UUID:
    mapped = accounts.Mapped(provider="corp", claim_value="noc", role="viewer")
    return accounts.create_group_mapping(mapped, actor=world.nobody(), at=AT).id


@tries("accounts.create_team")
def _(_places: Places) -> Call:
    return lambda actor: accounts.create_team("Day shift", actor=actor, at=AT)


@tries("accounts.rename_team")
def _(_places: Places) -> Call:
    team = _team()
    return lambda actor: accounts.rename_team(team, "Late shift", actor=actor, at=AT)


@tries("accounts.delete_team")
def _(_places: Places) -> Call:
    team = _team()
    return lambda actor: accounts.delete_team(team, actor=actor, at=AT)


@tries("accounts.set_members")
def _(_places: Places) -> Call:
    team, member = _team(), world.person("viewer").id
    return lambda actor: accounts.set_members(team, [member], actor=actor, at=AT)


@tries("accounts.grant_team_role")
def _(_places: Places) -> Call:
    team = _team()
    return lambda actor: accounts.grant_team_role(team, "operator", actor=actor, at=AT)


@tries("accounts.create_group_mapping")
def _(_places: Places) -> Call:
    mapped = accounts.Mapped(provider="corp", claim_value="noc", role="viewer")
    return lambda actor: accounts.create_group_mapping(mapped, actor=actor, at=AT)


@tries("accounts.change_group_mapping")
def _(_places: Places) -> Call:
    mapping = _mapping()
    return lambda actor: accounts.change_group_mapping(mapping, "operator", actor=actor, at=AT)


@tries("accounts.delete_group_mapping")
def _(_places: Places) -> Call:
    mapping = _mapping()
    return lambda actor: accounts.delete_group_mapping(mapping, actor=actor, at=AT)


@tries("accounts.create_service_account")
def _(_places: Places) -> Call:
    responsible = world.person("viewer").id
    return lambda actor: accounts.create_service_account(
        full_name="Poller", responsible_id=responsible, actor=actor, at=AT
    )


@tries("accounts.change_service_account")
def _(_places: Places) -> Call:
    made = accounts.create_service_account(
        full_name="Poller",
        responsible_id=world.person("viewer").id,
        actor=world.nobody(),
        at=AT,
    )
    return lambda actor: accounts.change_service_account(
        made.id, full_name="Puller", actor=actor, at=AT
    )
