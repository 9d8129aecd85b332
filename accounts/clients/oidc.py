"""The identity provider: where it lives, what its code is worth, with which keys it signs.

It is asked by `core.egress` only. What it answers is judged by `accounts.policy.oidc`.
"""

import base64
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import orjson
from django.conf import settings

from accounts.policy import oidc as rules
from core import egress

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(minutes=10)
AWAY_FOR = timedelta(seconds=5)
TIMEOUT_SECONDS = egress.FETCH_SECONDS
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")

# By address: until when, and what; None: it could not be had.
_kept: dict[str, tuple[datetime, dict[str, Any] | None]] = {}


@dataclass(frozen=True)
class Provider:
    """The provider that the settings name, and who we are to it."""

    id: str
    issuer: str
    client_id: str
    client_secret: str

    @property
    def name(self) -> str:
        return self.id.replace("-", " ").title()

    @property
    def login_url(self) -> str:
        return f"{settings.PUBLIC_URL}{settings.API_V1_PREFIX}/auth/oidc/{self.id}/login"

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends people back to: never what a request says of its host."""
        return f"{settings.PUBLIC_URL}{settings.API_V1_PREFIX}/auth/oidc/{self.id}/callback"


@dataclass(frozen=True)
class Hop:
    """What a browser keeps for us while it is at the provider."""

    nonce: str
    verifier: str
    next: str


def providers() -> list[Provider]:
    """Whom people may sign in by: one, or nobody."""
    if settings.OAUTH_ISSUER_URL is None:
        return []
    return [
        Provider(
            id=settings.OAUTH_PROVIDER_ID,
            issuer=settings.OAUTH_ISSUER_URL,
            client_id=settings.OAUTH_CLIENT_ID or "",
            client_secret=settings.OAUTH_CLIENT_SECRET or "",
        )
    ]


def provider(name: str) -> Provider:
    """The provider of this name. Raises: ProviderNotFound."""
    for each in providers():
        if each.id == name:
            return each
    raise rules.ProviderNotFound


def authorization_url(of: Provider, *, state: str, hop: Hop, at: datetime) -> str:
    """Where a browser goes to sign in. Raises: OidcProviderUnavailable."""
    endpoint: str = _discovered(of, at)["authorization_endpoint"]
    asked = {
        "response_type": "code",
        "client_id": of.client_id,
        "redirect_uri": of.redirect_uri,
        "scope": " ".join(settings.OAUTH_SCOPES),
        "state": state,
        "nonce": hop.nonce,
        "code_challenge": rules.challenge_of(hop.verifier),
        "code_challenge_method": "S256",
    }
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"


def check_answer(of: Provider, answered: Mapping[str, str], *, at: datetime) -> str:
    """The code in what the browser brought back from the provider.

    Raises: OidcTokenInvalid for an answer of another issuer or without a code, OidcCancelled,
    OidcProviderUnavailable. Source: RFC 6749, section 4.1.2; RFC 9207, section 2.4.
    """
    issuer = answered.get("iss")
    if issuer is None and _discovered(of, at).get("authorization_response_iss_parameter_supported"):
        raise rules.OidcTokenInvalid("The answer does not say which provider it is from.")
    if issuer not in (None, of.issuer):
        raise rules.OidcTokenInvalid("The answer is from another provider.")
    error = answered.get("error")
    if error in ("access_denied", "consent_required", "interaction_required", "login_required"):
        raise rules.OidcCancelled
    if error:
        raise _unavailable("refused_to_sign_in", said=_word(error))
    if not answered.get("code"):
        raise rules.OidcTokenInvalid("The answer has no code.")
    return answered["code"]


def identify(of: Provider, code: str, hop: Hop, *, at: datetime) -> rules.Identified:
    """Exchange a code for the word of the provider on who this is.

    Raises: OidcTokenInvalid, OidcProviderUnavailable.
    """
    discovered = _discovered(of, at)
    tokens = _exchange(of, discovered, code, hop.verifier)
    token = tokens.get("id_token")
    if not isinstance(token, str):
        raise rules.OidcTokenInvalid("The provider sent no ID token.")
    algorithms = settings.OAUTH_ALLOWED_ALGS
    address = discovered["jwks_uri"]
    key = rules.key_for(token, _keys(_document(address, at)), algorithms)
    if key is None:  # the provider may have new ones
        key = rules.key_for(token, _keys(_document(address, at, anew=True)), algorithms)
    if key is None:
        raise rules.OidcTokenInvalid(
            "The ID token is signed with a key that is not the provider's."
        )
    expected = rules.Expected(of.issuer, of.client_id, hop.nonce, algorithms)
    claims = rules.read_id_token(token, key, expected, at=at)
    claims = _completed(claims, discovered.get("userinfo_endpoint"), tokens.get("access_token"))
    return rules.identified(
        claims, groups_claim=settings.OAUTH_GROUPS_CLAIM, trust_mfa=settings.OAUTH_TRUST_MFA
    )


def _exchange(
    of: Provider, discovered: Mapping[str, Any], code: str, verifier: str
) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": of.redirect_uri,
        "code_verifier": verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    # The default where the provider names none. Source: OpenID Connect Discovery 1.0, section 3
    known = discovered.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    if "client_secret_basic" in known:
        # Both are form-encoded before they are joined. Source: RFC 6749, section 2.3.1
        pair = f"{quote_plus(of.client_id)}:{quote_plus(of.client_secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form |= {"client_id": of.client_id, "client_secret": of.client_secret}
    status, answer = _ask(discovered["token_endpoint"], urlencode(form).encode(), headers)
    if status == 200:
        return answer
    said = _word(answer.get("error"))
    if status == 400 and said == "invalid_grant":
        log.warning("oidc_exchange_refused", extra={"said": said})
        raise rules.OidcTokenInvalid("The provider does not accept its code any more.")
    raise _unavailable("exchange_refused", status=status, said=said)


def _completed(
    claims: dict[str, Any], endpoint: str | None, access_token: object
) -> dict[str, Any]:
    """What the ID token leaves out, by the provider's userinfo; what it says, stands.

    Claims of scopes may come either way. Source: OpenID Connect Core 1.0, section 5.4
    """
    wanted = {"email", "name", settings.OAUTH_GROUPS_CLAIM}
    if wanted <= claims.keys() or endpoint is None or not isinstance(access_token, str):
        return claims
    status, told = _ask(endpoint, None, {"Authorization": f"Bearer {access_token}"})
    if status != 200:
        raise _unavailable("userinfo_refused", status=status)
    if told.get("sub") != claims["sub"]:  # Source: section 5.3.2
        raise rules.OidcTokenInvalid("The provider tells of somebody else.")
    # Verified is the address of which it was said.
    if claims.get("email", told.get("email")) != told.get("email"):
        told.pop("email_verified", None)
    return told | claims


def _discovered(of: Provider, at: datetime) -> dict[str, Any]:
    """The provider's own description. Source: OpenID Connect Discovery 1.0, section 4."""
    address = f"{of.issuer.rstrip('/')}/.well-known/openid-configuration"
    found = _document(address, at)
    if found.get("issuer") != of.issuer:
        _kept.pop(address, None)
        raise _unavailable("wrong_issuer", said=str(found.get("issuer"))[:200])
    named = [*ENDPOINTS, *(["userinfo_endpoint"] if found.get("userinfo_endpoint") else [])]
    schemes = {"https", urlsplit(of.issuer).scheme}
    for name in named:
        if not _is_address(found.get(name), schemes):
            _kept.pop(address, None)
            raise _unavailable("bad_endpoint", said=name)
    return found


def _is_address(value: object, schemes: set[str]) -> bool:
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname) and "@" not in parts.netloc


def _keys(document: Mapping[str, Any]) -> list[rules.Key]:
    keys = document.get("keys")
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []


def _document(address: str, at: datetime, *, anew: bool = False) -> dict[str, Any]:
    """A document of the provider that rarely changes, kept for ten minutes.

    One that could not be had is not asked for again at once: whoever calls our doors without
    end must not keep all threads waiting for a provider that is away.
    """
    until, document = _kept.get(address, (at, None))
    fresh = at < until <= at + KEPT_FOR
    if fresh and document is None:
        raise rules.OidcProviderUnavailable
    if anew or not fresh or document is None:
        try:
            document = _fetched(address)
        except rules.OidcProviderUnavailable:
            _kept[address] = (at + AWAY_FOR, None)
            raise
        _kept[address] = (at + KEPT_FOR, document)
    return document


def _fetched(address: str) -> dict[str, Any]:
    status, document = _ask(address, None, {})
    if status != 200:
        raise _unavailable("document_refused", status=status)
    return document


def _ask(
    address: str, body: bytes | None, headers: Mapping[str, str]
) -> tuple[int, dict[str, Any]]:
    sent = {"Accept": "application/json", **headers}
    try:
        reply = egress.fetch(address, body=body, headers=sent, timeout_s=TIMEOUT_SECONDS)
    except egress.EgressError as error:
        raise _unavailable(error.outcome, host=urlsplit(address).hostname) from error
    try:
        document = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict):
        return reply.status, document
    if reply.status == 200:
        raise _unavailable("not_json", host=urlsplit(address).hostname)
    return reply.status, {}


def _unavailable(cause: str, **more: object) -> rules.OidcProviderUnavailable:
    """The refusal for people; for operators the log says why."""
    log.warning("oidc_provider_unavailable", extra={"cause": cause, **more})
    return rules.OidcProviderUnavailable()


def _word(error: object) -> str:
    """An OAuth error code, and nothing else that a stranger may have written."""
    fits = isinstance(error, str) and re.fullmatch(r"[a-z_]{1,64}", error)
    return str(error) if fits else "unreadable"
