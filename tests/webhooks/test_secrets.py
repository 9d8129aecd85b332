"""Nothing that was given in confidence stands anywhere in clear."""

import asyncio
import logging

import pytest
from django.db import connection
from django.utils import timezone

from core import signing
from tests import world
from webhooks import services, tasks
from webhooks.models import Delivery, Subscription

pytestmark = pytest.mark.django_db(transaction=True)

HEADER = "partner-password-7f3a91"
PLAIN = "an-old-plain-secret-51c2"


def everything_stored() -> str:
    """All rows of all tables as text; bytes appear both as they are and in hex."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT coalesce(string_agg(t::text, '|'), '') FROM {table} t")
            found.append(cursor.fetchone()[0])
    return "\n".join(found)


def test_after_a_whole_life_no_secret_stands_in_a_table_a_log_or_an_answer(
    receiver, caplog, capfd, say
):
    caplog.set_level(logging.DEBUG)
    admin, answers = world.client("admin"), []
    given, later = signing.new_secret(), signing.new_secret()
    ask = {"url": receiver.url, "events": ["*"], "headers": {"X-Partner": HEADER}}

    ours = admin.post("/webhooks", ask, Idempotency_Key="a").json()
    theirs = admin.post("/webhooks", ask | {"secret": given}, Idempotency_Key="b")
    old = admin.post("/webhooks", ask | {"secret": PLAIN})
    answers += [theirs, old]
    path = f"/webhooks/{theirs.json()['id']}"
    rotated = admin.post(f"/webhooks/{ours['id']}/rotate-secret", Idempotency_Key="c").json()
    answers.append(admin.patch(path, {"secret": later}))
    answers.append(admin.post(f"{path}/rotate-secret", {"secret": "whsec_AAAA"}))
    # A receiver that says back what it was given.
    echo = f'{{"seen":"{HEADER}","secret":"{given}"}}'.encode()
    receiver.answers = [(500, {}, echo.replace(HEADER.encode(), b"-"))]
    say(at=timezone.now())
    admin.post(f"{path}/test")
    asyncio.run(tasks.Sender().run())
    for each in Delivery.objects.all():
        owner = Subscription.objects.get(pk=each.subscription_id).wire_id
        answers.append(admin.get(f"/webhooks/{owner}/deliveries/{each.wire_id}"))
        answers.append(admin.post(f"/webhooks/{owner}/deliveries/{each.wire_id}/retry"))
    answers += [admin.get("/webhooks"), admin.get(path), admin.get("/webhooks/deliveries")]
    page = f"/admin/webhooks/subscription/{Subscription.objects.first().pk}/change/"
    answers.append(world.office("admin").get(page))

    assert len(receiver.arrivals) == 4
    secrets = [ours["secret"], rotated["new_secret"], given, later, PLAIN, HEADER]
    stored, printed = everything_stored(), "".join(capfd.readouterr())
    for secret in secrets:
        bare = secret.removeprefix("whsec_")
        for spelled in (bare, bare.encode().hex()):
            assert spelled not in stored
            assert spelled not in caplog.text
            assert spelled not in printed
            assert not [a for a in answers if spelled.encode() in a.content]


def test_nothing_is_left_in_tables_of_a_deleted_subscription(subscribe, admin):
    row = subscribe(headers={"X-Partner": HEADER})
    services.delete_subscription(row.id, actor=admin, at=timezone.now())
    row.refresh_from_db()
    assert (row.headers, row.keys.count()) == (None, 0)
