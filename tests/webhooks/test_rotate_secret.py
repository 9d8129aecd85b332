from datetime import timedelta

import pytest

from audit.models import Entry
from core.actors import NotPermitted
from tests.webhooks.conftest import AT, OTHER_SECRET, SECRET
from webhooks import queries, services
from webhooks.models import SigningKey

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(hours=1)


def live(row, at):
    claimed = services.claim_deliveries(10, at=at)
    assert [parcel.subscription_id for parcel in claimed] == [row.id]
    return [key.hex()[:2] for key in claimed[0].keys]


def test_a_new_secret_signs_at_once_and_the_old_one_beside_it_during_grace(owe, admin):
    row = owe().subscription
    rotated = services.rotate_secret(
        row.id, grace_hours=2, secret=OTHER_SECRET, actor=admin, at=LATER
    )
    assert (rotated.key.number, rotated.secret) == (2, None)
    assert rotated.grace_expires_at == LATER + timedelta(hours=2)
    assert live(row, LATER) == ["20", "00"]


def test_after_grace_only_the_new_one_signs(owe, admin):
    row = owe().subscription
    services.rotate_secret(row.id, grace_hours=2, secret=OTHER_SECRET, actor=admin, at=LATER)
    assert live(row, LATER + timedelta(hours=2)) == ["20"]


def test_without_grace_the_old_one_ends_now(owe, admin):
    row = owe().subscription
    rotated = services.rotate_secret(
        row.id, grace_hours=0, secret=OTHER_SECRET, actor=admin, at=LATER
    )
    assert rotated.grace_expires_at is None
    assert live(row, LATER) == ["20"]


def test_a_rotation_never_prolongs_an_older_secret(subscribe, admin):
    row = subscribe()
    services.rotate_secret(row.id, grace_hours=1, actor=admin, at=AT)
    services.rotate_secret(row.id, grace_hours=100, actor=admin, at=AT)
    ends = list(SigningKey.objects.order_by("number").values_list("expires_at", flat=True))
    assert ends == [AT + timedelta(hours=1), AT + timedelta(hours=100), None]


def test_a_secret_that_we_make_is_given_back_once(subscribe, admin):
    rotated = services.rotate_secret(subscribe().id, actor=admin, at=LATER)
    assert rotated.secret.startswith("whsec_")
    assert queries.newest_keys([rotated.subscription.id])[rotated.subscription.id] == (
        queries.KeyFacts(2, LATER)
    )


def test_it_is_audited_by_number_alone(subscribe, admin):
    rotated = services.rotate_secret(subscribe().id, actor=admin, at=LATER)
    body = Entry.objects.get(action="webhooks.rotate_secret").body
    assert '"before":{"secret_version":1}' in body
    assert rotated.secret[6:] not in body


def test_ten_secrets_may_live_at_once(subscribe, admin):
    row = subscribe()
    for _ in range(9):
        services.rotate_secret(row.id, grace_hours=168, actor=admin, at=AT)
    with pytest.raises(services.TooManyKeys):
        services.rotate_secret(row.id, grace_hours=1, actor=admin, at=AT)
    assert SigningKey.objects.count() == 10
    services.rotate_secret(row.id, grace_hours=0, actor=admin, at=AT)  # compromise is never refused
    assert SigningKey.objects.filter(expires_at__isnull=True).count() == 1


@pytest.mark.parametrize("secret", ["plain", "whsec_AAAA"])
def test_a_secret_that_the_signature_cannot_use_is_refused(subscribe, admin, secret):
    row = subscribe()
    with pytest.raises((services.SecretNotStandard, services.SecretMalformed)):
        services.rotate_secret(row.id, secret=secret, actor=admin, at=AT)
    assert SigningKey.objects.count() == 1
    assert Entry.objects.count() == 1


def test_the_older_signature_takes_any_secret(subscribe, admin):
    row = subscribe(secret="plain")
    services.rotate_secret(row.id, secret="other plain", actor=admin, at=AT)
    assert SigningKey.objects.count() == 2


def test_only_an_administrator_rotates(subscribe, engineer):
    row = subscribe(secret=SECRET)
    with pytest.raises(NotPermitted):
        services.rotate_secret(row.id, actor=engineer, at=AT)
    assert SigningKey.objects.count() == 1
