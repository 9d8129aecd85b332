"""Secrets at rest: AES-256-GCM under master keys from the environment."""

import base64
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

KEY_BYTES = 32
NONCE_BYTES = 12
HIGHEST_NUMBER = 255  # the number of the master key is the first byte of what is sealed


class VaultMisconfigured(Exception):
    """``VAULT_KEYS`` cannot be used. The text names the rule, never the value."""


class CannotOpen(Exception):
    """Sealed bytes that do not open: another row's, tampered with, or their master key is gone."""


def seal(plain: bytes, *, context: str) -> bytes:
    """Encrypt under the newest master key, bound to ``context`` (``<table>:<row id>``).

    Bytes moved to another row do not open. Raises: VaultMisconfigured.
    """
    keys = _keys()
    number = max(keys)
    nonce = os.urandom(NONCE_BYTES)
    return bytes([number]) + nonce + AESGCM(keys[number]).encrypt(nonce, plain, context.encode())


def open(sealed: bytes | memoryview, *, context: str) -> bytes:  # noqa: A001 - reads as vault.open
    """Decrypt what ``seal`` made for the same context. Raises: CannotOpen, VaultMisconfigured."""
    sealed = bytes(sealed)
    key = _keys().get(sealed[0]) if sealed else None
    if key is None:
        raise CannotOpen("No master key of that number.")
    nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, body, context.encode())
    except (InvalidTag, ValueError):
        raise CannotOpen("The sealed bytes do not open here.") from None


def parse_keys(pairs: str) -> dict[int, bytes]:
    """Read master keys: ``1:<base64>,2:<base64>``, each of 32 bytes. Raises: VaultMisconfigured."""
    keys: dict[int, bytes] = {}
    for word in filter(None, (word.strip() for word in pairs.split(","))):
        number, _, text = word.partition(":")
        if not (number.isascii() and number.isdigit() and 1 <= int(number) <= HIGHEST_NUMBER):
            raise VaultMisconfigured("Each key begins with its number, 1 to 255, and a colon.")
        if int(number) in keys:
            raise VaultMisconfigured(f"Key {number} is given twice.")
        try:
            key = base64.b64decode(text, validate=True)
        except ValueError:
            raise VaultMisconfigured(f"Key {number} is not base64.") from None
        if len(key) != KEY_BYTES:
            raise VaultMisconfigured(f"Key {number} has {len(key)} bytes; it needs {KEY_BYTES}.")
        keys[int(number)] = key
    if not keys:
        raise VaultMisconfigured("There is no master key.")
    return keys


def _keys() -> dict[int, bytes]:
    return _parsed(settings.VAULT_KEYS)


_parsed = lru_cache(maxsize=4)(parse_keys)
