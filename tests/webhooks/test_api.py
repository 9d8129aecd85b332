"""The routes under /webhooks: forms, roles, refusals, and the two shapes of a list."""

from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from django.utils import timezone
from rest_framework import serializers

from core.ids import uuid7
from core.redaction import is_secret_name
from outages.events import OutageDeleted
from tests import world
from tests.webhooks.conftest import SECRET
from webhooks import services
from webhooks.api import examples
from webhooks.api import serializers as forms
from webhooks.models import Delivery, SigningKey, Subscription
from webhooks.policy.attempts import Answer

pytestmark = pytest.mark.django_db(transaction=True)

ASK = {"url": "https://hooks.example/noc", "events": ["outage.*", "sla.violation"]}
SUBSCRIPTION = [
    "id", "name", "url", "is_active", "active", "status", "status_reason", "events", "match",
    "headers", "signature_version", "max_attempts", "max_retries", "timeout_s", "concurrency",
    "rate_per_s", "schema_version", "secret_version", "last_secret_rotation_at", "failing_since",
    "disables_at", "host_state", "waiting", "dead_letters", "created_at", "updated_at",
]  # fmt: skip
DELIVERY = [
    "id", "webhook_id", "message_id", "event", "kind", "status", "state", "held_by",
    "attempt_count", "run", "response_status_code", "response_code", "last_outcome",
    "error_message", "next_attempt_at", "delivered_at", "dead_lettered_at", "signature_version",
    "correlation_id", "created_at",
]  # fmt: skip
ATTEMPT = [
    "number", "run", "started_at", "finished_at", "outcome", "status_code", "latency_ms",
    "remote_ip", "response", "signature_version",
]  # fmt: skip


@pytest.fixture
def admin() -> world.Client:
    return world.client("admin")


@pytest.fixture
def engineer() -> world.Client:
    return world.client("engineer")


@pytest.fixture
def webhook(admin: world.Client) -> dict[str, Any]:
    return admin.post("/webhooks", ASK).json()


@pytest.fixture
def delivery(webhook: dict[str, Any]) -> Delivery:
    at = timezone.now()
    services.queue_messages(
        [
            services.Saying(
                uuid7(),
                event_type="sla.violation",
                occurred_at=at,
                data={"outage_id": "OUT-1"},
                context={"outage_id": "OUT-1"},
            )
        ],
        at=at,
    )
    return Delivery.objects.get()


def attempt(status: int) -> None:
    at = timezone.now()
    for parcel in services.claim_deliveries(10, at=at):
        answer = Answer(status=status, latency_ms=5, remote_ip="203.0.113.9", response="hm")
        services.record_attempts([services.Result(parcel, at, at, answer)], worker="w")


def kill() -> None:
    Subscription.objects.update(max_attempts=1)
    attempt(500)


# Forms.


@pytest.mark.parametrize(
    ("described", "keys", "example"),
    [
        (forms.SubscriptionResponse, SUBSCRIPTION, examples.SUBSCRIPTION),
        (forms.DeliveryResponse, DELIVERY, examples.DELIVERY),
        (forms.AttemptResponse, ATTEMPT, examples.ATTEMPT),
        (forms.DeliveryDetailResponse, [*DELIVERY, "body", "attempts"], examples.DELIVERY_DETAIL),
        (forms.CreatedResponse, [*SUBSCRIPTION, "secret"], examples.CREATED),
    ],
)
def test_forms_are_described_with_the_keys_of_the_specification(
    described: type[serializers.Serializer[Any]], keys: list[str], example: dict[str, Any]
) -> None:
    assert list(described().get_fields()) == keys
    assert list(example) == keys


def test_answers_have_the_keys_that_are_described(
    engineer: world.Client, webhook: dict[str, Any], delivery: Delivery
) -> None:
    attempt(500)
    path = f"/webhooks/{webhook['id']}"
    assert list(engineer.get(path).json()) == SUBSCRIPTION
    assert list(webhook) == [*SUBSCRIPTION, "secret"]
    found = engineer.get(f"{path}/deliveries/{delivery.wire_id}").json()
    assert list(found) == [*DELIVERY, "body", "attempts"]
    assert list(found["attempts"][0]) == ATTEMPT


# Creating.


def test_creating_answers_201_with_the_secret_this_once(
    admin: world.Client, engineer: world.Client
) -> None:
    response = admin.post("/webhooks", ASK)
    body = response.json()
    assert response.status_code == 201
    assert response["Location"] == f"/api/v1/webhooks/{body['id']}"
    assert response["Cache-Control"] == "no-store"
    assert body["secret"].startswith("whsec_")
    shown = engineer.get(f"/webhooks/{body['id']}").json()
    assert shown == {name: value for name, value in body.items() if name != "secret"}
    assert (shown["name"], shown["schema_version"]) == ("hooks.example", "1")
    assert (shown["max_attempts"], shown["max_retries"]) == (10, 9)
    assert (shown["secret_version"], shown["last_secret_rotation_at"]) == (1, None)


def test_a_secret_of_the_client_is_never_echoed(admin: world.Client) -> None:
    response = admin.post("/webhooks", ASK | {"secret": SECRET})
    assert response.status_code == 201
    assert "secret" not in response.json()
    assert SECRET[6:].encode() not in response.content


def test_the_same_key_shows_no_secret_the_second_time(admin: world.Client) -> None:
    first = admin.post("/webhooks", ASK, Idempotency_Key="k-1")
    second = admin.post("/webhooks", ASK, Idempotency_Key="k-1")
    assert second["Idempotency-Replayed"] == "true"
    assert second.json() == first.json() | {"secret": None}
    assert Subscription.objects.count() == 1


def test_the_words_of_existing_clients_are_read_and_shown(admin: world.Client) -> None:
    asked = ASK | {
        "events": ["payment.processed", "sla.breached"],
        "max_retries": 4,
        "active": False,
        "secret": "s3cr3t",
    }
    body = admin.post("/webhooks", asked).json()
    assert body["events"] == ["payment.processed", "sla.breached"]
    assert (body["max_attempts"], body["max_retries"]) == (5, 4)
    assert (body["is_active"], body["active"], body["status"]) == (False, False, "paused")
    assert body["signature_version"] == 1


def test_header_values_are_read_back_masked(admin: world.Client) -> None:
    response = admin.post("/webhooks", ASK | {"headers": {"X-Partner": "hunter2"}})
    assert response.json()["headers"] == {"X-Partner": "***"}


@pytest.mark.parametrize(
    ("changed", "code", "pointer"),
    [
        ({"url": None}, "validation_failed", "/url"),
        ({"url": 5}, "validation_failed", "/url"),
        ({"url": "https://127.0.0.1/"}, "url_forbidden", "/url"),
        ({"events": []}, "validation_failed", "/events"),
        ({"events": ["sla.violation", "nope"]}, "event_unknown", "/events/1"),
        ({"events": "*"}, "validation_failed", "/events"),
        ({"events": ["*"] * 51}, "validation_failed", "/events"),
        ({"secret": "whsec_AAAA"}, "secret_malformed", "/secret"),
        ({"secret": "x" * 256}, "validation_failed", "/secret"),
        ({"secret": "plain", "signature_version": 2}, "secret_not_standard", "/secret"),
        ({"signature_version": 3}, "validation_failed", "/signature_version"),
        ({"max_attempts": 21}, "validation_failed", "/max_attempts"),
        ({"max_attempts": 0}, "validation_failed", "/max_attempts"),
        ({"timeout_s": 31}, "validation_failed", "/timeout_s"),
        ({"concurrency": 51}, "validation_failed", "/concurrency"),
        ({"headers": {"Host": "x"}}, "header_forbidden", "/headers/Host"),
        ({"headers": {"A": "x\ny"}}, "header_malformed", "/headers"),
        ({"headers": ["A"]}, "validation_failed", "/headers"),
        ({"headers": {"A": 1}}, "validation_failed", "/headers"),
        ({"match": {"operator_id": "x"}}, "validation_failed", "/match"),
        ({"match": {"operator_id": []}}, "match_malformed", "/match/operator_id"),
        ({"name": "x" * 256}, "validation_failed", "/name"),
        ({"is_active": "perhaps"}, "validation_failed", "/is_active"),
    ],
)
def test_a_refused_creation_says_where_and_stores_nothing(
    admin: world.Client, changed: dict[str, Any], code: str, pointer: str
) -> None:
    before = world.everything()
    response = admin.post("/webhooks", ASK | changed)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, code)
    assert problem["errors"][0]["pointer"] == pointer
    assert world.everything() == before


def test_a_refused_url_names_the_reason(admin: world.Client) -> None:
    problem = admin.post("/webhooks", ASK | {"url": "https://10.0.0.1/"}).json()
    assert problem["reason"] == "address"
    assert problem["errors"][0]["reason"] == "address"


# Changing.


def test_a_change_changes_what_is_named_and_null_nothing(
    admin: world.Client, webhook: dict[str, Any]
) -> None:
    path = f"/webhooks/{webhook['id']}"
    body = admin.patch(path, {"name": "Two", "url": None, "is_active": False}).json()
    assert (body["name"], body["url"], body["status"]) == ("Two", ASK["url"], "paused")
    assert admin.patch(path, {"active": True}).json()["status"] == "active"


@pytest.mark.parametrize("body", [{}, {"url": None}, {"unknown": 1}])
def test_a_change_without_a_member_is_refused(
    admin: world.Client, webhook: dict[str, Any], body: dict[str, Any]
) -> None:
    response = admin.patch(f"/webhooks/{webhook['id']}", body)
    assert (response.status_code, response.json()["code"]) == (422, "nothing_to_change")


def test_pausing_and_enabling_answer_the_subscription(
    admin: world.Client, webhook: dict[str, Any]
) -> None:
    path = f"/webhooks/{webhook['id']}"
    paused = admin.post(f"{path}/pause", {"reason": "moving"}).json()
    assert (paused["status"], paused["status_reason"]) == ("paused", "moving")
    assert admin.post(f"{path}/enable").json()["status"] == "active"


def test_a_deleted_one_is_gone_from_the_wire(
    admin: world.Client, webhook: dict[str, Any], delivery: Delivery
) -> None:
    path = f"/webhooks/{webhook['id']}"
    assert admin.delete(path).status_code == 204
    for gone in (path, f"{path}/deliveries", f"{path}/deliveries/{delivery.wire_id}"):
        assert admin.get(gone).json()["code"] == "webhook_not_found"
    assert admin.get("/webhooks").json() == []
    log = admin.get("/webhooks/deliveries").json()["items"]
    assert [each["state"] for each in log] == ["cancelled"]


def test_a_rotation_shows_the_new_secret_this_once(
    admin: world.Client, webhook: dict[str, Any]
) -> None:
    path = f"/webhooks/{webhook['id']}/rotate-secret"
    first = admin.post(path, {"grace_hours": 2}, Idempotency_Key="r-1")
    body = first.json()
    assert body["new_secret"].startswith("whsec_")
    assert (body["webhook_id"], body["kind"], body["public_key"]) == (webhook["id"], "hmac", None)
    assert body["secret_version"] == 2
    assert body["grace_expires_at"] in body["message"]
    again = admin.post(path, {"grace_hours": 2}, Idempotency_Key="r-1").json()
    assert again == body | {"new_secret": None}
    shown = admin.get(f"/webhooks/{webhook['id']}").json()
    assert shown["secret_version"] == 2
    assert shown["last_secret_rotation_at"] is not None


def test_a_rotation_without_grace_says_so(admin: world.Client, webhook: dict[str, Any]) -> None:
    body = admin.post(f"/webhooks/{webhook['id']}/rotate-secret", {"grace_hours": 0}).json()
    assert body["grace_expires_at"] is None
    assert "ended" in body["message"]


@pytest.mark.parametrize(
    "body", [{"grace_hours": 169}, {"grace_hours": -1}, {"kind": "ed25519"}, {"secret": "plain"}]
)
def test_a_refused_rotation_leaves_one_secret(
    admin: world.Client, webhook: dict[str, Any], body: dict[str, Any]
) -> None:
    response = admin.post(f"/webhooks/{webhook['id']}/rotate-secret", body)
    assert response.status_code == 422
    assert SigningKey.objects.count() == 1


# Deliveries.


def test_a_test_is_accepted_and_can_be_looked_up(
    engineer: world.Client, webhook: dict[str, Any]
) -> None:
    response = engineer.post(f"/webhooks/{webhook['id']}/test")
    body = response.json()
    assert (response.status_code, body["event"], body["kind"]) == (202, "webhook.test", "test")
    found = engineer.get(response["Location"].removeprefix("/api/v1")).json()
    assert found["id"] == body["id"]
    assert '"type":"webhook.test"' in found["body"]


def test_a_delivery_shows_the_text_that_is_sent_and_its_attempts(
    engineer: world.Client, webhook: dict[str, Any], delivery: Delivery
) -> None:
    attempt(500)
    path = f"/webhooks/{webhook['id']}/deliveries/{delivery.wire_id}"
    body = engineer.get(path).json()
    assert body["body"].startswith('{"data":{"outage_id":"OUT-1"},"schema_version":"1"')
    assert (body["status"], body["state"], body["held_by"]) == ("retrying", "retrying", None)
    assert body["response_status_code"] == body["response_code"] == 500
    assert body["correlation_id"] == delivery.message.correlation_id
    assert body["attempts"][0]["outcome"] == "rejected"
    assert body["attempts"][0]["remote_ip"] == "203.0.113.9"


def test_the_list_is_a_bare_array_unless_paging_is_asked_for(
    engineer: world.Client, webhook: dict[str, Any], delivery: Delivery
) -> None:
    for path in ("/webhooks", f"/webhooks/{webhook['id']}/deliveries"):
        assert isinstance(engineer.get(path).json(), list)
        for paging in ({"page": "1"}, {"page_size": "5"}, {"cursor": ""}, {"limit": "5"}):
            assert len(engineer.get(path, paging).json()["items"]) == 1
    log = engineer.get("/webhooks/deliveries").json()
    assert (log["total"], log["page"]) == (1, 1)


@pytest.mark.parametrize(
    ("prepare", "coarse", "exact"),
    [
        (lambda: None, "pending", "pending"),
        (lambda: services.claim_deliveries(1, at=timezone.now()), "pending", "sending"),
        (lambda: attempt(500), "failed", "retrying"),
        (lambda: attempt(410), "failed", "dead_letter"),
        (lambda: attempt(204), "success", "success"),
    ],
)
def test_the_bare_array_speaks_four_words(
    engineer: world.Client,
    webhook: dict[str, Any],
    delivery: Delivery,
    prepare: Any,
    coarse: str,
    exact: str,
) -> None:
    prepare()
    path = f"/webhooks/{webhook['id']}/deliveries"
    (bare,) = engineer.get(path).json()
    assert (bare["status"], bare["state"]) == (coarse, exact)
    (item,) = engineer.get(path, {"page": "1"}).json()["items"]
    assert (item["status"], item["state"]) == (exact, exact)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "pending"}, 1), ({"status": "success"}, 0), ({"status": "breaker_open"}, 0),
        ({"status": "failed"}, 0), ({"event": "sla.violation"}, 1), ({"event": "sla.resolved"}, 0),
        ({"kind": "event"}, 1), ({"kind": "test"}, 0), ({"outage_id": "OUT-1"}, 1),
        ({"outage_id": "OUT-2"}, 0), ({"search": "OUT-1"}, 1), ({"search": "sla.violation"}, 1),
        ({"search": "zzz"}, 0), ({"created_after": "2020-01-01T00:00:00Z"}, 1),
        ({"created_before": "2020-01-01T00:00:00Z"}, 0), ({"outcome": "rejected"}, 0),
        ({"delivered_after": "2020-01-01T00:00:00Z"}, 0),
    ],
)  # fmt: skip
def test_the_log_is_narrowed(
    engineer: world.Client, delivery: Delivery, query: dict[str, str], found: int
) -> None:
    assert engineer.get("/webhooks/deliveries", query).json()["total"] == found


def test_the_log_is_found_by_ids(engineer: world.Client, delivery: Delivery) -> None:
    message = delivery.message.wire_id
    for query in ({"search": delivery.wire_id}, {"search": message}, {"message_id": message}):
        assert engineer.get("/webhooks/deliveries", query).json()["total"] == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"status": "nope"}, 422), ({"kind": "nope"}, 422), ({"created_after": "yesterday"}, 422),
        ({"created_after": "2026-01-01T00:00:00"}, 422), ({"cursor": "nope"}, 400),
        ({"message_id": "nope"}, 400), ({"page": "0"}, 422), ({"outcome": "nope"}, 422),
    ],
)  # fmt: skip
def test_a_bad_filter_is_never_silently_a_first_page(
    engineer: world.Client, delivery: Delivery, query: dict[str, str], status: int
) -> None:
    assert engineer.get("/webhooks/deliveries", query).status_code == status


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"name": "HOOKS"}, 1), ({"name": "nope"}, 0), ({"status": "active"}, 1),
        ({"status": "paused"}, 0), ({"is_active": "true"}, 1), ({"active": "false"}, 0),
        ({"host": "hooks.example"}, 1), ({"event": "sla.violation"}, 1),
        ({"event": "outage.created"}, 1), ({"event": "payment.requested"}, 0),
    ],
)  # fmt: skip
def test_subscriptions_are_narrowed(
    engineer: world.Client, webhook: dict[str, Any], query: dict[str, str], found: int
) -> None:
    assert len(engineer.get("/webhooks", query).json()) == found


def test_a_cursor_walk_sees_each_delivery_once(
    engineer: world.Client, webhook: dict[str, Any]
) -> None:
    at = timezone.now()
    for n in range(5):
        services.queue_messages(
            [
                services.Saying(
                    uuid7(), event_type="sla.violation", occurred_at=at, data={}, context={}
                )
            ],
            at=at + timedelta(seconds=n // 2),
        )
    seen, cursor = [], ""
    while cursor is not None:
        page = engineer.get(
            f"/webhooks/{webhook['id']}/deliveries", {"cursor": cursor, "limit": "2"}
        ).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 5


def test_reading_a_page_costs_the_same_whatever_its_size(
    engineer: world.Client, admin: world.Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        admin.post("/webhooks", ASK)
    with django_assert_max_num_queries(6):
        assert len(engineer.get("/webhooks").json()) == 5


def test_a_dead_letter_is_retried_by_an_engineer(
    engineer: world.Client, webhook: dict[str, Any], delivery: Delivery
) -> None:
    kill()
    path = f"/webhooks/{webhook['id']}/deliveries/{delivery.wire_id}/retry"
    response = engineer.post(path, {"reason": "mended"})
    assert (response.status_code, response.json()["state"]) == (200, "pending")
    assert engineer.get(f"/webhooks/{webhook['id']}").json()["waiting"] == 1


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda: attempt(204), "delivery_already_succeeded"),
        (lambda: (kill(), Subscription.objects.update(status="paused")), "webhook_not_active"),
    ],
)
def test_a_retry_that_cannot_be_is_a_conflict(
    engineer: world.Client,
    webhook: dict[str, Any],
    delivery: Delivery,
    prepare: Any,
    code: str,
) -> None:
    prepare()
    response = engineer.post(f"/webhooks/{webhook['id']}/deliveries/{delivery.wire_id}/retry")
    assert (response.status_code, response.json()["code"]) == (409, code)


def test_the_delivery_of_another_webhook_is_not_found(
    admin: world.Client, webhook: dict[str, Any], delivery: Delivery
) -> None:
    other = admin.post("/webhooks", ASK).json()["id"]
    for answer in (
        admin.get(f"/webhooks/{other}/deliveries/{delivery.wire_id}"),
        admin.post(f"/webhooks/{other}/deliveries/{delivery.wire_id}/retry"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "delivery_not_found")


def test_why_it_does_not_move_is_said(
    admin: world.Client, webhook: dict[str, Any], delivery: Delivery
) -> None:
    path = f"/webhooks/{webhook['id']}"
    admin.post(f"{path}/pause")
    assert admin.get(f"{path}/deliveries").json()[0]["held_by"] == "paused"
    admin.post(f"{path}/enable")
    Subscription.objects.update(hold_until=timezone.now() + timedelta(hours=1))
    assert admin.get(f"{path}/deliveries").json()[0]["held_by"] == "receiver"


# Ids and roles.


@pytest.mark.parametrize(
    ("webhook_id", "status", "code"),
    [
        ("whk_01h455vb4pex5vsknk084sn02q", 404, "webhook_not_found"),
        ("01890a5d-ac96-774b-bcce-b302099a8057", 404, "webhook_not_found"),
        ("pay_01h455vb4pex5vsknk084sn02q", 400, "malformed_id"),
        ("nope", 400, "malformed_id"),
    ],
)
def test_an_id_that_names_nothing(
    admin: world.Client, webhook_id: str, status: int, code: str
) -> None:
    for response in (
        admin.get(f"/webhooks/{webhook_id}"),
        admin.patch(f"/webhooks/{webhook_id}", {"name": "x"}),
        admin.delete(f"/webhooks/{webhook_id}"),
        admin.post(f"/webhooks/{webhook_id}/test"),
        admin.get(f"/webhooks/{webhook_id}/deliveries"),
    ):
        assert (response.status_code, response.json()["code"]) == (status, code)


def routes(webhook: str, delivery: str) -> list[tuple[str, str, str]]:
    one = f"/webhooks/{webhook}"
    return [
        ("GET", "/webhooks", "engineer"),
        ("POST", "/webhooks", "admin"),
        ("GET", "/webhooks/deliveries", "engineer"),
        ("GET", one, "engineer"),
        ("PATCH", one, "admin"),
        ("DELETE", one, "admin"),
        ("POST", f"{one}/pause", "admin"),
        ("POST", f"{one}/enable", "admin"),
        ("POST", f"{one}/rotate-secret", "admin"),
        ("POST", f"{one}/test", "engineer"),
        ("GET", f"{one}/deliveries", "engineer"),
        ("GET", f"{one}/deliveries/{delivery}", "engineer"),
        ("POST", f"{one}/deliveries/{delivery}/retry", "engineer"),
        ("GET", "/webhooks/events", "viewer"),
        ("GET", "/webhooks/events/sla.violation", "viewer"),
    ]


def test_each_route_asks_for_its_role(webhook: dict[str, Any], delivery: Delivery) -> None:
    ranks = ["viewer", "operator", "engineer", "manager", "admin"]
    bodies = {"POST": ASK, "PATCH": {"name": "x"}}
    for method, path, least in routes(webhook["id"], delivery.wire_id):
        assert world.client(None).request(method, path).status_code == 401
        for role in ranks[: ranks.index(least)]:
            caller = world.client(role)
            before = world.everything()
            response = caller.request(method, path, bodies.get(method))
            assert (response.status_code, response.json()["required_role"]) == (403, least), path
            assert world.everything() == before


def test_a_role_in_one_place_is_not_enough(webhook: dict[str, Any]) -> None:
    user = world.person("engineer", site=world.site())
    response = world.client(user=user).get("/webhooks")
    assert (response.status_code, response.json()["reason"]) == (403, "outside_scope")


# The catalogue.


def test_the_catalogue_names_every_public_type_with_its_schema() -> None:
    body = world.client("viewer").get("/webhooks/events").json()
    types = [entry["type"] for entry in body["items"]]
    assert types == sorted(types)
    assert {"outage.created", "sla.violation", "webhook.disabled", "webhook.test"} <= set(types)
    assert not {"session.revoked", "account.changed"} & set(types)


def test_one_type_is_described_by_a_schema_that_its_data_fits() -> None:
    entry = world.client("viewer").get("/webhooks/events/outage.deleted").json()
    assert entry["schema"]["$schema"].endswith("2020-12/schema")
    jsonschema.Draft202012Validator.check_schema(entry["schema"])
    event = OutageDeleted(
        occurred_at=timezone.now(),
        outage_id="OUT-1",
        outage_uuid="u",
        site_id=None,
        region_id=None,
        operator_id=None,
        severity="high",
        status="open",
        version=1,
        reason="double",
    )
    jsonschema.validate(event.data(), entry["schema"])
    assert entry["description"]


def test_no_schema_has_a_property_named_like_a_secret() -> None:
    def names(schema: Any) -> list[str]:
        if isinstance(schema, list):
            return [name for each in schema for name in names(each)]
        if not isinstance(schema, dict):
            return []
        own = list(schema.get("properties", {}))
        return own + [name for each in schema.values() for name in names(each)]

    for entry in world.client("viewer").get("/webhooks/events").json()["items"]:
        assert not [name for name in names(entry["schema"]) if is_secret_name(name)]


def test_an_unknown_type_is_not_found() -> None:
    response = world.client("viewer").get("/webhooks/events/nope")
    assert (response.status_code, response.json()["code"]) == (404, "event_not_found")


@pytest.mark.parametrize("path", ["/webhooks/", "/webhooks/events/", "/webhooks/deliveries/"])
def test_a_slash_at_the_end_changes_nothing(engineer: world.Client, path: str) -> None:
    assert engineer.get(path).status_code == 200
