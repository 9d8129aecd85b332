from dataclasses import replace

import pytest

from audit.models import Entry
from core.actors import NotPermitted
from tests.webhooks.conftest import AT, SECRET
from webhooks import queries, services
from webhooks.models import SigningKey, Subscription

pytestmark = pytest.mark.django_db

TERMS = services.Terms(url="https://hooks.example/noc", patterns=["sla.*", "outage.created"])


def test_a_subscription_begins_active_with_the_defaults_and_a_secret_of_ours(admin):
    created = services.create_subscription(TERMS, actor=admin, at=AT)
    row = Subscription.objects.get()
    assert created.secret.startswith("whsec_")
    assert (row.name, row.host, row.status) == (
        "hooks.example",
        "https://hooks.example:443",
        "active",
    )
    assert (row.max_attempts, row.timeout_s, row.concurrency) == (10, 15, 5)
    assert (row.signature_version, row.created_by) == (2, admin.id)
    assert queries.newest_keys([row.id])[row.id] == queries.KeyFacts(1, None)


def test_a_secret_of_the_client_is_not_shown_again(admin):
    created = services.create_subscription(replace(TERMS, secret=SECRET), actor=admin, at=AT)
    assert created.secret is None


def test_a_plain_secret_chooses_the_older_signature(admin):
    created = services.create_subscription(replace(TERMS, secret="s3cr3t"), actor=admin, at=AT)
    assert created.subscription.signature_version == 1


def test_a_subscription_can_begin_paused(admin):
    created = services.create_subscription(replace(TERMS, active=False), actor=admin, at=AT)
    assert created.subscription.status == "paused"


def test_creation_is_audited_without_secret_or_header_values(admin):
    terms = replace(TERMS, secret=SECRET, headers={"X-Partner": "hunter2-value"})
    services.create_subscription(terms, actor=admin, at=AT)
    entry = Entry.objects.get()
    assert entry.action == "webhooks.create_subscription"
    assert "hunter2-value" not in entry.body
    assert SECRET[6:20] not in entry.body
    assert '"X-Partner":"***"' in entry.body


def test_secret_and_headers_are_sealed_in_the_tables(admin):
    terms = replace(TERMS, secret=SECRET, headers={"X-Partner": "hunter2-value"})
    row = services.create_subscription(terms, actor=admin, at=AT).subscription
    sealed = bytes(SigningKey.objects.get().sealed)
    assert SECRET.encode() not in sealed
    assert b"hunter2" not in bytes(Subscription.objects.get().headers)
    assert queries.headers_of(row) == {"X-Partner": "hunter2-value"}


@pytest.mark.parametrize(
    ("changed", "error", "pointers"),
    [
        ({"url": "http://hooks.example/"}, services.UrlForbidden, ["/url"]),
        ({"url": "https://127.0.0.1/"}, services.UrlForbidden, ["/url"]),
        ({"url": "https://localhost/"}, services.UrlForbidden, ["/url"]),
        ({"patterns": ["sla.*", "nope", "x.*"]}, services.EventUnknown, ["/events/1", "/events/2"]),
        ({"match": {"Bad Key": ["x"]}}, services.MatchMalformed, ["/match"]),
        ({"match": {"a_id": []}}, services.MatchMalformed, ["/match/a_id"]),
        ({"headers": {"Host": "x"}}, services.HeaderForbidden, ["/headers/Host"]),
        ({"headers": {"A": "x\r\ny"}}, services.HeaderMalformed, ["/headers"]),
        ({"headers": {f"A{n}": "x" for n in range(21)}}, services.HeaderMalformed, ["/headers"]),
        ({"secret": "whsec_AAAA"}, services.SecretMalformed, ["/secret"]),
        ({"secret": "x" * 256}, services.SecretMalformed, ["/secret"]),
        ({"secret": "plain", "signature_version": 2}, services.SecretNotStandard, ["/secret"]),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_stored(admin, changed, error, pointers):
    with pytest.raises(error) as refused:
        services.create_subscription(replace(TERMS, **changed), actor=admin, at=AT)
    assert [fault.pointer for fault in refused.value.faults] == pointers
    assert not Subscription.objects.exists()
    assert not Entry.objects.exists()


def test_a_refused_url_says_why(admin):
    with pytest.raises(services.UrlForbidden) as refused:
        services.create_subscription(
            replace(TERMS, url="https://u:p@hooks.example/"), actor=admin, at=AT
        )
    assert refused.value.members["reason"] == "userinfo"


def test_only_an_administrator_subscribes(engineer):
    with pytest.raises(NotPermitted):
        services.create_subscription(TERMS, actor=engineer, at=AT)
    assert not Subscription.objects.exists()


def test_there_is_a_limit_to_how_many(admin, monkeypatch, subscribe):
    monkeypatch.setattr("webhooks.policy.patterns.MOST_SUBSCRIPTIONS", 2)
    deleted = subscribe()
    services.delete_subscription(deleted.id, actor=admin, at=AT)
    subscribe()
    subscribe()
    with pytest.raises(services.TooManyWebhooks):
        services.create_subscription(TERMS, actor=admin, at=AT)
    assert queries.subscriptions().count() == 2
