"""Who may do what to accounts, and what a role opens."""

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from accounts.choices import Role, ScopeKind
from accounts.policy.ids import USER
from core.actors import Actor, NotPermitted, reaches, require, require_oneself
from core.errors import Forbidden, Invalid
from core.ids import MalformedId, decode, encode


class RoleAboveOwn(Forbidden):
    code = "role_above_own"
    title = "Role above your own"
    summary = "Nobody gives a role higher than their own."


class OwnGrants(Forbidden):
    code = "own_grants"
    title = "Your own grants"
    summary = "Nobody changes their own roles. Ask another administrator."


class UnknownScope(Invalid):
    code = "unknown_scope"
    title = "Unknown scope"
    summary = "A grant holds globally, or names a region (reg_...) or a site (site_...)."


class AlreadyOver(Invalid):
    code = "grant_already_over"
    title = "Grant already over"
    summary = "A grant ends in the future, or never."


def require_no_key(actor: Actor) -> None:
    """Refuse keys where a person must sign in: accounts' own doors. Raises: NotPermitted."""
    if actor.kind == "api_key":
        raise NotPermitted(
            "No API key opens this. Sign in as a person.", reason="key_scope_missing"
        )


def require_may_manage_people(actor: Actor) -> None:
    """Global administrators manage people, themselves and by no key.

    Raises: ImpersonatorRefused, NotPermitted, SecondFactorRequired.
    """
    require_oneself(actor)
    require_no_key(actor)
    require(actor, Role.ADMIN, "admin:full")


def require_may_end_session(actor: Actor, owner_id: UUID) -> None:
    """One's own session, or an administrator. Raises: ImpersonatorRefused, NotPermitted."""
    require_oneself(actor)
    require_no_key(actor)
    if actor.id != encode(USER, owner_id):
        require_may_manage_people(actor)


def check_scope(role: str, scope_kind: str, scope_id: str | None) -> None:
    """A scope is global without an id, or an id of its kind; administrators are global.

    Raises: UnknownScope.
    """
    prefix = {ScopeKind.REGION.value: "reg", ScopeKind.SITE.value: "site"}.get(scope_kind)
    if prefix is None:
        if scope_kind != ScopeKind.GLOBAL or scope_id is not None:
            raise UnknownScope
        return
    try:
        known = scope_id is not None and encode(prefix, decode(prefix, scope_id)) == scope_id
    except MalformedId:
        known = False
    if not known:
        raise UnknownScope
    if role == Role.ADMIN:
        raise UnknownScope("An administrator is one everywhere.")


# The least role for each area, as a person sees it in ``permissions`` of GET /auth/me.
_LEAST: Mapping[str, str] = {
    "audit:read": Role.MANAGER,
    "outages:read": Role.VIEWER,
    "outages:write": Role.OPERATOR,
    "payments:read": Role.VIEWER,
    "payments:write": Role.ENGINEER,
    "sites:read": Role.VIEWER,
    "sites:write": Role.ENGINEER,
    "sla:read": Role.VIEWER,
    "sla:write": Role.OPERATOR,
    "webhooks:read": Role.ENGINEER,
    "webhooks:write": Role.ENGINEER,
}


def permissions_of(role: str) -> list[str]:
    """The areas that a role opens; which verbs of an area, each verb says itself."""
    found = [name for name, least in _LEAST.items() if reaches(role, least)]
    return [*found, "admin:full"] if role == Role.ADMIN else found


def cut_down(permissions: Iterable[str], scopes: Collection[str]) -> list[str]:
    """What an API key with these scopes leaves of what its owner's role opens."""
    held = set(scopes)
    return [
        each
        for each in permissions
        if held & {each, f"{each.partition(':')[0]}:write", "admin:full"}
    ]


# Apps whose pages in the back office show what no place narrows: they take a role held everywhere.
_LEAST_EVERYWHERE: Mapping[str, str] = {
    "accounts": Role.MANAGER,
    "audit": Role.MANAGER,
    "core": Role.ENGINEER,
    "django_celery_beat": Role.ADMIN,
}
# Pages that take more than the others of their app, as the API does.
_LEAST_OF_PAGE: Mapping[str, str] = {
    "accounts.apikey": Role.ADMIN,
    "accounts.grant": Role.ADMIN,
    "accounts.groupmapping": Role.ADMIN,
    "accounts.team": Role.ADMIN,
}


def may_view_in_back_office(role: str, global_role: str, app: str) -> bool:
    if app in _LEAST_EVERYWHERE:
        return reaches(global_role, _LEAST_EVERYWHERE[app])
    return reaches(role, Role.OPERATOR)


def may_in_back_office(role: str, global_role: str, permission: str) -> bool:
    """Judge a Django permission ``<app>.<action>_<model>``; ``role`` is the highest held anywhere.

    Views by role; nothing is added, changed or deleted by a plain form. What is done is done by a
    verb, and the verb judges.
    """
    app, _, name = permission.partition(".")
    if not name.startswith("view_"):
        return False
    least = _LEAST_OF_PAGE.get(f"{app}.{name.removeprefix('view_')}")
    if least is not None:
        return reaches(global_role, least)
    return may_view_in_back_office(role, global_role, app)
