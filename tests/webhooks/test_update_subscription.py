from datetime import timedelta

import pytest

from audit.models import Entry
from core.actors import NotPermitted
from core.errors import NothingToChange
from tests.webhooks.conftest import AT, OTHER_SECRET
from webhooks import queries, services
from webhooks.models import SigningKey, Subscription

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(hours=1)


@pytest.fixture
def change(admin):
    def update(row: Subscription, **terms: object) -> Subscription:
        services.update_subscription(row.id, services.Terms(**terms), actor=admin, at=LATER)
        return Subscription.objects.get(pk=row.id)

    return update


def test_only_what_is_named_changes(subscribe, change):
    row = change(subscribe(name="One"), url="https://other.example/x", max_attempts=3)
    assert (row.name, row.url, row.host) == (
        "One",
        "https://other.example/x",
        "https://other.example:443",
    )
    assert (row.max_attempts, row.timeout_s, row.updated_at) == (3, 15, LATER)


def test_the_audit_entry_tells_only_what_changed(subscribe, change):
    row = subscribe(name="One")
    change(row, name="Two", timeout_s=15)
    entry = Entry.objects.get(action="webhooks.update_subscription")
    assert '"before":{"name":"One"}' in entry.body
    assert '"after":{"name":"Two"}' in entry.body


def test_new_header_values_are_audited_as_changed_but_not_shown(subscribe, change):
    row = change(subscribe(headers={"X-A": "first-value"}), headers={"X-A": "second-value"})
    assert queries.headers_of(row) == {"X-A": "second-value"}
    entry = Entry.objects.get(action="webhooks.update_subscription")
    assert '"after":{"headers":{"X-A":"***"}}' in entry.body
    assert "second-value" not in entry.body


def test_headers_can_be_cleared(subscribe, change):
    assert change(subscribe(headers={"X-A": "1"}), headers={}).headers is None


def test_a_secret_is_a_rotation_with_the_default_grace(subscribe, change, settings):
    settings.WEBHOOK_SECRET_GRACE_HOURS = 24
    row = change(subscribe(), secret=OTHER_SECRET)
    old, new = SigningKey.objects.filter(subscription=row).order_by("number")
    assert old.expires_at == LATER + timedelta(hours=24)
    assert (new.number, new.expires_at) == (2, None)
    assert not Entry.objects.filter(action="webhooks.update_subscription").exists()
    assert Entry.objects.filter(action="webhooks.rotate_secret").count() == 1


def test_it_can_be_paused_and_enabled_by_a_change(subscribe, change):
    row = subscribe()
    assert change(row, active=False).status == "paused"
    assert change(row, active=True).status == "active"
    assert Entry.objects.filter(action__endswith="able_subscription").count() == 1


def test_the_newer_signature_needs_a_standard_secret(subscribe, change):
    row = subscribe(secret="plain")
    with pytest.raises(services.SecretNotStandard):
        change(row, signature_version=2)
    row.refresh_from_db()
    assert row.signature_version == 1


def test_the_newer_signature_can_come_with_its_secret(subscribe, change):
    row = change(subscribe(secret="plain"), signature_version=2, secret=OTHER_SECRET)
    assert row.signature_version == 2


def test_a_standard_secret_may_sign_the_older_way(subscribe, change):
    assert change(subscribe(), signature_version=1).signature_version == 1


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"url": "https://10.0.0.1/"}, services.UrlForbidden),
        ({"patterns": ["nope"]}, services.EventUnknown),
        ({"patterns": []}, services.EventUnknown),
        ({"headers": {"Cookie": "x"}}, services.HeaderForbidden),
        ({"secret": "plain"}, services.SecretNotStandard),
        ({"name": "Two", "secret": "whsec_AAAA"}, services.SecretMalformed),
        ({}, NothingToChange),
    ],
)
def test_a_refused_change_changes_nothing(subscribe, change, terms, error):
    row = subscribe(name="One")
    with pytest.raises(error):
        change(row, **terms)
    assert Subscription.objects.values().get() == {
        name: getattr(row, name) for name in Subscription.objects.values().get()
    }
    assert SigningKey.objects.count() == 1
    assert Entry.objects.count() == 1


def test_only_an_administrator_changes_it(subscribe, engineer):
    row = subscribe(name="One")
    with pytest.raises(NotPermitted):
        services.update_subscription(row.id, services.Terms(name="Two"), actor=engineer, at=LATER)
    assert Subscription.objects.get().name == "One"


def test_a_deleted_one_is_not_found(subscribe, change, admin):
    row = subscribe()
    services.delete_subscription(row.id, actor=admin, at=LATER)
    with pytest.raises(queries.WebhookNotFound):
        change(row, name="Two")


def test_the_trail_keeps_no_query_of_a_url(subscribe, change):
    row = subscribe(url="https://example.com/in?sig=s3cr3t-1")
    row = change(row, url="https://example.com/in?sig=s3cr3t-2")
    assert row.url.endswith("s3cr3t-2")
    bodies = " ".join(Entry.objects.values_list("body", flat=True))
    assert "s3cr3t" not in bodies
    assert bodies.count("https://example.com/in?[redacted]") == 3
