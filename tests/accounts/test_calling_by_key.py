"""A key at the doors: as whom it comes, what it opens, when it is refused."""

import logging
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import policy, queries, services
from accounts.models import ApiKey, Team
from core.actors import ROLES
from tests import world

pytestmark = pytest.mark.django_db
OUTAGE = {
    "site_name": "Lagos Island",
    "severity": "critical",
    "detected_at": "2026-01-05T10:00:00Z",
    "description": "No signal on all sectors",
}


def code(answer: HttpResponse) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_key_comes_as_its_owner_cut_down_to_its_scopes() -> None:
    user = world.person("manager")
    made = world.api_key(user, "sla:read", "outages:write")
    actor = queries.actor_of_key(made.raw_key, at=timezone.now(), address="192.0.2.1").actor
    assert actor is not None
    assert (actor.id, actor.kind, actor.key_id) == (user.wire_id, "api_key", made.key.wire_id)
    assert (actor.global_role, actor.key_scopes) == ("manager", {"sla:read", "outages:write"})


def test_it_brings_the_roles_of_its_owners_teams() -> None:
    user, team = world.person(None), Team.objects.create(name="Core", created_at=world.AT)
    team.members.add(user)
    team.grants.create(
        role="operator",
        scope_kind="global",
        valid_from=world.AT,
        granted_by="tests",
        created_at=world.AT,
    )
    actor = queries.actor_of_key(world.api_key(user).raw_key, at=timezone.now()).actor
    assert actor is not None
    assert actor.global_role == "operator"


def test_a_key_reads_within_its_scope_and_writes_nothing() -> None:
    """Vector 7 of the specification."""
    client = world.Client(world.api_key(world.person("engineer"), "outages:read").raw_key)
    assert client.get("/outages").status_code == 200
    before = world.everything()
    answer = client.post("/outages", OUTAGE)
    assert code(answer) == (403, "forbidden")
    assert answer.json()["reason"] == "key_scope_missing"
    assert answer.json()["required_scope"] == "outages:write"
    assert world.everything() == before


def test_writing_includes_reading() -> None:
    client = world.Client(world.api_key(world.person(), "outages:write").raw_key)
    assert client.get("/outages").status_code == 200
    assert client.post("/outages", OUTAGE).status_code == 201


def test_a_key_never_lifts_its_owner() -> None:
    client = world.Client(world.api_key(world.person("viewer"), "outages:write").raw_key)
    answer = client.post("/outages", OUTAGE)
    assert (answer.status_code, answer.json()["reason"]) == (403, "role_too_low")


def test_both_headers_take_a_key_and_an_access_token() -> None:
    user = world.person()
    for secret in (world.api_key(user).raw_key, world.access_token(user)):
        for header in ({"Authorization": f"Bearer {secret}"}, {"X_API_Key": secret}):
            assert world.Client().get("/outages", **header).status_code == 200


def test_a_key_needs_no_csrf_token() -> None:
    client = world.Client(world.api_key(world.person(), "outages:write").raw_key)
    client.http.cookies["noc_access_token"] = "x"
    assert client.post("/outages", OUTAGE, Origin="https://x.example").status_code == 201


def test_in_a_cookie_a_key_is_nothing() -> None:
    client = world.Client()
    client.http.cookies["noc_access_token"] = world.api_key(world.person()).raw_key
    assert code(client.get("/outages")) == (401, "credentials_invalid")


@pytest.mark.parametrize("end", ["unknown", "secret", "revoked", "expired", "disabled", "network"])
def test_a_key_that_is_no_good_is_refused_without_a_word_why(
    end: str, caplog: pytest.LogCaptureFixture
) -> None:
    user = world.person()
    made = world.api_key(user)
    raw, row = made.raw_key, ApiKey.objects.filter(id=made.key.id)
    assert world.Client(raw).get("/outages").status_code == 200
    if end == "unknown":
        row.update(public_id="0" * 12)
    elif end == "secret":
        raw = raw[:-1] + ("A" if raw[-1] != "A" else "B")
    elif end == "revoked":
        services.revoke_api_key(made.key.id, actor=world.nobody(), at=timezone.now())
    elif end == "expired":
        row.update(expires_at=timezone.now())
    elif end == "disabled":
        services.disable_user(user.id, actor=world.nobody(), at=timezone.now())
    else:
        row.update(networks=["10.0.0.0/8"])
    with caplog.at_level(logging.WARNING):
        answer = world.Client(raw).get("/outages")
    assert code(answer) == (401, "credentials_invalid")
    assert answer.json()["detail"] == policy.CredentialsInvalid.summary
    assert [each.message for each in caplog.records if "key" in each.message] == ["api_key_refused"]
    assert raw[17:] not in caplog.text


def test_a_network_lets_in_whom_it_holds() -> None:
    made = world.api_key(world.person(), networks=["127.0.0.0/8"])
    assert world.Client(made.raw_key).get("/outages").status_code == 200


def test_an_enabled_owner_has_their_keys_back() -> None:
    user, now = world.person(), timezone.now()
    made = world.api_key(user)
    services.disable_user(user.id, actor=world.nobody(), at=now)
    services.enable_user(user.id, actor=world.nobody(), at=now)
    assert world.Client(made.raw_key).get("/outages").status_code == 200


def test_being_used_is_noted_once_a_minute() -> None:
    made = world.api_key(world.person())
    row = ApiKey.objects.filter(id=made.key.id)
    world.Client(made.raw_key).get("/outages")
    first = row.get().last_used_at
    assert first is not None
    world.Client(made.raw_key).get("/outages")
    assert row.get().last_used_at == first
    row.update(last_used_at=first - timedelta(seconds=61))
    world.Client(made.raw_key).get("/outages")
    assert row.get().last_used_at > first


def test_a_refused_key_counts_as_unused() -> None:
    made = world.api_key(world.person(), networks=["10.0.0.0/8"])
    world.Client(made.raw_key).get("/outages")
    assert ApiKey.objects.get().last_used_at is None


def test_the_actor_of_a_key_costs_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    made = world.api_key(world.person())
    with django_assert_num_queries(1):
        queries.actor_of_key(made.raw_key, at=timezone.now())


def test_what_has_not_the_form_of_a_key_costs_none(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        found = queries.actor_of_key("noc_x", at=timezone.now())
    assert (found.outcome, found.actor) == ("unknown", None)


def test_a_person_who_owes_a_second_factor_has_no_way_round_it_by_key(
    settings: pytest.FixtureRequest,
) -> None:
    settings.MFA_REQUIRED_ROLES = ("manager",)
    client = world.Client(world.api_key(world.person("manager")).raw_key)
    assert code(client.get("/outages")) == (403, "second_factor_required")


def test_a_machine_owes_none(settings: pytest.FixtureRequest) -> None:
    settings.MFA_REQUIRED_ROLES = ROLES
    machine = services.create_service_account(
        full_name="Probe", responsible_id=world.person().id, actor=world.nobody(), at=world.AT
    )
    services.grant_role(machine.id, "viewer", actor=world.nobody(), at=world.AT)
    client = world.Client(world.api_key(machine).raw_key)
    assert client.get("/outages").status_code == 200
    acting = queries.acting(machine.wire_id)
    assert acting is not None
    assert not acting.owes_second_factor


def test_me_tells_a_key_whose_it_is() -> None:
    user = world.person()
    answer = world.Client(world.api_key(user).raw_key).get("/auth/me")
    assert (answer.status_code, answer.json()["id"]) == (200, user.wire_id)


def _views(resolver: URLResolver, before: str = "") -> list[tuple[str, type]]:
    found: list[tuple[str, type]] = []
    for pattern in resolver.url_patterns:
        whole = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += _views(pattern, whole)
        elif isinstance(pattern, URLPattern) and hasattr(pattern.callback, "cls"):
            found.append((whole, pattern.callback.cls))
    return found


def test_the_doors_of_accounts_take_no_key_but_one() -> None:
    own = [
        (path, view) for path, view in _views(get_resolver()) if view.__module__[:9] == "accounts."
    ]
    assert len(own) > 10
    taking = [path for path, view in own if getattr(view, "takes_keys", False)]
    assert [path for path in taking if "auth/me" not in path] == []
    assert len(taking) == 1


@pytest.mark.parametrize("path", ["/api-keys", "/access/service-accounts"])
def test_an_administrators_key_of_full_power_manages_nobody(path: str) -> None:
    client = world.Client(world.api_key(world.person("admin"), "admin:full").raw_key)
    for answer in (client.get(path), client.post(path, {})):
        assert code(answer) == (403, "forbidden")
        assert answer.json()["reason"] == "key_scope_missing"


def test_nobody_registers_others_by_key() -> None:
    client = world.Client(world.api_key(world.person("admin"), "admin:full").raw_key)
    before = world.everything()
    answer = client.post("/auth/register", {"email": "x@example.test", "password": world.PASSWORD})
    assert code(answer) == (403, "forbidden")
    assert {**world.everything(), "accounts_apikey": ""} == {**before, "accounts_apikey": ""}
