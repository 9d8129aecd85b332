"""A key never gives a right that its owner lacks, and never one outside its scopes."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from accounts import policy, queries
from accounts.models import Grant, User
from core.actors import ROLES, Actor, Place, may
from core.ids import encode, uuid7
from tests import world
from tests.accounts.test_calling_by_key import _views

REGIONS = [encode("reg", uuid7()) for _ in range(2)]
SITES = [encode("site", uuid7()) for _ in range(2)]
roles = some.sampled_from(ROLES)
scopes = some.frozensets(some.sampled_from(policy.KEY_SCOPES), min_size=1, max_size=4)
needs = some.sampled_from([*policy.KEY_SCOPES, "accounts:write", ""])
places = some.none() | some.builds(
    Place, some.sampled_from(SITES), some.frozensets(some.sampled_from(REGIONS))
)
owners = some.builds(
    Actor,
    id=some.just("usr_x"),
    kind=some.just("person"),
    global_role=roles | some.just(""),
    region_roles=some.dictionaries(some.sampled_from(REGIONS), roles),
    site_roles=some.dictionaries(some.sampled_from(SITES), roles),
    owes_second_factor=some.booleans(),
)


@given(owners, scopes, roles, needs, places)
def test_what_a_key_may_its_owner_may_and_its_scopes_say(
    owner: Actor, held: frozenset[str], least: str, needed: str, place: Place | None
) -> None:
    key = replace(owner, kind="api_key", key_scopes=held)
    if not may(key, least, needed, place).allowed:
        return
    assert may(owner, least, needed, place).allowed
    area = needed.partition(":")[0]
    assert held & {needed, f"{area}:write", policy.FULL}


@given(owners, scopes, roles, places)
def test_reading_scopes_write_nothing(
    owner: Actor, held: frozenset[str], least: str, place: Place | None
) -> None:
    key = replace(owner, kind="api_key", key_scopes=held)
    reading = replace(key, key_scopes=frozenset(each for each in held if each.endswith(":read")))
    for area in policy.AREAS:
        assert not may(reading, least, f"{area}:write", place).allowed


grants = some.lists(
    some.tuples(
        roles,
        some.sampled_from([("global", None), ("region", REGIONS[0]), ("site", SITES[0])]),
        some.sampled_from(["live", "ended", "expired", "later"]),
    ),
    max_size=4,
)


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(grants)
def test_a_key_holds_exactly_the_live_roles_of_its_owner(
    held: list[tuple[str, tuple[str, str | None], str]],
) -> None:
    user = world.person(None)
    for number, (role, (kind, scope), state) in enumerate(held):
        _grant(user, number, role, kind, scope, state)
    made = world.api_key(user, at=world.AT)
    key = queries.actor_of_key(made.raw_key, at=world.AT).actor
    session = world.session(user, world.AT)
    person, _ = queries.actor_of_session(session.id, at=world.AT)
    assert key is not None
    for name in ("id", "global_role", "region_roles", "site_roles", "owes_second_factor"):
        assert getattr(key, name) == getattr(person, name)


def _grant(user: User, number: int, role: str, kind: str, scope: str | None, state: str) -> None:
    at = world.AT
    if role == "admin" and kind != "global":
        return
    if (
        state != "ended"
        and user.grants.filter(scope_kind=kind, scope_id=scope, ended_at=None).exists()
    ):
        return
    Grant.objects.create(
        user=user,
        role=role,
        scope_kind=kind,
        scope_id=scope,
        valid_from=at + timedelta(days=1) if state == "later" else at - timedelta(days=2),
        valid_until=at if state == "expired" else None,
        ended_at=at if state == "ended" else None,
        ended_by="x" if state == "ended" else None,
        granted_by="x",
        created_at=at,
    )


# What everybody who is known reads, whatever their key is for.
OPEN = {"/health", "/webhooks/events"}


@pytest.mark.django_db
def test_outside_its_scopes_an_administrators_key_reads_nothing() -> None:
    key = world.Client(world.api_key(world.person("admin"), "inventory:write").raw_key)
    reference, tried = world.outage().reference, 0
    for route, view in _views(get_resolver()):
        path = route.replace("^", "").replace("/?$", "").removeprefix("api/v1")
        path = re.sub(r"\(\?P<\w+>[^)]*\)", reference, path)
        if not path.startswith("/") or path in OPEN or not hasattr(view, "get"):
            continue
        if view.__module__.startswith("accounts."):
            continue
        answer = key.get(path)
        assert answer.status_code in (400, 403, 404, 422), path
        tried += answer.status_code == 403
    assert tried > 15
