"""The identity provider that people may sign in by, if there is one."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from config import rules
from config.env import Group, Rule, Values, Variable
from config.readers import boolean, spaced, text, word
from config.variables.numbers import number

TOGETHER = ("OAUTH_ISSUER_URL", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET")
# A shared secret is none of them: whoever reads the public key could sign with it.
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)


def _together(value: str | None, values: Values) -> str | None:
    if value is None and any(values[name] for name in TOGETHER):
        return "It is not set, and others of the three are."
    return None


WHOLE = Rule(
    "noc.E026",
    f"{', '.join(TOGETHER[:2])} and {TOGETHER[2]} are set together or not at all.",
    "Set all three as the provider gave them, or none.",
    _together,
)


def _issuer(value: str | None, values: Values) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        well_formed = parts.scheme in rules.HTTP and parts.hostname and (parts.port or 1)
    except ValueError:
        well_formed = False
    if not well_formed or len(value) > 512 or re.search(r"[\s\\]", value):
        return "It is no URL with http or https and a host."
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "It holds more than scheme, host, port and path."
    if parts.scheme == "http" and values["ENVIRONMENT"] not in ("local", "test"):
        return "It is http."
    return None


ISSUER = Rule(
    "noc.E027",
    "A URL without query, at most 512 characters; https outside of local.",
    "Copy `issuer` from the provider's /.well-known/openid-configuration, letter by letter.",
    _issuer,
)

PROVIDER_ID = Rule(
    "noc.E027",
    "1 to 64 small letters, digits and hyphens: it is part of an address.",
    "Write corp or another short word.",
    lambda value, _: None if re.fullmatch(r"[a-z0-9-]{1,64}", value) else f"It is {value[:60]!r}.",
)


def _scopes(value: Iterable[str], _: Values) -> str | None:
    # Source: RFC 6749, section 3.3
    wrong = [scope for scope in value if not re.fullmatch(r"[!#-\[\]-~]{1,128}", scope)]
    if wrong:
        return f"{wrong[0][:60]!r} is no scope."
    return None if "openid" in value else "It lacks openid."


SCOPES = Rule(
    "noc.E027",
    "Scopes of which one is openid.",
    "Write openid email profile, and what makes the provider tell of groups.",
    _scopes,
)


def _algorithms(value: Iterable[str], _: Values) -> str | None:
    unknown = [name for name in value if name not in ALGORITHMS]
    if unknown:
        return f"{unknown[0][:60]!r} is none of them."
    return None if value else "It is empty."


ALLOWED_ALGS = Rule(
    "noc.E028",
    f"At least one out of {', '.join(ALGORITHMS)}.",
    "Leave it out, or name what the provider signs its ID tokens with.",
    _algorithms,
)

DEFAULT_ROLE = Rule(
    "noc.E018",
    "viewer, operator or engineer, or empty.",
    "Choose viewer, operator or engineer; higher roles come from groups or from people.",
    lambda value, _: (
        None if value in (None, "viewer", "operator", "engineer") else f"{value} is above engineer."
    ),
)

OIDC = Group(
    "Identity provider (OpenID Connect)",
    (
        Variable(
            name="OAUTH_ISSUER_URL",
            read=text,
            rules=(WHOLE, ISSUER),
            about="The issuer of the identity provider; without it there is none.",
        ),
        Variable(
            name="OAUTH_CLIENT_ID",
            read=text,
            rules=(WHOLE,),
            about="By which name the provider knows this service. The redirect URI to register "
            "is PUBLIC_URL/api/v1/auth/oidc/OAUTH_PROVIDER_ID/callback.",
        ),
        Variable(
            name="OAUTH_CLIENT_SECRET",
            read=text,
            secret=True,
            rules=(WHOLE,),
            about="By which secret the provider knows this service.",
        ),
        Variable(
            name="OAUTH_PROVIDER_ID",
            read=text,
            default="corp",
            rules=(PROVIDER_ID,),
            about="The name of the provider in addresses and in mappings of groups.",
        ),
        Variable(
            name="OAUTH_SCOPES",
            read=spaced,
            default="openid email profile groups",
            rules=(SCOPES,),
            about="What is asked of the provider. Leave out groups where it is no scope there.",
        ),
        Variable(
            name="OAUTH_GROUPS_CLAIM",
            read=text,
            default="groups",
            about="The claim that lists the groups of a person.",
        ),
        number(
            "OAUTH_GRANT_TTL_HOURS",
            24,
            "How long a role from the provider lasts without another sign-in.",
            rules.between(1, 720),
        ),
        Variable(
            name="OAUTH_DEFAULT_ROLE",
            read=word("viewer", "operator", "engineer", "manager", "admin"),
            rules=(DEFAULT_ROLE,),
            about="The role, everywhere, of all whom the provider lets in. Empty: only those "
            "come in to whom a group or a person gives a role.",
        ),
        Variable(
            name="OAUTH_LINK_BY_EMAIL",
            read=boolean,
            default="false",
            about="Whether a verified e-mail address opens the account that has it already. Only "
            "for a provider in which nobody can take the address of another.",
        ),
        Variable(
            name="OAUTH_TRUST_MFA",
            read=boolean,
            default="false",
            about="Whether every sign-in there counts as one with a second factor, though the "
            "provider does not say so (amr).",
        ),
        Variable(
            name="OAUTH_ALLOWED_ALGS",
            read=spaced,
            default="RS256 PS256 ES256 EdDSA",
            rules=(ALLOWED_ALGS,),
            about="How ID tokens may be signed.",
        ),
    ),
)
