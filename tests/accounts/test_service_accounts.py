from dataclasses import replace
from datetime import timedelta

import pytest
from django.http import HttpResponse
from pytest_django import DjangoAssertNumQueries

from accounts import policy, queries, services
from accounts.models import User
from audit.models import Entry
from core.actors import (
    Actor,
    ImpersonatorRefused,
    NotPermitted,
    ReauthenticationRequired,
    SecondFactorRequired,
)
from core.errors import DomainError, NothingToChange
from core.ids import uuid7
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def create(actor: Actor | None = None, responsible: User | None = None) -> User:
    return services.create_service_account(
        full_name="Probe of the core",
        responsible_id=(responsible or world.standing("engineer")).id,
        actor=actor or world.actor("admin"),
        at=AT,
    )


def refused(error: type[DomainError], actor: Actor, responsible: User | None = None) -> None:
    world.standing("engineer")
    before = world.everything()
    with pytest.raises(error):
        create(actor, responsible)
    assert world.everything() == before


def test_a_service_has_no_email_no_password_and_no_role() -> None:
    made = create()
    row = User.objects.get(id=made.id)
    assert (row.kind, row.email, row.role) == ("service", None, "")
    assert not row.has_usable_password()
    assert row.responsible == world.standing("engineer")


def test_it_is_audited_without_its_name() -> None:
    made = create()
    entry = Entry.objects.get(action="accounts.create_service_account")
    assert entry.subject_id == made.wire_id
    assert world.standing("engineer").wire_id in entry.links
    assert "Probe" not in entry.body


def test_it_comes_in_by_key_with_the_roles_it_is_given() -> None:
    made = create()
    client = world.Client(world.api_key(made).raw_key)
    assert client.get("/outages").status_code == 403
    services.grant_role(made.id, "viewer", actor=world.nobody(), at=AT)
    assert client.get("/outages").status_code == 200


def test_it_neither_signs_in_nor_enters_the_back_office() -> None:
    made = create()
    services.grant_role(made.id, "operator", actor=world.nobody(), at=AT)
    for email in ("", "Probe of the core", made.wire_id):
        with pytest.raises(policy.CredentialsInvalid):
            services.open_session(email=email, password="", address=None, user_agent="", at=AT)


def test_only_administrators_make_them_themselves_and_freshly_proved() -> None:
    refused(NotPermitted, world.actor("manager"))
    admin = world.actor("admin")
    refused(NotPermitted, replace(admin, kind="api_key", key_scopes=frozenset({"admin:full"})))
    refused(ImpersonatorRefused, replace(admin, impersonator="usr_x"))
    refused(SecondFactorRequired, replace(admin, owes_second_factor=True))
    stale = AT - timedelta(minutes=16)
    refused(ReauthenticationRequired, replace(admin, reauthenticated_at=stale))


def test_an_active_person_answers_for_it() -> None:
    admin, gone, machine = world.actor("admin"), world.person(), create()
    services.disable_user(gone.id, actor=world.nobody(), at=AT)
    for responsible in (gone, machine, User(id=uuid7())):
        refused(services.ResponsibleNotActive, admin, responsible)


def test_another_person_takes_over() -> None:
    made, heir = create(), world.person()
    services.change_service_account(
        made.id, full_name="Probe 2", responsible_id=heir.id, actor=world.actor("admin"), at=AT
    )
    row = User.objects.get(id=made.id)
    assert (row.full_name, row.responsible) == ("Probe 2", heir)
    entry = Entry.objects.get(action="accounts.change_service_account")
    assert {made.wire_id, heir.wire_id} <= set(entry.links)
    assert "Probe" not in entry.body


def test_a_change_changes_something_and_services_only() -> None:
    made, admin, person = create(), world.actor("admin"), world.person()
    before = world.everything()
    with pytest.raises(NothingToChange):
        services.change_service_account(made.id, actor=admin, at=AT)
    for other in (person.id, uuid7()):
        with pytest.raises(services.UserNotFound):
            services.change_service_account(other, full_name="x", actor=admin, at=AT)
    with pytest.raises(NotPermitted):
        services.change_service_account(
            made.id, full_name="x", actor=world.actor("manager", email="m@example.test"), at=AT
        )
    after = world.everything()
    assert after["audit_entry"] != before["audit_entry"]  # the manager came
    assert User.objects.get(id=made.id).full_name == "Probe of the core"


def test_a_service_whose_person_has_gone_is_counted() -> None:
    responsible = world.person()
    made = create(responsible=responsible)
    create()
    assert queries.services_without_responsible() == 0
    services.disable_user(responsible.id, actor=world.nobody(), at=AT)
    assert queries.services_without_responsible() == 1
    services.disable_user(made.id, actor=world.nobody(), at=AT)
    assert queries.services_without_responsible() == 0


def code(answer: HttpResponse) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_the_story_by_http() -> None:
    admin, first, second = world.client("admin"), world.person(), world.person()
    asked = {"full_name": " Probe ", "responsible": first.wire_id}
    answer = admin.post("/access/service-accounts", asked)
    told = answer.json()
    assert answer.status_code == 201
    assert answer["Location"] == f"/api/v1/access/service-accounts/{told['id']}"
    assert told | {"created_at": ""} == {
        "id": told["id"],
        "full_name": "Probe",
        "status": "active",
        "role": None,
        "responsible": {
            "id": first.wire_id,
            "full_name": first.full_name,
            "is_active": True,
        },
        "created_at": "",
    }
    path = f"/access/service-accounts/{told['id']}"
    changed = admin.patch(path, {"responsible": second.wire_id})
    assert changed.json()["responsible"]["id"] == second.wire_id
    assert admin.get(path).json() == changed.json()
    assert code(admin.patch(path, {})) == (422, "nothing_to_change")
    gone = admin.patch(path, {"responsible": told["id"]})
    assert code(gone) == (422, "responsible_not_active")
    assert code(admin.get(f"/access/service-accounts/{first.wire_id}")) == (404, "user_not_found")


def test_the_list_costs_the_same_however_long(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    admin = world.client("admin")
    made = [create() for _ in range(4)]
    services.disable_user(made[0].id, actor=world.nobody(), at=AT)
    with django_assert_num_queries(4):  # the actor; the page, its grants and its teams
        told = admin.get("/access/service-accounts").json()
    assert (told["total"], len(told["items"])) == (4, 4)
    out = admin.get("/access/service-accounts", {"status": "disabled"}).json()["items"]
    assert [each["id"] for each in out] == [made[0].wire_id]


@pytest.mark.parametrize("role", ["manager", "viewer"])
def test_others_see_none(role: str) -> None:
    client = world.client(role)
    assert code(client.get("/access/service-accounts")) == (403, "forbidden")
    asked = {"full_name": "x", "responsible": world.standing(role).wire_id}
    assert code(client.post("/access/service-accounts", asked)) == (403, "forbidden")
