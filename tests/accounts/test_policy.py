from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import jwt
import pytest

from accounts import policy
from core.actors import ROLES, Actor, Place, role_at
from core.ids import decode

AT = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "k" * 64
USER = decode("usr", "usr_01h455vb4pex5vsknk084sn02q")
SESSION = UUID(int=7)


def token(kind: Any = "access", **given: Any) -> str:
    told = {
        "user_id": USER,
        "session_id": SESSION,
        "at": AT,
        "expires_at": AT + timedelta(minutes=15),
        "key": KEY,
    }
    return policy.sign_token(kind, **told | given)


def test_the_times_of_an_access_token_are_whole_seconds() -> None:
    claims = jwt.decode(token(), options={"verify_signature": False})
    assert claims["sub"] == "usr_01h455vb4pex5vsknk084sn02q"
    assert (claims["iat"], claims["exp"]) == (1767225600, 1767226500)


def test_no_two_tokens_are_the_same() -> None:
    assert token() != token()


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (909, True), (910, False)])
def test_a_token_lives_ten_seconds_beyond_its_end(seconds: int, good: bool) -> None:
    at = AT + timedelta(seconds=seconds)
    if good:
        assert policy.read_token(token(), "access", key=KEY, at=at).session_id == SESSION
    else:
        with pytest.raises(policy.TokenExpired):
            policy.read_token(token(), "access", key=KEY, at=at)
        assert policy.read_token(token(), "access", key=KEY, at=at, even_expired=True)


def test_each_kind_is_good_for_itself_only() -> None:
    refresh = token("refresh", generation=3)
    assert policy.read_token(refresh, "refresh", key=KEY, at=AT).generation == 3
    for given, kind in ((refresh, "access"), (token(), "refresh")):
        with pytest.raises(policy.CredentialsInvalid):
            policy.read_token(given, kind, key=KEY, at=AT)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "present", "seconds", "verdict"),
    [
        (1, 1, 0, "present"),
        (0, 1, 0, "just_before"),
        (0, 1, 10, "just_before"),
        (0, 1, 11, "reused"),
        (0, 2, 0, "reused"),
        (2, 1, 0, "unknown"),
    ],
)
def test_generations_are_judged(given: int, present: int, seconds: int, verdict: str) -> None:
    at = AT + timedelta(seconds=seconds)
    assert policy.judge_generation(given, present, AT, at, timedelta(seconds=10)) == verdict


def test_without_grace_the_one_before_is_reuse() -> None:
    later = AT + timedelta(microseconds=1)
    assert policy.judge_generation(0, 1, AT, later, timedelta(0)) == "reused"


def test_the_highest_role_at_a_place_counts() -> None:
    actor = Actor(
        id="usr_x",
        kind="person",
        global_role="viewer",
        region_roles={"reg_emea": "engineer"},
        site_roles={"site_l1": "manager"},
    )
    lagos = frozenset({"reg_emea", "reg_ng"})
    assert role_at(actor, Place("site_l1", lagos)) == "manager"
    assert role_at(actor, Place("site_l2", lagos)) == "engineer"
    assert role_at(actor, Place("site_a1", frozenset({"reg_apac"}))) == "viewer"
    assert role_at(actor, None) == "viewer"
    assert actor.highest_role == "manager"


def test_a_higher_role_opens_what_a_lower_one_opens() -> None:
    opened = [set(policy.permissions_of(role)) for role in ("", *ROLES)]
    assert opened[0] == set()
    assert all(low <= high for low, high in pairwise(opened))
    assert "admin:full" in opened[-1]
    assert "admin:full" not in opened[-2]


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        (" Eng@Example.COM ", "eng@example.com"),
        ("\uff21da@example.com", "ada@example.com"),  # a full-width letter
    ],
)
def test_an_email_has_one_spelling(given: str, normal: str) -> None:
    assert policy.normal_email(given) == normal


@pytest.mark.parametrize(
    ("role", "permission", "allowed"),
    [
        ("viewer", "outages.view_outage", False),
        ("operator", "outages.view_outage", True),
        ("operator", "accounts.view_user", False),
        ("manager", "accounts.view_user", True),
        ("manager", "outages.change_outage", False),
        ("admin", "outages.change_outage", False),
        ("admin", "accounts.delete_user", False),
        ("manager", "accounts.view_apikey", False),
        ("admin", "accounts.view_apikey", True),
        ("", "outages.view_outage", False),
    ],
)
def test_the_back_office_opens_by_role(role: str, permission: str, allowed: bool) -> None:
    assert policy.may_in_back_office(role, role, permission) is allowed


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [("outages.view_outage", True), ("accounts.view_user", False), ("audit.view_entry", False)],
)
def test_a_role_in_one_place_opens_what_places_narrow(permission: str, allowed: bool) -> None:
    assert policy.may_in_back_office("manager", "", permission) is allowed
