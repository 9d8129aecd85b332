import base64
import binascii
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import canonical, redaction
from core.redaction import REDACTED

HASH = "897891ec6b592686dfd2be9c0bc4fdcd50a36f0c7d5c6d9a13bd0c4de6a5c8f1"


def a_stellar_seed() -> str:
    raw = bytes([18 << 3]) + bytes(range(32))
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode()


@pytest.mark.parametrize(
    "name",
    [
        "secret", "new_secret", "SECRET_KEY", "clientSecret", "password", "Password", "db_password",
        "token", "accessToken", "refresh_token", "Authorization", "x-api-key", "X-API-Key",
        "api_key", "apiKey", "apikey", "private_key", "privateKey", "seed", "mnemonic",
        "Set-Cookie", "cookies", "credentials", "tokenHash",
    ],
)  # fmt: skip
def test_a_value_under_the_name_of_a_secret_is_hidden_at_every_depth(name):
    assert redaction.redact({name: "x"}) == {name: REDACTED}
    assert redaction.redact([{"a": ({name: ["x"]},)}]) == [{"a": [{name: REDACTED}]}]
    assert redaction.redact({name: 1234}) == {name: REDACTED}


@pytest.mark.parametrize(
    "name",
    [
        "secret_version", "last_secret_rotation_at", "token_type", "tokenCount", "api_key_id",
        "idempotency_key", "key_id", "monkey", "keyboard", "secretary", "transaction_hash",
    ],
)  # fmt: skip
def test_a_fact_about_a_secret_and_a_name_that_only_sounds_like_one_stay(name):
    assert redaction.redact({name: "x"}) == {name: "x"}


def test_absence_and_a_yes_or_no_stay():
    assert redaction.redact({"token": None, "password": True}) == {"token": None, "password": True}


@pytest.mark.parametrize(
    "text",
    [
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "noc_7zzk2m9q4x1c_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "Bearer abc123.def456-ghi",
        "bearer ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "Authorization: Basic dXNlcjpwYXNz",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c3IifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ",
        "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMHcCAQEE cut off",
        a_stellar_seed(),
    ],
)
def test_an_exact_shape_of_a_secret_is_hidden_wherever_it_stands(text):
    for hidden in (
        redaction.redact({"note": f"see {text} there"})["note"],
        redaction.redact_text(f"see {text} there"),
    ):
        assert REDACTED in hidden
        assert text not in hidden
        assert hidden.startswith("see ")


@pytest.mark.parametrize(
    "text",
    [
        HASH,
        "usr_01h455vb4pex5vsknk084sn02q",
        "GBFYIQYZVHRFEE6TAYOQAYXXRVWTPRXIVCUY4HYAHCYDPI3AOPYVIMGK",
        "S" + "A" * 55,  # the alphabet and the length of a seed, not its checksum
        "Bearer authentication is required",
        'WWW-Authenticate: Bearer realm="noc-iq"',
        "-----BEGIN PUBLIC KEY-----",
        "019b76da-a800-7000-8000-000000000001",
        "v1,QbQJ89+0nnnzj+JS2308KHE0m3ZPxP5udZps4R0lAsY=",
    ],
)
def test_hashes_ids_addresses_and_prose_survive(text):
    assert redaction.redact({"note": text}) == {"note": text}
    assert redaction.redact_text(text) == text


def test_what_is_given_is_not_changed():
    given = {"a": {"token": "x"}}
    redaction.redact(given)
    assert given == {"a": {"token": "x"}}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"error":"no","token":"abc","n":[{"password":"x"}]}',
         '{"error": "no", "token": "[redacted]", "n": [{"password": "[redacted]"}]}'),
        ('{"ok": true}', '{"ok": true}'),
        ('{"token":"abc", "cut', '{"token":"[redacted]", "cut'),
        ('{"a":1,"token":"ab\\"c', '{"a":1,"token":"[redacted]"'),
        ('{"api_key": 12345, "cut', '{"api_key": "[redacted]", "cut'),
        ("user=joe&password=hunter2&x=1", "user=joe&password=[redacted]&x=1"),
        ("x-api-key: k-1\nfine", "x-api-key: [redacted]\nfine"),
        ("<b>not found</b>", "<b>not found</b>"),
    ],
)  # fmt: skip
def test_secrets_in_free_text_are_hidden_by_the_name_before_them(text, kept):
    assert redaction.redact_text(text) == kept


def test_the_bytes_of_a_stranger_become_text_that_can_be_stored():
    assert redaction.readable(b"ok \xff\x00 \xed\xa0\x80", 100) == "ok \ufffd \ufffd\ufffd\ufffd"
    assert redaction.readable(b"a" * 1000, 10) == "a" * 10


def test_a_secret_at_the_cut_is_hidden_too():
    text = b"x" * 90 + b" whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert "whsec" not in redaction.readable(text, 100)


@pytest.mark.parametrize(
    "noise",
    ['"' * 60_000, "a" * 60_000, "[" * 60_000, '"a":' * 15_000, "a=" * 30_000, '"\\' * 30_000,
     "bearer " * 8_000, "-----BEGIN PRIVATE KEY-----" * 2_000, "S" * 60_000, "eyJ" * 20_000],
)  # fmt: skip
def test_hostile_text_takes_no_time(noise):
    began = time.perf_counter()
    redaction.redact_text(noise)
    assert time.perf_counter() - began < 1


_names = st.sampled_from(
    ["id", "clientSecret", "api_key", "X-API-Key", "note", "token", "seed", "privateKey", "pwd"]
) | st.text(max_size=8)
_texts = st.sampled_from(
    [
        "Bearer abcdef1234567890",
        "whsec_abcdefgh12345678",
        a_stellar_seed(),
        "eyJhbGciOi.eyJzdWIiO.c2ln",
    ]
) | st.text(max_size=20)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(_names, _values, max_size=4))
def test_what_is_called_innocent_has_nothing_to_hide(document):
    if redaction.is_innocent(canonical.dumps(document)):
        assert redaction.redact(document) == document


def test_ordinary_documents_are_called_innocent():
    told = {"site_name": "Accra Hub", "description": "Fibre cut.", "detected_at": "2026-01-05"}
    assert redaction.is_innocent(canonical.dumps(told))
