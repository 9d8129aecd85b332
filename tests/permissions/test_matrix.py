"""Every verb, role, place and key: who may is what the table says, and nobody else."""

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from accounts.models import User
from config.permissions import INNER, RIGHTS, Right
from core.actors import (
    ROLES,
    Actor,
    ImpersonatorRefused,
    NotPermitted,
    ReauthenticationRequired,
    SecondFactorRequired,
    reaches,
)
from core.errors import DomainError, NotFound, ValidationFailed
from tests import world
from tests.architecture.test_verbs import DOMAINS
from tests.permissions import account_acts  # noqa: F401 - it registers its acts
from tests.permissions.acts import ACTS, Places

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Somebody:
    """An actor, what they are called, and what of their role counts at the place of the subject."""

    called: str
    actor: Actor
    here: str = ""
    region: str = ""
    everywhere: str = ""


@pytest.fixture
def places() -> Places:
    above = world.region("emea")
    region = world.region("ng", above)
    return Places(above, region, world.site("LAG-1", region=region, operator=world.operator()))


def people(places: Places) -> Iterator[Somebody]:
    """Every role in every kind of place."""
    elsewhere, other_site = world.region("apac"), world.site("SYD-1")
    for role in ROLES:
        given = signed_in(world.standing(role))
        yield Somebody(f"{role} everywhere", Actor(**given, global_role=role), role, role, role)
        if role == "admin":
            continue  # an administrator is one everywhere
        for region in (places.region, places.above):
            actor = Actor(**given, region_roles={region.wire_id: role})
            yield Somebody(f"{role} in region {region.code}", actor, role, role)
        at_site = Actor(**given, site_roles={places.site.wire_id: role})
        yield Somebody(f"{role} at the site", at_site, here=role)
        away = Actor(**given, region_roles={elsewhere.wire_id: role})
        yield Somebody(f"{role} in another region", away)
        away = Actor(**given, site_roles={other_site.wire_id: role})
        yield Somebody(f"{role} at another site", away)
    yield Somebody("somebody without a role", Actor(**signed_in(world.person(None))))


def signed_in(user: User) -> dict[str, Any]:
    """What an actor has who has just signed in with a second factor."""
    session = world.session(user, world.AT, mfa_at=world.AT, reauthenticated_at=world.AT)
    return {
        "id": user.wire_id,
        "kind": "person",
        "session_id": session.wire_id,
        "mfa_at": world.AT,
        "reauthenticated_at": world.AT,
    }


def keys(right: Right) -> Iterator[tuple[str, Actor, bool]]:
    """API keys of an administrator: with the scope, with its area's other half, with another."""
    area = right.key.partition(":")[0]
    held = {
        right.key: bool(right.key),
        f"{area}:write": bool(right.key),
        f"{area}:read": right.key.endswith(":read"),
        "reports:write": False,
        "admin:full": bool(right.key),
    }
    admin = world.standing("admin").wire_id
    for scope, may in held.items():
        yield (
            f"an administrator's key with {scope}",
            Actor(
                id=admin,
                kind="api_key",
                global_role="admin",
                key_id="key_test",
                key_scopes=frozenset({scope} - {"", ":write", ":read"}),
            ),
            may,
        )
    scopes = frozenset({right.key, "admin:full"} - {""})
    weak = Actor(
        id=world.person(None).wire_id, kind="api_key", key_id="key_test", key_scopes=scopes
    )
    yield "the key of somebody without a role", weak, False


def is_let_through(right: Right, places: Places, actor: Actor) -> bool:
    call = ACTS[right.verb, right.when](places)
    try:
        with transaction.atomic():
            call(actor)
            transaction.set_rollback(True)
    except (NotPermitted, ImpersonatorRefused, ReauthenticationRequired, SecondFactorRequired):
        return False
    except NotFound:  # outside of their places a subject does not exist
        return False
    except ValidationFailed as refused:  # of many, those elsewhere are faults of their rows
        if [fault.code for fault in refused.faults] == ["out_of_scope"]:
            return False
        if right.where != "own":
            raise
    except DomainError:
        if right.where != "own":  # there a wrong code, say, is no question of who may
            raise
    return True


def ids(right: Right) -> str:
    return f"{right.verb} {right.when}".strip()


@pytest.mark.parametrize("right", RIGHTS, ids=ids)
def test_a_verb_lets_through_whom_the_table_names(right: Right, places: Places) -> None:
    wrong = []
    for who in people(places):
        role = {
            "here": who.here,
            "region": who.region,
            "everywhere": who.everywhere,
            "anywhere": who.actor.highest_role,
            "own": "",
        }[right.where]
        with transaction.atomic():
            may = is_let_through(right, places, who.actor)
            transaction.set_rollback(True)
        if may != (right.where == "own" or reaches(role, right.least)):
            wrong.append(f"{who.called}: {'let through' if may else 'refused'}")
    assert wrong == []


@pytest.mark.parametrize("right", RIGHTS, ids=ids)
def test_a_key_gives_its_scope_and_no_more_than_its_owner_has(right: Right, places: Places) -> None:
    wrong = []
    for called, actor, should in keys(right):
        with transaction.atomic():
            may = is_let_through(right, places, actor)
            transaction.set_rollback(True)
        if may != should:
            wrong.append(f"{called}: {'let through' if may else 'refused'}")
    assert wrong == []


def an_administrator(**more: Any) -> Actor:
    return Actor(**signed_in(world.standing("admin")) | {"global_role": "admin"} | more)


@pytest.mark.parametrize("right", [right for right in RIGHTS if right.where != "own"], ids=ids)
def test_nobody_who_owes_a_second_factor_gets_through(right: Right, places: Places) -> None:
    with pytest.raises(SecondFactorRequired):
        ACTS[right.verb, right.when](places)(an_administrator(owes_second_factor=True))


@pytest.mark.parametrize("right", [right for right in RIGHTS if right.fresh], ids=ids)
def test_an_old_proof_is_none(right: Right, places: Places) -> None:
    old = world.AT - timedelta(minutes=15, seconds=1)
    with pytest.raises(ReauthenticationRequired):
        ACTS[right.verb, right.when](places)(an_administrator(reauthenticated_at=old))


@pytest.mark.parametrize("right", [right for right in RIGHTS if right.oneself], ids=ids)
def test_nobody_does_it_in_the_name_of_another(right: Right, places: Places) -> None:
    other = world.standing("manager").wire_id
    with pytest.raises(ImpersonatorRefused):
        ACTS[right.verb, right.when](places)(an_administrator(impersonator=other))


def test_every_verb_has_its_rows() -> None:
    rows = {right.verb for right in RIGHTS}
    verbs = set()
    for domain in DOMAINS:
        door = importlib.import_module(f"{domain}.services")
        for name in door.__all__:
            verb = getattr(door, name)
            if inspect.isfunction(verb) and "actor" in inspect.signature(verb).parameters:
                verbs.add(f"{domain}.{name}")
    assert verbs - rows - INNER.keys() == set(), "verbs without a row in config/permissions.py"
    assert (rows | INNER.keys()) - verbs == set(), "rows of verbs that do not exist"
    assert rows & INNER.keys() == set()


def test_every_row_is_tried() -> None:
    assert {(right.verb, right.when) for right in RIGHTS} == ACTS.keys()
