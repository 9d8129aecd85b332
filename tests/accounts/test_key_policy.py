"""The form of keys, and which of them is refused. No database."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts import policy
from core.actors import Actor
from core.errors import ValidationFailed
from core.ids import encode, uuid7

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
KEY = "noc_7zzk2m9q4x1c_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
HASH = "f361d6095e3bc82de8e7b6b3531811278061ee5e69030713511f3e1d55e5ed90"


def facts(**given: object) -> policy.KeyFacts:
    told = {
        "hash": HASH,
        "networks": (),
        "expires_at": AT + timedelta(days=1),
        "revoked_at": None,
        "owner_status": "active",
    }
    return policy.KeyFacts(**told | given)


def test_what_is_stored_of_a_key_is_its_hash() -> None:
    """Vector 5 of the specification."""
    assert policy.hash_of(KEY) == HASH
    assert policy.public_id_of(KEY) == "7zzk2m9q4x1c"


def test_a_key_is_made_of_a_name_of_60_bits_and_a_secret_of_256() -> None:
    made = policy.make_key(b"\xff" * 8, bytes(range(32)))
    assert made == "noc_zzzzzzzzzzzz_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert policy.public_id_of(policy.make_key(bytes(8), bytes(32))) == "0" * 12


@pytest.mark.parametrize(
    "text",
    [
        "",
        "noc_",
        KEY[:-1],
        KEY + "x",
        KEY + "\n",
        KEY.replace("noc", "NOC"),
        KEY.replace("7zzk", "7ZZK"),
        KEY.replace("7zzk", "7izk"),
        KEY.replace("AAEC", "AA+C"),
        KEY.replace("AAEC", "ÄAEC"),
    ],
)
def test_what_has_not_the_form_of_a_key_names_none(text: str) -> None:
    assert policy.public_id_of(text) is None


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (facts(), "ok"),
        (None, "unknown"),
        (facts(hash="0" * 64), "wrong_secret"),
        (facts(revoked_at=AT), "revoked"),
        (facts(expires_at=AT), "expired"),
        (facts(expires_at=AT + timedelta(seconds=1)), "ok"),
        (facts(owner_status="disabled"), "owner_inactive"),
        (facts(owner_status="erased"), "owner_inactive"),
        (facts(networks=["10.0.0.0/8"]), "wrong_network"),
    ],
)
def test_a_key_is_refused_for_a_reason(found: policy.KeyFacts | None, outcome: str) -> None:
    assert policy.judge_key(found, KEY, "192.0.2.1", AT) == outcome


@pytest.mark.parametrize(
    ("networks", "address", "expected"),
    [
        (["10.0.0.0/8", "192.0.2.0/24"], "192.0.2.255", "ok"),
        (["192.0.2.0/24"], "192.0.3.0", "wrong_network"),
        (["192.0.2.1/32"], "::ffff:192.0.2.1", "ok"),
        (["2001:db8::/32"], "2001:db8::1", "ok"),
        (["2001:db8::/32"], "192.0.2.1", "wrong_network"),
        (["0.0.0.0/0"], "", "wrong_network"),
    ],
)
def test_a_key_bound_to_networks_works_from_them_only(
    networks: list[str], address: str, expected: str
) -> None:
    assert policy.judge_key(facts(networks=networks), KEY, address, AT) == expected


def test_networks_have_one_spelling() -> None:
    given = [" 10.0.0.0/8", "192.0.2.1", "2001:DB8::/32", "10.0.0.0/8"]
    assert policy.normal_networks(given) == ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]


@pytest.mark.parametrize("given", [["10.0.0.1/8"], ["nowhere"], ["10.0.0.0/8"] * 11, ["1"]])
def test_what_is_no_network_is_refused(given: list[str]) -> None:
    with pytest.raises(ValidationFailed):
        policy.normal_networks(given)


def test_scopes_are_those_of_the_areas_and_the_administrators() -> None:
    assert len(policy.KEY_SCOPES) == 31
    assert policy.normal_scopes(["sla:read", "outages:write", "sla:read"]) == [
        "outages:write",
        "sla:read",
    ]


@pytest.mark.parametrize("given", [[], ["outages"], ["outages:delete"], ["admin:write"], ["*"]])
def test_an_unknown_scope_is_refused(given: list[str]) -> None:
    with pytest.raises(policy.KeyScopeUnknown):
        policy.normal_scopes(given)


def test_a_key_ends_after_90_days_or_a_year_or_as_wanted() -> None:
    assert policy.end_of_key(None, AT, is_service=False) == AT + timedelta(days=90)
    assert policy.end_of_key(None, AT, is_service=True) == AT + timedelta(days=365)
    wanted = AT + timedelta(days=365)
    assert policy.end_of_key(wanted, AT, is_service=False) == wanted


def test_a_key_neither_outlives_a_year_nor_is_born_dead() -> None:
    with pytest.raises(policy.ExpiryTooFar):
        policy.end_of_key(AT + timedelta(days=365, seconds=1), AT, is_service=True)
    with pytest.raises(ValidationFailed):
        policy.end_of_key(AT, AT, is_service=False)


def test_keys_are_in_the_hand_of_their_owner_and_of_administrators() -> None:
    owner = uuid7()
    own = Actor(id=encode("usr", owner), kind="person")
    assert policy.has_keys_of(own, owner)
    assert not policy.has_keys_of(own, uuid7())
    assert not policy.has_keys_of(Actor(id="usr_x", kind="person", global_role="manager"), owner)
    assert policy.has_keys_of(Actor(id="usr_x", kind="person", global_role="admin"), owner)
