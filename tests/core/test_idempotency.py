"""Idempotency-Key: one key, one effect, whatever became of the first answer."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.utils import timezone

from core import idempotency
from core.models import IdempotencyKey
from outages.models import Outage
from tests import world
from webhooks.models import SigningKey, Subscription

pytestmark = pytest.mark.django_db(transaction=True)
BODY = {
    "site_name": "Lagos Island",
    "severity": "critical",
    "detected_at": "2026-01-05T10:00:00Z",
    "description": "No signal",
}
ROWS = "site_name,severity,detected_at,description\nLagos,high,2026-01-05T10:00:00Z,Dark\n"


def lose_the_body() -> None:
    """As after a death between the commit and the answer, long enough ago to be sure of it."""
    long_ago = timezone.now() - timedelta(seconds=idempotency.WAIT_SECONDS + 1)
    IdempotencyKey.objects.update(body=None, created_at=long_ago)


def test_a_lost_body_is_told_anew() -> None:
    client = world.client("engineer")
    first = client.post("/outages", BODY, Idempotency_Key="k")
    lose_the_body()
    again = client.post("/outages", BODY, Idempotency_Key="k")
    assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")
    assert again["Location"] == first["Location"]
    assert json.loads(again.content)["id"] == json.loads(first.content)["id"]
    assert Outage.objects.count() == 1


def test_a_lost_answer_without_a_body_stays_without() -> None:
    outage, client = world.outage(), world.client("admin")
    for _ in range(2):
        answer = client.delete(f"/outages/{outage.reference}", Idempotency_Key="k")
        assert (answer.status_code, answer.content) == (204, b"")
        lose_the_body()
    assert answer["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("lost", [True, False])
def test_a_secret_is_shown_once(lost: bool) -> None:
    client = world.client("admin")
    body = {"url": "https://receiver.example.com/in", "events": ["*"]}

    def twice(path: str, body: dict[str, Any], member: str) -> None:
        first = client.post(path, body, Idempotency_Key="k")
        assert json.loads(first.content)[member].startswith("whsec_")
        if lost:
            lose_the_body()
        again = client.post(path, body, Idempotency_Key="k")
        assert again.status_code == first.status_code
        assert json.loads(again.content) == json.loads(first.content) | {member: None}

    twice("/webhooks", body, "secret")
    twice(f"/webhooks/{Subscription.objects.get().wire_id}/rotate-secret", {}, "new_secret")
    assert SigningKey.objects.count() == 2


def upload(content: str, name: str = "a.csv") -> HttpResponse:
    client = world.client("engineer")
    return client.http.post(
        settings.API_V1_PREFIX + "/outages/import",
        {"file": SimpleUploadedFile(name, content.encode(), "text/csv")},
        headers=client.headers | {"Idempotency-Key": "k"},
    )


def test_a_file_is_known_by_its_bytes() -> None:
    first = upload(ROWS)
    again = upload(ROWS)  # within another multipart boundary
    assert again.status_code == first.status_code
    assert again["Idempotency-Replayed"] == "true"
    other = upload(ROWS.replace("Dark", "Down"))
    assert (other.status_code, json.loads(other.content)["code"]) == (
        422,
        "idempotency_key_reused",
    )


def test_what_is_kept_of_a_body_lets_nobody_guess_a_password_in_it() -> None:
    body = json.dumps({"email": "ada@example.test", "password": world.PASSWORD}).encode()
    made = world.client("admin").post("/access/users", body, Idempotency_Key="k")
    assert made.status_code == 201
    plain = hashlib.sha256(b"\napplication/json\n" + body).hexdigest()
    assert IdempotencyKey.objects.get().fingerprint != plain


def test_a_use_that_never_got_a_status_answers_200() -> None:
    use = idempotency.Use("usr_1", "POST", "/x", "k", "f" * 64)
    assert idempotency.claim(use) is None
    lose_the_body()
    assert idempotency.claim(use) == idempotency.Earlier(200, "", "", None)


def test_keys_are_forgotten_after_their_time(settings: Any) -> None:
    settings.IDEMPOTENCY_KEY_TTL_HOURS = 24
    for key, age in (("old", 25), ("young", 23)):
        idempotency.claim(idempotency.Use("usr_1", "POST", "/x", key, "f" * 64))
        made_at = world.AT - timedelta(hours=age)
        IdempotencyKey.objects.filter(key=key).update(created_at=made_at)
    assert idempotency.purge(world.AT) == 1
    assert IdempotencyKey.objects.get().key == "young"
