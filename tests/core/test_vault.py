import base64

import pytest

from core import vault

ONE = "1:" + base64.b64encode(bytes(range(32))).decode()
TWO = "2:" + base64.b64encode(bytes(range(32, 64))).decode()
HERE = "webhooks_signingkey:019b76da-a800-7000-8000-000000000001"


@pytest.fixture(autouse=True)
def keys(settings):
    settings.VAULT_KEYS = ONE


def test_what_was_sealed_opens_for_the_same_context():
    assert vault.open(vault.seal(b"secret", context=HERE), context=HERE) == b"secret"


def test_sealing_twice_gives_different_bytes_that_do_not_hold_the_secret():
    first, second = (vault.seal(b"secret-bytes", context=HERE) for _ in range(2))
    assert first != second
    assert b"secret-bytes" not in first


def test_bytes_moved_to_another_row_do_not_open():
    with pytest.raises(vault.CannotOpen):
        vault.open(vault.seal(b"secret", context=HERE), context=HERE[:-1] + "2")


@pytest.mark.parametrize("position", [0, 1, 13, -1])
def test_bytes_that_were_changed_do_not_open(position):
    sealed = bytearray(vault.seal(b"secret", context=HERE))
    sealed[position] ^= 1
    with pytest.raises(vault.CannotOpen):
        vault.open(bytes(sealed), context=HERE)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(11), b"\x01" + bytes(20)])
def test_too_few_bytes_do_not_open(sealed):
    with pytest.raises(vault.CannotOpen):
        vault.open(sealed, context=HERE)


def test_the_highest_key_seals_and_all_keys_open(settings):
    old = vault.seal(b"secret", context=HERE)
    settings.VAULT_KEYS = f"{ONE},{TWO}"
    assert vault.seal(b"secret", context=HERE)[0] == 2
    assert vault.open(old, context=HERE) == b"secret"


def test_without_its_master_key_nothing_opens(settings):
    sealed = vault.seal(b"secret", context=HERE)
    settings.VAULT_KEYS = TWO
    with pytest.raises(vault.CannotOpen):
        vault.open(sealed, context=HERE)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "no master key"),
        ("AAAA", "begins with its number"),
        ("0:AAAA", "begins with its number"),
        ("256:AAAA", "begins with its number"),
        ("1:***", "not base64"),
        ("1:AAAA", "3 bytes"),
        (f"{ONE},{ONE}", "twice"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_without_being_shown(given, says):
    with pytest.raises(vault.VaultMisconfigured, match=says) as refused:
        vault.parse_keys(given)
    assert "AAECAwQF" not in str(refused.value)


def test_blanks_and_a_last_comma_do_no_harm():
    assert sorted(vault.parse_keys(f" {ONE} , {TWO},")) == [1, 2]
