"""/access/.../grants, /access/teams and /access/group-mappings, as a client meets them."""

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts import queries, services
from accounts.api.access_forms import (
    GrantDetailResponse,
    GroupMappingResponse,
    TeamDetailResponse,
    TeamResponse,
)
from accounts.models import Grant, GroupMapping, Team, User
from core.actors import role_at
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def problem(response: HttpResponse) -> tuple[int, str]:
    assert response["Content-Type"] == "application/problem+json", response.content
    return response.status_code, response.json()["code"]


def team(*members: User, name: str = "Core network") -> Team:
    made = services.create_team(name, actor=world.nobody(), at=AT)
    return services.set_members(
        made.id, [member.id for member in members], actor=world.nobody(), at=AT
    )


def of(user: User) -> str:
    return f"/access/users/{user.wire_id}/grants"


def of_team(made: Team) -> str:
    return f"/access/teams/{made.wire_id}/grants"


# --- giving ---------------------------------------------------------------------------------------
def test_a_role_is_given_everywhere() -> None:
    user, admin = world.person(None), world.standing("admin")
    answer = world.client("admin").post(of(user), {"role": "Engineer", "reason": "night shift"})
    told = answer.json()
    assert answer.status_code == 201
    assert list(told) == list(GrantDetailResponse().fields)
    assert answer["Location"] == f"/api/v1/access/grants/{told['id']}"
    assert world.client("admin").get(f"/access/grants/{told['id']}").json() == told
    assert told | {"id": "", "created_at": "", "valid_from": ""} == {
        "id": "",
        "role": "engineer",
        "scope_kind": "global",
        "scope_id": None,
        "source": "manual",
        "valid_until": None,
        "user_id": user.wire_id,
        "team_id": None,
        "valid_from": "",
        "granted_by": admin.wire_id,
        "reason": "night shift",
        "created_at": "",
        "ended_at": None,
        "ended_by": None,
    }
    assert world.client(user=user).get("/auth/me").json()["role"] == "engineer"


def test_the_same_role_again_is_there_already() -> None:
    user, client = world.person(None), world.client("admin")
    answers = [client.post(of(user), {"role": "viewer"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()


def test_a_role_is_given_to_a_team() -> None:
    member = world.person(None)
    made = team(member)
    answer = world.client("admin").post(of_team(made), {"role": "operator"})
    assert answer.status_code == 201
    assert (answer.json()["user_id"], answer.json()["team_id"]) == (None, made.wire_id)
    assert world.client(user=member).get("/auth/me").json()["role"] == "operator"


@pytest.mark.parametrize("by", ["code", "wire_id"])
@pytest.mark.parametrize("kind", ["region", "site"])
def test_a_place_is_named_by_code_or_id(kind: str, by: str) -> None:
    region = world.region("lagos")
    place = region if kind == "region" else world.site("LOS-1", region=region)
    named = getattr(place, by).upper() if by == "code" else place.wire_id
    given = {"role": "engineer", "scope_kind": kind, "scope_id": named}
    for path in (of(world.person(None)), of_team(team())):
        told = world.client("admin").post(path, given).json()
        assert (told["scope_kind"], told["scope_id"]) == (kind, place.wire_id)


UNKNOWN = "reg_01h455vb4pex5vsknk084sn02q"


@pytest.mark.parametrize(
    "scope",
    [
        {"scope_kind": "region", "scope_id": UNKNOWN},
        {"scope_kind": "region", "scope_id": "nowhere"},
        {"scope_kind": "region", "scope_id": "LOS-1"},
        {"scope_kind": "region"},
        {"scope_kind": "site", "scope_id": "LOS-2"},
        {"scope_kind": "site", "scope_id": "lagos"},
        {"scope_kind": "global", "scope_id": "lagos"},
        {"scope_id": "lagos"},
    ],
)
def test_a_place_that_does_not_exist_is_unknown(scope: dict[str, str]) -> None:
    world.site("LOS-1", region=world.region("lagos"))
    user, made, client = world.person("viewer"), team(), world.client("admin")
    before = world.everything()
    for path in (of(user), of_team(made), "/access/group-mappings"):
        answer = client.post(path, {"role": "engineer", "claim_value": "noc"} | scope)
        assert problem(answer) == (422, "unknown_scope"), path
    assert world.everything() == before


def test_an_administrator_is_one_everywhere() -> None:
    region = world.region("lagos")
    given = {"role": "admin", "scope_kind": "region", "scope_id": region.code}
    answer = world.client("admin").post(of(world.person(None)), given)
    assert problem(answer) == (422, "unknown_scope")


def test_who_may_not_grant_learns_nothing_of_places() -> None:
    user, client = world.person(None), world.client("manager")
    world.region("lagos")
    for named in ("lagos", "nowhere"):
        given = {"role": "viewer", "scope_kind": "region", "scope_id": named}
        assert problem(client.post(of(user), given)) == (403, "forbidden")


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({}, (422, "validation_failed")),
        ({"role": "king"}, (422, "validation_failed")),
        ({"role": None}, (422, "validation_failed")),
        ({"role": "viewer", "scope_kind": "planet"}, (422, "validation_failed")),
        ({"role": "viewer", "valid_until": "2020-01-01T00:00:00Z"}, (422, "grant_already_over")),
        ({"role": "viewer", "valid_until": "2027-01-01T00:00:00"}, (422, "validation_failed")),
        ({"role": "viewer", "reason": "x" * 501}, (422, "validation_failed")),
    ],
)
def test_what_cannot_be_given_is_not(given: dict[str, Any], refusal: tuple[int, str]) -> None:
    user, made, client = world.person("viewer"), team(), world.client("admin")
    before = world.everything()
    for path in (of(user), of_team(made)):
        assert problem(client.post(path, given)) == refusal
    assert world.everything() == before


def test_a_grant_ends_by_itself() -> None:
    user, until = world.person(None), timezone.now() + timedelta(days=1)
    given = {"role": "viewer", "valid_until": until.isoformat()}
    told = world.client("admin").post(of(user), given).json()
    assert told["valid_until"] == until.isoformat().replace("+00:00", "Z")
    Grant.objects.update(valid_from=AT, valid_until=timezone.now())
    assert world.client(user=user).get("/auth/me").json()["role"] is None


# --- refusals of rank -----------------------------------------------------------------------------
def test_nobody_changes_their_own_grants_directly_or_by_a_team() -> None:
    admin, client = world.standing("admin"), world.client("admin")
    world.person("admin")
    made = team(admin)
    held = services.grant_team_role(made.id, "viewer", actor=world.nobody(), at=AT)
    before = world.everything()
    for answer in (
        client.post(of(admin), {"role": "viewer"}),
        client.post(of_team(made), {"role": "manager"}),
        client.delete(f"/access/grants/{admin.grants.get().wire_id}"),
        client.delete(f"/access/grants/{held.wire_id}"),
        client.put(f"/access/teams/{made.wire_id}/members", {"user_ids": []}),
        client.delete(f"/access/teams/{made.wire_id}"),
    ):
        assert problem(answer) == (403, "own_grants")
    assert world.everything() == before


def test_no_team_is_an_administrator() -> None:
    made, client = team(), world.client("admin")
    before = world.everything()
    assert problem(client.post(of_team(made), {"role": "admin"})) == (422, "role_not_for_teams")
    assert world.everything() == before


def test_the_last_administrator_keeps_the_role() -> None:
    last = world.person("admin")
    # Somebody whose power comes from a group, which does not count.
    acting = world.person(None)
    Grant.objects.create(
        user=acting, role="admin", scope_kind="global", source="idp", valid_from=AT,
        granted_by="oidc", created_at=AT,
    )  # fmt: skip
    client = world.client(user=acting)
    before = world.everything()
    grant = last.grants.get()
    for answer in (
        client.delete(f"/access/grants/{grant.wire_id}"),
        client.post(of(last), {"role": "manager"}),
        client.post(of(last), {"role": "admin", "valid_until": "2999-01-01T00:00:00Z"}),
    ):
        assert problem(answer) == (409, "last_admin")
    assert {name for name, rows in world.everything().items() if rows != before.get(name)} <= {
        "accounts_session"
    }


# --- listing and ending ---------------------------------------------------------------------------
def test_the_grants_of_somebody_are_told_with_those_of_their_teams() -> None:
    user = world.person("viewer")
    made = team(user, world.person())
    services.grant_team_role(made.id, "engineer", actor=world.nobody(), at=AT)
    services.grant_role(user.id, "operator", actor=world.nobody(), at=AT)
    services.grant_team_role(
        team(name="Other").id, "manager", actor=world.nobody(), at=AT
    )  # not theirs
    client = world.client("admin")

    def roles(path: str, **query: str) -> list[str]:
        return [item["role"] for item in client.get(path, query).json()["items"]]

    assert roles(of(user)) == ["operator", "engineer", "viewer"]
    assert roles(of(user), is_live="true") == ["operator", "engineer"]
    assert roles(of(user), is_live="false") == ["viewer"]
    assert roles(of(user), role="engineer,viewer") == ["engineer", "viewer"]
    assert roles(of(user), source="idp") == []
    assert roles(of_team(made)) == ["engineer"]


def test_a_grant_ends_with_its_reason_and_signs_out_who_has_no_other() -> None:
    user = world.person("viewer")
    theirs, grant = world.client(user=user), user.grants.get()
    client = world.client("admin")
    answer = client.request(
        "DELETE", f"/access/grants/{grant.wire_id}", query={"reason": "left the team"}
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.delete(f"/access/grants/{grant.wire_id}").status_code == 204
    told = client.get(f"/access/grants/{grant.wire_id}").json()
    assert told["ended_by"] == world.standing("admin").wire_id
    assert problem(theirs.get("/auth/me")) == (401, "session_revoked")


# --- teams ----------------------------------------------------------------------------------------
def test_a_team_lives_and_ends() -> None:
    client, ada = world.client("admin"), world.person("viewer", email="ada@x.test")
    made = client.post("/access/teams", {"name": " Core network "})
    told = made.json()
    assert made.status_code == 201
    assert list(told) == list(TeamDetailResponse().fields)
    path = f"/access/teams/{told['id']}"
    assert made["Location"] == f"/api/v1{path}"
    assert (told["name"], told["members"]) == ("Core network", [])
    renamed = client.patch(path, {"name": "Access"}).json()
    assert renamed["name"] == "Access"
    filled = client.put(f"{path}/members", {"user_ids": [ada.wire_id, ada.wire_id]}).json()
    assert filled["member_count"] == 1
    assert filled["members"] == [
        {"id": ada.wire_id, "email": "ada@x.test", "full_name": "ada", "status": "active"}
    ]
    assert client.get(path).json() == filled
    assert client.get("/access/teams").json()["items"] == [
        {name: filled[name] for name in TeamResponse().fields}
    ]
    assert client.delete(path).status_code == 204
    assert problem(client.get(path)) == (404, "team_not_found")
    assert client.get("/access/teams").json()["items"] == []


def test_names_of_teams_are_refused() -> None:
    client, made = world.client("admin"), team()
    team(name="Access")
    before = world.everything()
    assert problem(client.post("/access/teams", {"name": "ACCESS"})) == (409, "team_name_taken")
    path = f"/access/teams/{made.wire_id}"
    assert problem(client.patch(path, {"name": "access"})) == (409, "team_name_taken")
    assert problem(client.patch(path, {})) == (422, "nothing_to_change")
    for body in ({}, {"name": ""}, {"name": "x" * 101}, {"name": 5}):
        assert problem(client.post("/access/teams", body)) == (422, "validation_failed")
    assert world.everything() == before


def test_members_that_cannot_be_are_refused() -> None:
    client, made, gone = world.client("admin"), team(), world.person()
    services.disable_user(gone.id, actor=world.nobody(), at=AT)
    path = f"/access/teams/{made.wire_id}/members"
    before = world.everything()
    answer = client.put(path, {"user_ids": [gone.wire_id]})
    assert problem(answer) == (422, "unknown_member")
    assert answer.json()["errors"][0]["pointer"] == "/user_ids/0"
    assert problem(client.put(path, {"user_ids": ["nonsense"]})) == (400, "malformed_id")
    for body in ({}, {"user_ids": None}, {"user_ids": "usr_1"}, {"user_ids": ["x"] * 501}):
        assert problem(client.put(path, body))[0] in (400, 422)
    assert world.everything() == before


def test_the_list_of_teams_costs_the_same_for_many(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client, people = world.client("admin"), [world.person() for _ in range(3)]
    team(*people, name="A")
    with django_assert_num_queries(3):
        client.get("/access/teams")
    for number in range(10):
        team(*people, name=f"B{number}")
    with django_assert_num_queries(3):
        items = client.get("/access/teams", {"search": "b"}).json()["items"]
    assert [item["name"] for item in items] == sorted(f"B{number}" for number in range(10))
    assert {item["member_count"] for item in items} == {3}


# --- group mappings -------------------------------------------------------------------------------
def test_a_group_mapping_lives_and_ends(settings: Settings) -> None:
    settings.OAUTH_PROVIDER_ID = "corp"
    client, region = world.client("admin"), world.region("lagos")
    given = {
        "claim_value": "noc-lagos",
        "role": "engineer",
        "scope_kind": "region",
        "scope_id": "lagos",
    }
    made = client.post("/access/group-mappings", given)
    told = made.json()
    assert made.status_code == 201
    assert list(told) == list(GroupMappingResponse().fields)
    path = f"/access/group-mappings/{told['id']}"
    assert made["Location"] == f"/api/v1{path}"
    assert (told["provider"], told["scope_id"]) == ("corp", region.wire_id)
    assert problem(client.post("/access/group-mappings", given)) == (409, "group_mapping_taken")
    changed = client.patch(path, {"role": "operator"})
    assert changed.json() == told | {"role": "operator"} == client.get(path).json()
    assert problem(client.patch(path, {"role": "admin"})) == (422, "unknown_scope")
    assert problem(client.patch(path, {})) == (422, "validation_failed")
    assert client.delete(path).status_code == 204
    assert problem(client.get(path)) == (404, "group_mapping_not_found")


def test_group_mappings_are_narrowed() -> None:
    client = world.client("admin")
    for number in range(3):
        given = {"claim_value": f"g{number}", "role": "viewer", "provider": "corp"}
        assert client.post("/access/group-mappings", given).status_code == 201
    given = {"claim_value": "g1", "role": "admin", "provider": "other"}
    client.post("/access/group-mappings", given)

    def found(**query: str) -> list[tuple[str, str]]:
        items = client.get("/access/group-mappings", query).json()["items"]
        return [(item["provider"], item["claim_value"]) for item in items]

    assert found(claim_value="g1") == [("corp", "g1"), ("other", "g1")]
    assert found(provider="corp", sort="-claim_value") == [
        ("corp", "g2"),
        ("corp", "g1"),
        ("corp", "g0"),
    ]
    assert found(role="admin") == [("other", "g1")]
    assert GroupMapping.objects.count() == 4


# --- vector 6 -------------------------------------------------------------------------------------
def test_vector_6_the_highest_role_that_reaches_a_place_counts() -> None:
    emea, apac = world.region("emea"), world.region("apac")
    ng = world.region("ng", emea)
    for code, region in (("L1", ng), ("L2", ng), ("S1", apac)):
        world.site(code, region=region)
    user, client = world.person(None), world.client("admin")
    for given in (
        {"role": "viewer"},
        {"role": "engineer", "scope_kind": "region", "scope_id": "emea"},
        {"role": "manager", "scope_kind": "site", "scope_id": "L1"},
    ):
        assert client.post(of(user), given).status_code == 201
    theirs = world.client(user=user)
    assert theirs.get("/auth/me").json()["role"] == "manager"

    assert role_at(queries.actor_of(user), None) == "viewer"

    def may(site: str, role: str) -> bool:
        """Operators resolve, engineers with declared minutes; managers delete what is open."""
        outage = world.outage(site_id=site, site_name=site, description=f"for {role}")
        path = f"/outages/{outage.reference}"
        if role == "manager":
            return theirs.delete(path, {"reason": "told twice"}).status_code == 204
        body = {"mttr_minutes": 5} if role == "engineer" else {}
        return theirs.post(f"{path}/resolve", body).status_code == 200

    for site, held in (("L1", "manager"), ("L2", "engineer"), ("S1", "")):
        ranks = ["operator", "engineer", "manager"]
        reached = ranks[: ranks.index(held) + 1] if held else []
        assert [role for role in ranks if may(site, role)] == reached, site
