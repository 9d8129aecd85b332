"""Keep secrets out of what is stored and shown: by the name of their key, or by an exact shape.

Never by length or alphabet alone: transaction hashes and ids must survive.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any

REDACTED = "[redacted]"

_WORDS = frozenset(
    {"secret", "secrets", "password", "passwords", "passwd", "passphrase", "pwd", "token", "tokens",
     "authorization", "apikey", "apikeys", "seed", "seeds", "mnemonic", "cookie", "cookies",
     "credential", "credentials"}
)  # fmt: skip
_PAIRS = frozenset({("api", "key"), ("api", "keys"), ("private", "key"), ("private", "keys")})
# `secret_version`, `token_expires_at`: facts about a secret, which people need to see.
_ABOUT = frozenset(
    {"version", "at", "on", "count", "kind", "type", "id", "ids", "number", "hours", "minutes",
     "seconds", "days", "expires", "length"}
)  # fmt: skip
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|\Z)"
    r"|\b(?:whsec|whsk)_[A-Za-z0-9+/_-]{8,}={0,2}"
    r"|\bnoc_[0-9a-z]{12}_[A-Za-z0-9_-]{43}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
    r"|(?i:\bauthorization\s{0,2}[:=]\s{0,2}\w{1,16}\s{1,2})[A-Za-z0-9._~+/-]{4,}={0,2}"
    # The digit tells a token from prose: "bearer authentication required".
    r"|(?i:\bbearer)\s{1,2}(?:(?=[A-Za-z._~+/-]{0,40}\d)[A-Za-z0-9._~+/-]{8,}|[A-Za-z._~+/-]{24,})={0,2}",
    re.DOTALL,
)
# Each shape holds one of these; looking for them first is ten times cheaper than the pattern.
_HINTS = ("-----begin ", "whsec_", "whsk_", "noc_", "eyj", "authorization", "bearer")
# Each secret name holds one of these.
_STEMS = ("secret", "passw", "passphrase", "pwd", "token", "apikey", "api", "private", "seed",
          "mnemonic", "cookie", "credential")  # fmt: skip
_STELLAR_SEED = re.compile(r"(?<![A-Za-z0-9])S[A-Z2-7]{55}(?![A-Za-z0-9])")
_LIKE_A_SEED = re.compile(r"S[A-Z2-7]{55}")
_SEED_VERSION = 18 << 3  # the version byte that spells "S". Source: SEP-23

# `"key": "value"` as in JSON, whole or cut off; then `key=value` as in forms and log lines.
_QUOTED = re.compile(
    r'"([^"\\\n]{1,64})"(\s{0,4}:\s{0,4})(?:"(?:[^"\\]|\\.)*+"?|[^\s",{}\[\]]++)', re.DOTALL
)
_BARE = re.compile(r"(?<![\w-])([A-Za-z][\w-]{0,63})(\s{0,2}[=:]\s{0,2})([^\s&;,\"'<>{}\[\]]+)")


def redact(value: Any) -> Any:
    """Copy a JSON-like value with secrets replaced, at every depth."""
    if isinstance(value, Mapping):
        return {key: REDACTED if _hides(key, item) else redact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(item) for item in value]
    return _without_shapes(value) if type(value) is str else value


def is_innocent(document: str) -> bool:
    """Whether ``redact`` would surely leave alone what this JSON text says."""
    lowered = document.lower()
    if any(map(lowered.__contains__, _HINTS)) or any(map(lowered.__contains__, _STEMS)):
        return False
    return not _LIKE_A_SEED.search(document)


def redact_text(text: str) -> str:
    """Replace secrets in free text, such as the body of a stranger's answer."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        pass
    else:
        kept = redact(document)
        return text if kept == document else json.dumps(kept, ensure_ascii=False)
    text = _without_shapes(text)
    text = _QUOTED.sub(_quoted, text)
    return _BARE.sub(_bare, text)


def readable(raw: bytes, limit: int) -> str:
    """Read a stranger's bytes as text that can be stored: at most ``limit`` characters, redacted.

    What is not UTF-8 is replaced and NUL dropped. Redacted before it is cut, so that the cut
    cannot take away the end by which a secret is known.
    """
    text = raw[: 8 * limit].decode("utf-8", "replace").replace("\x00", "")
    return redact_text(text)[:limit]


@lru_cache(maxsize=4096)  # names are few and repeat with every record
def is_secret_name(name: str) -> bool:
    """Whether a key of this name holds a secret: ``new_secret``, ``X-API-Key``, ``accessToken``."""
    parts = [part.lower() for part in _PARTS.findall(name)]
    if not parts or parts[-1] in _ABOUT:
        return False
    return not _WORDS.isdisjoint(parts) or any(pair in _PAIRS for pair in pairwise(parts))


def _hides(key: object, item: object) -> bool:
    # Absence and a yes or no tell nobody the secret.
    return item is not None and not isinstance(item, bool) and is_secret_name(str(key))


def _without_shapes(text: str) -> str:
    lowered = text.lower()
    if any(hint in lowered for hint in _HINTS):
        text = _SHAPES.sub(REDACTED, text)
    return _STELLAR_SEED.sub(lambda m: REDACTED if _is_seed(m[0]) else m[0], text)


def _quoted(match: re.Match[str]) -> str:
    if not is_secret_name(match[1]):
        return match[0]
    return f'"{match[1]}"{match[2]}"{REDACTED}"'


def _bare(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}{REDACTED}" if is_secret_name(match[1]) else match[0]


def _is_seed(text: str) -> bool:
    try:
        raw = base64.b32decode(text)
    except binascii.Error:
        return False
    checksum = binascii.crc_hqx(raw[:-2], 0).to_bytes(2, "little")
    return raw[0] == _SEED_VERSION and raw[-2:] == checksum
