import base64
import datetime as dt
import json

import pytest
import standardwebhooks

from core import signing

# From webhooks.md, section 4.
ID = "msg_01h455vb4pex5vsknk084sn02q"
AT = dt.datetime.fromtimestamp(1767227100, dt.UTC)
A = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
B = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
BODY = (
    b'{"data":{"outage_id":"out-1"},"schema_version":"1",'
    b'"timestamp":"2026-01-01T00:25:00Z","type":"sla.violation"}'
)
LEGACY_BODY = (
    b'{"data":{"outage_id":"out-1"},"event":"sla.violation","schema_version":"1",'
    b'"timestamp":"2026-01-01T00:25:00+00:00"}'
)
SIGNED_BY_A = "v1,QbQJ89+0nnnzj+JS2308KHE0m3ZPxP5udZps4R0lAsY="
SIGNED_BY_B = "v1,K3FcsP+oxp+wuVFn/qFRoNYAd+DgH0NjbB/iVG8pXGA="


def test_one_key_signs_as_the_specification_says():
    assert len(BODY) == 109
    headers = signing.standard_headers([signing.standard_key(A)], ID, AT, BODY)
    assert headers == {
        "webhook-id": ID,
        "webhook-timestamp": "1767227100",
        "webhook-signature": SIGNED_BY_A,
    }


def test_two_keys_sign_newest_first():
    keys = [signing.standard_key(B), signing.standard_key(A)]
    headers = signing.standard_headers(keys, ID, AT, BODY)
    assert headers["webhook-signature"] == f"{SIGNED_BY_B} {SIGNED_BY_A}"


@pytest.mark.parametrize("secret", [A, B])
def test_either_key_alone_verifies_by_the_public_package(secret):
    keys = [signing.standard_key(B), signing.standard_key(A)]
    body = '{"data":{"note":"é😀"}}'.encode()
    headers = signing.standard_headers(keys, ID, dt.datetime.now(dt.UTC), body)
    assert standardwebhooks.Webhook(secret).verify(body, headers) == json.loads(body)


@pytest.mark.parametrize("change", ["webhook-id", "webhook-timestamp", "body"])
def test_what_was_changed_on_the_way_does_not_verify(change):
    now = dt.datetime.now(dt.UTC)
    headers = signing.standard_headers([signing.standard_key(A)], ID, now, BODY)
    body = BODY
    if change == "body":
        body = BODY.replace(b"out-1", b"out-2")
    elif change == "webhook-id":
        headers[change] = ID[:-1] + "r"
    else:
        headers[change] = str(int(headers[change]) + 1)
    with pytest.raises(standardwebhooks.webhooks.WebhookVerificationError):
        standardwebhooks.Webhook(A).verify(body, headers)


def test_the_older_header_set_signs_the_body_alone():
    headers = signing.legacy_headers([b"s3cr3t"], ID, AT, LEGACY_BODY)
    assert headers == {
        "webhook-id": ID,
        "X-Webhook-Timestamp": "2026-01-01T00:25:00+00:00",
        "X-Webhook-Signature": (
            "sha256=34e37cd7f2aaedf7ca85a6cf24d96a264f7b6aeec26c361acfbf69d879df7795"
        ),
        "X-Webhook-Signature-Version": "1",
    }


def test_the_older_header_set_names_former_keys_during_grace():
    headers = signing.legacy_headers([b"new", b"s3cr3t"], ID, AT, LEGACY_BODY)
    assert headers["X-Webhook-Signature-Previous"] == (
        "sha256=34e37cd7f2aaedf7ca85a6cf24d96a264f7b6aeec26c361acfbf69d879df7795"
    )
    assert headers["X-Webhook-Signature"] != headers["X-Webhook-Signature-Previous"]


def test_a_new_secret_has_32_random_bytes():
    one, other = signing.new_secret(), signing.new_secret()
    assert one != other
    assert len(signing.standard_key(one)) == 32


@pytest.mark.parametrize(
    "secret",
    [
        "s3cr3t",
        "whsec_",
        "whsec_!!!!",
        "whsec_é",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    ],
)
def test_other_secrets_are_refused_without_being_shown(secret):
    with pytest.raises(signing.SecretMalformed) as refused:
        signing.standard_key(secret)
    assert secret.removeprefix("whsec_")[:4] not in str(refused.value) or secret == "whsec_"


@pytest.mark.parametrize("length", [24, 64])
def test_the_shortest_and_the_longest_key_are_taken(length):
    secret = "whsec_" + base64.b64encode(bytes(length)).decode()
    assert signing.standard_key(secret) == bytes(length)
