"""What must hold for the settings: judged at every start, and again by `manage.py check`.

A rule answers with what is wrong, or None. Its words never repeat a secret. Ids are stable:
runbooks and `SILENCED_SYSTEM_CHECKS` of installations name them. noc.E001 (unreadable), noc.E002
(absent) and noc.E029 (a faulty file) are `config.env`'s own; noc.E030 is kept for the audit key.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from config.env import DEPLOYED, Rule, Values
from config.readers import Network, is_stellar_address, scheme
from core import vault

SAMPLE_SECRET_KEY = "sample-secret-key--replace-it-by-fifty-or-more-random-characters"  # noqa: S105
MAKE_SECRET = "python -c 'import secrets; print(secrets.token_urlsafe(64))'"  # noqa: S105
MAKE_VAULT_KEYS = (
    "python -c 'import base64, os; print(\"1:\" + base64.b64encode(os.urandom(32)).decode())'"
)

SHORTEST_SECRET_KEY = 50
SHORTEST_JWT_KEY_BYTES = 32
FOREIGN_COOKIES = ("noc_session", "apex_csrf", "messages")
HTTP = ("http", "https")

CIRCLE_ISSUERS = {
    "mainnet": "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN",
    "testnet": "GBBD47IF6LWK7P7MDEVSCWR7DPUWV3NY3DTQEVFL4NAT4AQH3ZLLFLA5",
}

LOOPBACK: tuple[Network, ...] = (
    ipaddress.ip_network("127.0.0.0/8"),
    ipaddress.ip_network("::1/128"),
)
# Link-local ranges, and the addresses where clouds answer with the credentials of the machine.
_NEVER_REACHED = """
    169.254.0.0/16 fe80::/10 168.63.129.16/32 100.100.100.200/32 192.0.0.192/32
    fd00:ec2::254/128 0.0.0.0/8 ::/128
"""
NEVER_REACHED: tuple[Network, ...] = tuple(map(ipaddress.ip_network, _NEVER_REACHED.split()))

Judge = Callable[[Any, Values], str | None]


def at_least(least: int) -> Rule:
    return Rule(
        "noc.E014",
        f"At least {least}." if least != 1 else "Positive.",
        f"Give a whole number from {least} upwards, or leave it out.",
        lambda value, _: None if value >= least else f"It is {value}.",
    )


POSITIVE = at_least(1)


def between(least: int, most: int) -> Rule:
    return Rule(
        "noc.E014",
        f"From {least} to {most}.",
        f"Give a whole number from {least} to {most}, or leave it out.",
        lambda value, _: None if least <= value <= most else f"It is {value}.",
    )


def in_production(values: Values) -> bool:
    return bool(values["ENVIRONMENT"] == "production")


def _secret_key(value: str, values: Values) -> str | None:
    if values["ENVIRONMENT"] not in DEPLOYED:
        return None
    if value == SAMPLE_SECRET_KEY:
        return "It is the sample value."
    if len(value) < SHORTEST_SECRET_KEY:
        return f"It has {len(value)} characters."
    return None


SECRET_KEY = Rule(
    "noc.E004",
    f"At least {SHORTEST_SECRET_KEY} characters and not the sample value, outside local.",
    f"Make one: {MAKE_SECRET}",
    _secret_key,
)

NO_DEBUG = Rule(
    "noc.E005",
    "False in production.",
    "Leave it out, or set it to false.",
    lambda value, values: "It is true." if value and in_production(values) else None,
)

NOT_EAGER = Rule(
    "noc.E010",
    "False in production: background work must not run inside requests.",
    "Leave it out, and run a Celery worker.",
    lambda value, values: "It is true." if value and in_production(values) else None,
)

API_PREFIX = Rule(
    "noc.E006",
    "Starts with / and does not end with /.",
    "Set it to /api/v1, or leave it out.",
    lambda value, _: (
        None if re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value) else f"It is {value[:60]!r}."
    ),
)


def _scheme_among(*allowed: str) -> Judge:
    def judge(value: str | None, _: Values) -> str | None:
        if value is None or scheme(value) in allowed:
            return None
        return f"Its scheme is {scheme(value)}." if scheme(value) else "It has no scheme."

    return judge


DATABASE_SCHEME = Rule(
    "noc.E007",
    "A URL whose scheme is postgres or postgresql.",
    "Write postgres://user:password@host:5432/name.",
    _scheme_among("postgres", "postgresql"),
)

REDIS_SCHEME = Rule(
    "noc.E008",
    "A URL whose scheme is redis, rediss or unix.",
    "Write redis://host:6379/0, rediss://host:6379/0 or unix:///run/redis.sock?db=0.",
    _scheme_among("redis", "rediss", "unix"),
)


def _broker(value: str, values: Values) -> str | None:
    if values["CELERY_TASK_ALWAYS_EAGER"] or scheme(value) or value == values["REDIS_URL"]:
        return None  # a REDIS_URL without a scheme is a fault of its own
    return "It has no scheme." if value else "It is empty."


BROKER = Rule(
    "noc.E009",
    "A URL with a scheme, unless CELERY_TASK_ALWAYS_EAGER is true.",
    "Leave it out (REDIS_URL is used), or write redis://host:6379/0.",
    _broker,
)


def _hosts(value: tuple[str, ...], values: Values) -> str | None:
    if not in_production(values):
        return None
    if not value:
        return "It is empty."
    return "It holds *." if "*" in value else None


HOSTS = Rule(
    "noc.E011",
    "In production at least one name, and not *.",
    "List the host names that this service answers for, separated by commas.",
    _hosts,
)


def _public_url(value: str, values: Values) -> str | None:
    if scheme(value) not in HTTP or not urlsplit(value).hostname:
        return "It has no scheme http or https, or no host."
    return "It is http." if in_production(values) and scheme(value) == "http" else None


PUBLIC_URL = Rule(
    "noc.E012",
    "A URL with scheme and host; https in production.",
    "Write the address at which people reach this service, as https://noc.example.com.",
    _public_url,
)


def _origins(value: tuple[str, ...], values: Values) -> str | None:
    for origin in value:
        if "*" in origin:
            return f"{origin[:60]!r} holds *."
        try:
            parts = urlsplit(origin)
        except ValueError:
            return f"{origin[:60]!r} is no origin."
        if parts.scheme not in HTTP or not parts.hostname:
            return f"{origin[:60]!r} is not http or https with a host."
        if parts.path or parts.query or parts.fragment or parts.username:
            return f"{origin[:60]!r} holds more than scheme, host and port."
        if in_production(values) and parts.scheme == "http":
            return f"{origin[:60]!r} is http."
    return None


ORIGINS = Rule(
    "noc.E013",
    "Exact origins (scheme, host, port) without *, without a path; https in production.",
    "Write https://noc.example.com, several separated by commas or as a JSON list.",
    _origins,
)

JWT_KEY = Rule(
    "noc.E015",
    f"At least {SHORTEST_JWT_KEY_BYTES} bytes when it is set.",
    f"Leave it out (it is derived from SECRET_KEY), or make one: {MAKE_SECRET}",
    lambda value, _: (
        None
        if len(value.encode()) >= SHORTEST_JWT_KEY_BYTES
        else f"It has {len(value.encode())} bytes."
    ),
)


def _cookie_name(value: str, values: Values) -> str | None:
    # RFC 6265: a cookie's name is a token of RFC 9110.
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}", value):
        return "It is not a cookie token."
    if value in FOREIGN_COOKIES:
        return f"{value} is the name of another cookie of ours."
    return None


COOKIE_NAME = Rule(
    "noc.E016",
    "A cookie token that no other cookie of ours has.",
    "Leave it out, or choose letters, digits and underscores.",
    _cookie_name,
)
COOKIE_NAMES_DIFFER = Rule(
    "noc.E016",
    "Another name than AUTH_COOKIE_ACCESS_NAME.",
    "Leave one of the two out, or choose another name.",
    lambda value, values: (
        "It equals AUTH_COOKIE_ACCESS_NAME." if value == values["AUTH_COOKIE_ACCESS_NAME"] else None
    ),
)

SAME_SITE = Rule(
    "noc.E017",
    "None only with Secure cookies, which local and test do not have.",
    "Leave it out (Lax).",
    lambda value, values: (
        "It is None and cookies are not Secure here."
        if value == "None" and values["ENVIRONMENT"] not in DEPLOYED
        else None
    ),
)

REGISTRATION_POLICY = Rule(
    "noc.E018",
    "Not open in production.",
    "Set it to closed or approval.",
    lambda value, values: "It is open." if value == "open" and in_production(values) else None,
)
REGISTRATION_ROLE = Rule(
    "noc.E018",
    "viewer, operator or engineer.",
    "Choose viewer, operator or engineer; higher roles are granted by people.",
    lambda value, _: (
        None if value in ("viewer", "operator", "engineer") else f"{value} is above engineer."
    ),
)

ROLES = Rule(
    "noc.E019",
    "Roles out of viewer, operator, engineer, manager, admin.",
    "Write manager,admin or leave it empty.",
    lambda value, _: _unknown_word(value, ("viewer", "operator", "engineer", "manager", "admin")),
)


def _unknown_word(value: Iterable[str], known: tuple[str, ...]) -> str | None:
    unknown = [word for word in value if word not in known]
    return f"{unknown[0][:60]!r} is no role." if unknown else None


ADMIN_PATH = Rule(
    "noc.E020",
    "Small letters, digits and hyphens, and one / at the end.",
    "Write admin/ or another word with / at its end.",
    lambda value, _: None if re.fullmatch(r"[a-z0-9-]+/", value) else f"It is {value[:60]!r}.",
)


def _egress_networks(value: Iterable[Network], values: Values) -> str | None:
    environment = values["ENVIRONMENT"]
    if environment == "test":
        return None
    for network in value:
        inside_loopback = any(_within(network, ours) for ours in LOOPBACK)
        if inside_loopback and environment == "local":
            continue  # the demo's receiver listens beside us
        if any(_overlap(network, other) for other in (*LOOPBACK, *NEVER_REACHED)):
            return f"{network} holds loopback, link-local or metadata addresses."
    return None


def _within(network: Network, other: Network) -> bool:
    return network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]


def _overlap(network: Network, other: Network) -> bool:
    return network.version == other.version and network.overlaps(other)


EGRESS_NETWORKS = Rule(
    "noc.E021",
    "No loopback, link-local or metadata addresses (loopback: in local only).",
    "Name only the networks of your own receivers, as 10.20.0.0/16.",
    _egress_networks,
)


def _vault_keys(value: str, _: Values) -> str | None:
    try:
        vault.parse_keys(value)
    except vault.VaultMisconfigured as fault:
        return str(fault)
    return None


VAULT_KEYS = Rule(
    "noc.E022",
    "Pairs n:base64 with numbers 1 to 255 and keys of 32 bytes; the highest number seals.",
    f"Make one and keep the old ones beside it: {MAKE_VAULT_KEYS}",
    _vault_keys,
)

PORTS = Rule(
    "noc.E023",
    "At least one port, each from 1 to 65535.",
    "Write 443,8443 or leave it out.",
    lambda value, _: (
        None if value and all(1 <= port <= 65535 for port in value) else "It holds no usable port."
    ),
)

LEDGER = Rule(
    "noc.E024",
    "One of testnet, mainnet, futurenet, standalone, sandbox; no sandbox in production.",
    "Set it to the network that payments shall run on.",
    lambda value, values: (
        "It is sandbox." if value == "sandbox" and in_production(values) else None
    ),
)

ASSET_CODE = Rule(
    "noc.E025",
    "One to twelve letters and digits.",
    "Write USDC, or the code of your asset.",
    lambda value, _: (
        None if re.fullmatch(r"[A-Za-z0-9]{1,12}", value) else f"It is {value[:60]!r}."
    ),
)


def _issuer(value: str | None, values: Values) -> str | None:
    if value is None:
        return f"It is not set, and {values['STELLAR_NETWORK']} has no usual issuer."
    return None if is_stellar_address(value) else "It is not a Stellar address."


ASSET_ISSUER = Rule(
    "noc.E025",
    "A Stellar address (G...) with a right checksum.",
    "Copy the address of the account that issues the asset.",
    _issuer,
)

# Warnings: `manage.py check --deploy` names them; they stop nothing.
ADMIN_PATH_IS_GUESSED = Rule(
    "noc.W001",
    "In production not the path that everybody tries first.",
    "Set ADMIN_PATH to a word of your own.",
    lambda value, values: "It is admin/." if value == "admin/" and in_production(values) else None,
)
FOREIGN_ISSUER = Rule(
    "noc.W002",
    "On mainnet usually Circle's account.",
    "Compare the address with the issuer's own publication.",
    lambda value, values: (
        "It is not Circle's issuer of USDC."
        if values["STELLAR_NETWORK"] == "mainnet" and value != CIRCLE_ISSUERS["mainnet"]
        else None
    ),
)
WARNINGS: dict[str, Rule] = {
    "ADMIN_PATH": ADMIN_PATH_IS_GUESSED,
    "PAYMENT_ASSET_ISSUER": FOREIGN_ISSUER,
}
