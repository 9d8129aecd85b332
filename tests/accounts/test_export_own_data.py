"""POST /auth/me/export: everything that is kept about a person, as one file."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.db import connection
from django.http import HttpResponse

from accounts import services
from accounts.api.access_forms import OwnDataResponse
from accounts.models import Identity, User
from accounts.services import KeyTerms
from audit.models import Entry
from core import exports
from core.actors import Actor, ImpersonatorRefused, NotPermitted, SecondFactorRequired
from core.errors import TooMany
from tests import world
from tests.accounts import codes

AT = world.AT
# A snapshot is a transaction of its own.
snapshot = pytest.mark.django_db(transaction=True)


def export(user: User) -> HttpResponse:
    return world.client(user=user).post("/auth/me/export")


def read(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.content
    content = b"".join(response.streaming_content)
    response.close()
    document: dict[str, Any] = orjson.loads(content)
    return document


@snapshot
def test_it_is_a_file() -> None:
    response = export(world.person("viewer"))
    assert response["Content-Type"] == "application/json"
    assert response["Content-Disposition"] == 'attachment; filename="noc-iq-export.json"'
    assert response["Cache-Control"] == "no-store"
    assert response.streaming
    assert list(read(response)) == list(OwnDataResponse().fields)


@snapshot
def test_it_holds_every_part() -> None:
    user = world.person("engineer", email="ada@example.test", full_name="Ada Obi")
    team = services.create_team("Core network", actor=world.nobody(), at=AT)
    services.set_members(team.id, [user.id], actor=world.nobody(), at=AT)
    services.grant_team_role(team.id, "manager", actor=world.nobody(), at=AT)
    codes.device(user)
    key = services.create_api_key(
        KeyTerms(name="probe", scopes=["outages:read"]), actor=world.proved(user), at=AT
    )
    world.session(user, address="198.51.100.7", user_agent="Mosaic/1.0")
    Identity.objects.create(user=user, issuer="https://idp", subject="ada-1", created_at=AT)
    User.objects.filter(id=user.id).update(preferences={"theme": "dark"})
    document = read(export(user))
    assert document["user"]["email"] == "ada@example.test"
    assert document["user"]["role"] == "manager"
    assert document["teams"] == [{"id": team.wire_id, "name": "Core network"}]
    assert [grant["role"] for grant in document["grants"]] == ["engineer", "manager"]
    assert "Mosaic/1.0" in [session["user_agent"] for session in document["sessions"]]
    assert [each["name"] for each in document["api_keys"]] == ["probe"]
    assert document["preferences"] == {"theme": "dark"}
    assert document["two_factor"]["enabled"]
    assert document["two_factor"]["backup_codes_left"] == 10
    assert [each["subject"] for each in document["identities"]] == ["ada-1"]
    assert key.raw_key not in str(document)
    assert key.key.hash not in str(document)


@snapshot
def test_it_holds_the_entries_of_what_they_did_and_of_what_was_done_to_them_in_order() -> None:
    user, other = world.person("engineer"), world.person("viewer")
    services.grant_role(user.id, "manager", actor=world.proved(world.standing("admin")), at=AT)
    services.save_preferences({"a": 1}, actor=codes.caller(user), at=AT)
    document = read(export(user))
    entries = document["audit_entries"]
    assert document["entry_count"] == len(entries)
    actions = [entry["action"] for entry in entries]
    assert actions[-1] == "accounts.export_own_data"
    assert {"accounts.create_user", "accounts.grant_role", "accounts.save_preferences"} <= set(
        actions
    )
    assert all(
        user.wire_id in (entry["actor"]["id"], entry["subject"]["id"], *entry["links"])
        for entry in entries
    )
    assert other.wire_id not in str(entries)


@snapshot
def test_it_is_read_in_pieces_whatever_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    user = world.person("viewer")
    for number in range(7):
        services.save_preferences({"a": number}, actor=codes.caller(user), at=AT)
    monkeypatch.setattr(exports, "PIECE", 3)
    document = read(export(user))
    assert (
        document["entry_count"]
        == len(document["audit_entries"])
        == Entry.objects.filter(actor_id=user.wire_id).count() + 2
    )  # made, and given a role, by somebody else


@snapshot
def test_an_answer_that_nobody_reads_gives_its_snapshot_back() -> None:
    export(world.person("viewer")).close()
    assert not connection.in_atomic_block


@snapshot
def test_an_impersonators_address_is_not_told() -> None:
    user, admin = world.person("viewer"), world.person("admin")
    world.session(
        user, kind="impersonation", impersonator=admin, parent=world.session(admin),
        address="203.0.113.9", user_agent="Admins browser",
    )  # fmt: skip
    document = str(read(export(user)))
    assert "203.0.113.9" not in document
    assert "Admins browser" not in document


@snapshot
def test_once_an_hour() -> None:
    user = world.person("viewer")
    read(export(user))
    before = world.everything()
    again = export(user)
    assert (again.status_code, again.json()["code"]) == (429, "rate_limited")
    assert 3590 <= int(again["Retry-After"]) <= 3600
    after = world.everything()
    assert {name for name in after if after[name] != before.get(name)} <= {"accounts_session"}


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "due"), [(3599, False), (3600, True)])
def test_the_hour_is_an_hour(seconds: int, due: bool) -> None:
    user = world.person("viewer")
    services.export_own_data(actor=world.proved(user), at=AT)
    later = AT + timedelta(seconds=seconds)
    if due:
        assert services.export_own_data(actor=world.proved(user), at=later) == user.id
    else:
        with pytest.raises(TooMany) as refused:
            services.export_own_data(actor=world.proved(user), at=later)
        assert refused.value.members == {"retry_after": 1}


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_made() -> None:
    user = world.person("viewer")

    def attempt(_: int) -> bool:
        try:
            services.export_own_data(actor=world.proved(user), at=AT)
        except TooMany:
            return False
        return True

    assert sum(world.at_once(6, attempt)) == 1
    assert Entry.objects.filter(action="accounts.export_own_data").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"impersonator": "usr_1"}, ImpersonatorRefused),
        ({"kind": "api_key", "key_scopes": frozenset({"admin:full"})}, NotPermitted),
        ({"owes_second_factor": True}, SecondFactorRequired),
    ],
)
def test_nobody_takes_it_in_somebodys_name(
    more: dict[str, object], refusal: type[Exception]
) -> None:
    user = world.person("viewer")
    actor = Actor(**{"id": user.wire_id, "kind": "person"} | more)
    before = world.everything()
    with pytest.raises(refusal):
        services.export_own_data(actor=actor, at=AT)
    assert world.everything() == before


@pytest.mark.django_db
def test_nobody_takes_it_without_signing_in() -> None:
    answer = world.client(None).post("/auth/me/export")
    assert (answer.status_code, answer.json()["code"]) == (401, "credentials_missing")
