from datetime import timedelta
from uuid import uuid4

import pytest

from accounts import policy, services
from accounts.models import GroupMapping
from accounts.services import Mapped
from audit import queries as audit
from audit.models import Entry
from core.actors import NotPermitted, ReauthenticationRequired
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT
REGION = "reg_01h455vb4pex5vsknk084sn02q"


def mapped(role: str = "engineer", **given: str | None) -> Mapped:
    return Mapped(**{"provider": "corp", "claim_value": "noc", "role": role} | given)


def make(role: str = "engineer", **given: str | None) -> GroupMapping:
    return services.create_group_mapping(mapped(role, **given), actor=world.nobody(), at=AT)


def test_a_group_gives_a_role_in_a_place() -> None:
    made = services.create_group_mapping(
        mapped(scope_kind="region", scope_id=REGION), actor=world.actor("admin"), at=AT
    )
    assert GroupMapping.objects.get() == made
    entry = audit.view(Entry.objects.get(action="accounts.create_group_mapping"))
    assert entry.after == {
        "provider": "corp",
        "claim_value": "noc",
        "role": "engineer",
        "scope_kind": "region",
        "scope_id": REGION,
    }
    assert REGION in entry.links


def test_a_group_gives_one_role_in_a_place_and_roles_in_many() -> None:
    make()
    make(scope_kind="region", scope_id=REGION)
    before = world.everything()
    for given in ({}, {"scope_kind": "region", "scope_id": REGION}):
        with pytest.raises(services.GroupMappingTaken):
            make("viewer", **given)
    assert world.everything() == before


def test_a_group_may_give_another_role() -> None:
    made = make()
    services.change_group_mapping(made.id, "operator", actor=world.actor("admin"), at=AT)
    assert GroupMapping.objects.get().role == "operator"
    entry = audit.view(Entry.objects.get(action="accounts.change_group_mapping"))
    assert (entry.before, entry.after) == ({"role": "engineer"}, {"role": "operator"})


def test_the_same_role_is_no_change() -> None:
    made = make()
    before = world.everything()
    services.change_group_mapping(made.id, "engineer", actor=world.nobody(), at=AT)
    assert world.everything() == before


@pytest.mark.parametrize(
    ("role", "kind", "scope"),
    [("viewer", "region", None), ("viewer", "global", REGION), ("admin", "region", REGION)],
)
def test_a_scope_that_cannot_be_is_refused(role: str, kind: str, scope: str | None) -> None:
    before = world.everything()
    with pytest.raises(policy.UnknownScope):
        make(role, scope_kind=kind, scope_id=scope)
    assert world.everything() == before


def test_no_group_is_made_administrator_of_a_region_by_a_change() -> None:
    made = make(scope_kind="region", scope_id=REGION)
    with pytest.raises(policy.UnknownScope):
        services.change_group_mapping(made.id, "admin", actor=world.nobody(), at=AT)


def test_a_mapping_goes_and_its_entry_stays() -> None:
    made = make()
    services.delete_group_mapping(made.id, actor=world.actor("admin"), at=AT)
    assert not GroupMapping.objects.exists()
    assert Entry.objects.get(action="accounts.delete_group_mapping").subject_id == made.wire_id


VERBS = {
    "create": lambda made, actor, at: services.create_group_mapping(
        mapped(claim_value="other"), actor=actor, at=at
    ),
    "change": lambda made, actor, at: services.change_group_mapping(
        made.id, "viewer", actor=actor, at=at
    ),
    "delete": lambda made, actor, at: services.delete_group_mapping(made.id, actor=actor, at=at),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("role", ["viewer", "manager"])
def test_only_administrators_do_so(verb: str, role: str) -> None:
    made, actor = make(), world.actor(role)
    before = world.everything()
    with pytest.raises(NotPermitted):
        VERBS[verb](made, actor, AT)
    assert world.everything() == before


@pytest.mark.parametrize("verb", VERBS)
def test_it_asks_for_a_fresh_proof(verb: str) -> None:
    made, actor = make(), world.actor("admin")
    before = world.everything()
    with pytest.raises(ReauthenticationRequired):
        VERBS[verb](made, actor, AT + timedelta(hours=1))
    assert world.everything() == before


@pytest.mark.parametrize("verb", ["change", "delete"])
def test_an_unknown_mapping_is_not_found(verb: str) -> None:
    with pytest.raises(services.GroupMappingNotFound):
        VERBS[verb](GroupMapping(id=uuid4()), world.nobody(), AT)


@pytest.mark.django_db(transaction=True)
def test_of_the_same_mapping_at_once_one_is_made() -> None:
    def attempt(_: int) -> bool:
        try:
            make()
        except services.GroupMappingTaken:
            return False
        return True

    assert sum(world.at_once(6, attempt)) == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_at_once_each_tells_what_it_found() -> None:
    made = make("viewer")
    roles = ["operator", "engineer"]
    world.at_once(
        2,
        lambda place: services.change_group_mapping(
            made.id, roles[place], actor=world.nobody(), at=AT
        ),
    )
    entries = [
        audit.view(each) for each in Entry.objects.filter(action__endswith="change_group_mapping")
    ]
    steps = {entry.before["role"]: entry.after["role"] for entry in entries}
    last = GroupMapping.objects.get().role
    assert steps["viewer"] in roles
    assert steps[steps["viewer"]] == last
