"""The form of tokens. A token only names a session; the row decides.

PyJWT itself and no token classes on top: the key and the instant come from the caller, so that
reading a token is pure, and tells a token that expired from one that never was ours.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import jwt

from accounts.policy.ids import SESSION, USER
from accounts.policy.sessions import CredentialsInvalid, TokenExpired
from core.ids import MalformedId, decode, encode, uuid7

ISSUER = "noc-iq"
AUDIENCE = "noc-iq"
ALGORITHM = "HS256"
LEEWAY = timedelta(seconds=10)
LONGEST_TOKEN = 1024  # ours have half of that; what is longer is not worth parsing

TokenKind = Literal["access", "refresh", "challenge"]  # the last awaits a second factor


@dataclass(frozen=True)
class Claims:
    """What a token with a valid signature says: which session, whose, and of which generation."""

    session_id: UUID
    user_id: str
    generation: int | None


def sign_token(
    kind: TokenKind,
    *,
    user_id: UUID,
    session_id: UUID,
    at: datetime,
    expires_at: datetime,
    key: str,
    generation: int | None = None,
    impersonator: UUID | None = None,
) -> str:
    """Sign a token that names a session. Source: RFC 7519; RFC 8693, 4.1 (act)."""
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": encode(USER, user_id),
        "sid": encode(SESSION, session_id),
        "jti": uuid7().hex,
        "iat": int(at.timestamp()),
        "exp": int(expires_at.timestamp()),
        "token_type": kind,
    }
    if generation is not None:
        claims["gen"] = generation
    if impersonator is not None:
        claims["act"] = {"sub": encode(USER, impersonator)}
    return jwt.encode(claims, key, algorithm=ALGORITHM)


def read_token(
    token: str, kind: TokenKind, *, key: str, at: datetime, even_expired: bool = False
) -> Claims:
    """Read a token of this kind that we signed. Raises: CredentialsInvalid, TokenExpired."""
    if len(token) > LONGEST_TOKEN:
        raise CredentialsInvalid
    found, found_kind, ends = _verified(token, key)
    if found_kind != kind or (kind == "refresh") is (found.generation is None):
        raise CredentialsInvalid
    if at >= ends + LEEWAY and not even_expired:
        raise TokenExpired
    return found


@lru_cache(maxsize=4096)  # the same token comes with every request of its quarter of an hour
def _verified(token: str, key: str) -> tuple[Claims, str, datetime]:
    """What a token says that this key signed, of which kind it is, and when it ends."""
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            # The instant is the caller's, not the library's.
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        ends = datetime.fromtimestamp(claims["exp"], UTC)
        found = Claims(decode(SESSION, claims["sid"]), claims["sub"], claims.get("gen"))
        return found, claims["token_type"], ends
    except (jwt.InvalidTokenError, MalformedId, KeyError, TypeError, ValueError, OverflowError):
        raise CredentialsInvalid from None
