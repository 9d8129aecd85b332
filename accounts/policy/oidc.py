"""What an identity provider's word is worth (OpenID Connect Core 1.0). Pure."""

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

import jwt

from accounts.policy.people import LONGEST_EMAIL, highest, normal_email
from core.errors import Conflict, DomainError, Forbidden, NotFound, Unauthenticated, Unavailable
from core.wire import is_clean


class ProviderNotFound(NotFound):
    code = "provider_not_found"
    title = "Identity provider not found"
    summary = "No identity provider of this name is connected."


class OidcRefused(DomainError):
    """A sign-in by an identity provider that did not come off; the page of sign-in says why."""


class OidcNoAccess(OidcRefused, Forbidden):
    code = "oidc_no_access"
    title = "No access"
    summary = "You are known to the identity provider, and have no role here."


class OidcAccountExists(OidcRefused, Conflict):
    code = "oidc_account_exists"
    title = "Account exists"
    summary = "This e-mail address has an account already. Sign in with its password."


class OidcEmailMissing(OidcRefused, Forbidden):
    code = "oidc_email_missing"
    title = "E-mail missing"
    summary = "The identity provider tells no e-mail address of you."


class OidcEmailUnverified(OidcRefused, Forbidden):
    code = "oidc_email_unverified"
    title = "E-mail not verified"
    summary = "The identity provider has not verified your e-mail address."


class OidcProviderUnavailable(OidcRefused, Unavailable):
    code = "oidc_provider_unavailable"
    title = "Identity provider unavailable"
    summary = "The identity provider does not answer as it should. Sign in by password."


class OidcStateInvalid(OidcRefused, Unauthenticated):
    code = "oidc_state_invalid"
    title = "Sign-in not known"
    summary = "This sign-in was not begun here, is over, or took too long. Begin again."


class OidcTokenInvalid(OidcRefused, Unauthenticated):
    code = "oidc_token_invalid"
    title = "Identity token invalid"
    summary = "What the identity provider sent cannot be trusted."


class OidcCancelled(OidcRefused, Unauthenticated):
    code = "oidc_cancelled"
    title = "Sign-in cancelled"
    summary = "The sign-in was cancelled at the identity provider."


HOP_LASTS = timedelta(minutes=10)
ISSUED_AHEAD = timedelta(seconds=60)
LONGEST_ID_TOKEN = 65_536
LONGEST_SUBJECT = 255  # Source: OpenID Connect Core 1.0, section 2
LONGEST_PATH = 2000  # quoted; Django sends nobody to an address beyond 2048 characters
# Source: RFC 8176. What stands for "something they have, or more than one thing".
SECOND_FACTORS = frozenset({"mfa", "otp", "hwk", "swk"})

Key = Mapping[str, Any]  # a JSON Web Key


@dataclass(frozen=True)
class Expected:
    """What an ID token must say to be meant for us and for this sign-in."""

    issuer: str
    client_id: str
    nonce: str
    algorithms: Collection[str]


@dataclass(frozen=True)
class Identified:
    """Whom the provider has identified. ``groups`` None: it does not tell."""

    issuer: str
    subject: str
    email: str | None = None
    email_verified: bool | None = None  # None: it does not tell
    full_name: str | None = None
    groups: frozenset[str] | None = None
    second_factor: bool = False


def challenge_of(verifier: str) -> str:
    """The PKCE challenge of a verifier. Source: RFC 7636, section 4.2 (S256)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def own_path(given: str) -> str:
    """The path of ours to go on to; ``/`` for whatever could lead a browser elsewhere.

    Judged as written and as every decoding of it, because proxies decode.
    """
    if not re.fullmatch(r"[!-~]+", given) or len(quote(given, safe="/?&=%#")) > LONGEST_PATH:
        return "/"
    spelled = given
    for _ in range(5):
        if not re.match(r"/(?!/)", spelled) or "\\" in spelled or not spelled.isprintable():
            return "/"
        decoded = unquote(spelled)
        if decoded == spelled:
            return given
        spelled = decoded
    return "/"


def key_for(token: str, keys: Iterable[Key], algorithms: Collection[str]) -> Key | None:
    """The provider's key that the token says it was signed with; None if it is not among these.

    The algorithm is judged first: a public key never becomes a shared secret.
    Raises: OidcTokenInvalid.
    """
    header = _header(token)
    if header.get("alg") not in algorithms:
        raise OidcTokenInvalid("The ID token is signed in a way that is not allowed.")
    fitting = [
        key
        for key in keys
        if key.get("use", "sig") == "sig"
        and key.get("alg", header["alg"]) == header["alg"]
        and _type_of(header["alg"]) == key.get("kty")
    ]
    kid = header.get("kid")
    if kid is None:  # allowed where there is no choice. Source: OpenID Connect Core 1.0, 10.1
        return fitting[0] if len(fitting) == 1 else None
    return next((key for key in fitting if key.get("kid") == kid), None)


def _type_of(algorithm: str) -> str:
    return {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}.get(algorithm[:2], "")


def _header(token: str) -> dict[str, Any]:
    if len(token) > LONGEST_ID_TOKEN:
        raise OidcTokenInvalid
    try:
        return jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise OidcTokenInvalid from None


def read_id_token(token: str, key: Key, expected: Expected, *, at: datetime) -> dict[str, Any]:
    """The claims of an ID token that this key signed for this sign-in.

    Raises: OidcTokenInvalid. Source: OpenID Connect Core 1.0, section 3.1.3.7.
    """
    algorithm = _header(token).get("alg", "")
    if algorithm not in expected.algorithms:
        raise OidcTokenInvalid
    try:
        claims = jwt.decode(
            token,
            jwt.PyJWK(dict(key), algorithm=algorithm),
            algorithms=[algorithm],
            audience=expected.client_id,
            issuer=expected.issuer,
            options={
                "require": ["iss", "sub", "aud", "exp", "iat", "nonce"],
                "enforce_minimum_key_length": True,
                # The instant is the caller's, not the library's.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        ends = datetime.fromtimestamp(claims["exp"], UTC)
        issued = datetime.fromtimestamp(claims["iat"], UTC)
    except (jwt.PyJWTError, TypeError, ValueError, OverflowError, OSError):
        raise OidcTokenInvalid from None
    if at >= ends:
        raise OidcTokenInvalid("The ID token has expired.")
    if issued > at + ISSUED_AHEAD:
        raise OidcTokenInvalid("The ID token was issued in the future. Compare the clocks.")
    if not _same(claims["nonce"], expected.nonce):
        raise OidcTokenInvalid("The ID token belongs to another sign-in.")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", "" if several else expected.client_id) != expected.client_id:
        raise OidcTokenInvalid("The ID token was made for another client.")
    subject = claims["sub"]
    if not 1 <= len(subject) <= LONGEST_SUBJECT or not is_clean(subject):
        raise OidcTokenInvalid
    return claims


def _same(given: object, ours: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(), ours.encode())


def identified(
    claims: Mapping[str, Any], *, groups_claim: str, trust_mfa: bool = False
) -> Identified:
    """Read whom these claims tell of. What is not of the right form counts as not told."""
    methods = _texts(claims.get("amr")) or []
    return Identified(
        issuer=claims["iss"],
        subject=claims["sub"],
        email=_email(claims.get("email")),
        email_verified=_flag(claims.get("email_verified")),
        full_name=_name(claims.get("name")),
        groups=_groups(claims.get(groups_claim)),
        second_factor=trust_mfa or not SECOND_FACTORS.isdisjoint(methods),
    )


def _flag(value: object) -> bool | None:
    if isinstance(value, str):  # some providers say it as text
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _texts(value: object) -> list[str] | None:
    fits = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return value if fits else None  # type: ignore[return-value]


def _email(value: object) -> str | None:
    if not isinstance(value, str) or not is_clean(value):
        return None
    email = normal_email(value)
    fits = re.fullmatch(r"[^@\s]+@[^@\s]+", email) and len(email) <= LONGEST_EMAIL
    return email if fits else None


def _name(value: object) -> str | None:
    return value.strip()[:255] or None if isinstance(value, str) and is_clean(value) else None


def _groups(value: object) -> frozenset[str] | None:
    named = [value] if isinstance(value, str) else _texts(value)
    return None if named is None else frozenset(each for each in named if is_clean(each))


Place = tuple[str, str | None]  # scope kind, scope id
EVERYWHERE: Place = ("global", None)


def roles_by_place(
    mapped: Iterable[tuple[str, str, str | None]], default_role: str | None
) -> dict[Place, str]:
    """One role for each place out of (role, scope kind, scope id): the highest.

    The default role is held everywhere by whoever the provider lets in.
    """
    wanted: dict[Place, str] = {EVERYWHERE: default_role} if default_role else {}
    for role, kind, scope_id in mapped:
        place = (kind, scope_id)
        wanted[place] = highest([role, wanted.get(place, role)])
    return wanted
