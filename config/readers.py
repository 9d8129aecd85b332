"""From the text of a setting to a value of the right type. What a value may be is said by rules."""

import base64
import binascii
import ipaddress
import re
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import environ
import orjson

from config.env import Reader, Unreadable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _boolean(given: str) -> bool:
    match given.lower():
        case "1" | "true" | "yes" | "on":
            return True
        case "0" | "false" | "no" | "off":
            return False
    raise Unreadable("It is neither true nor false.")


def _whole(given: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", given):
        raise Unreadable("It is not a whole number.")
    return int(given)


def _network(given: str) -> Network:
    try:
        return ipaddress.ip_network(given)
    except ValueError:
        raise Unreadable(f"{given[:60]!r} is not a network such as 10.0.0.0/8.") from None


text = Reader("text", str)
lower = Reader("word", str.lower)
# Refuses what is neither true nor false: a slip of the pen must not mean "no".
boolean = Reader("word true or false", _boolean)
whole = Reader("whole number", _whole)
network = Reader("network such as 10.0.0.0/8", _network)


def word(*choices: str, **aliases: str) -> Reader:
    """One of these words, in any case; an alias is read as the word it stands for."""
    spoken = {choice.lower(): choice for choice in choices} | aliases

    def read(given: str) -> str:
        if given.lower() not in spoken:
            raise Unreadable(f"It is none of {', '.join(choices)}.")
        return spoken[given.lower()]

    return Reader(f"word out of {', '.join(choices)}", read)


def listed(each: Reader = text) -> Reader:
    """Values separated by commas, or a JSON list."""

    def read(given: str) -> tuple[Any, ...]:
        items = given.split(",")
        if given.startswith("["):
            try:
                items = orjson.loads(given)
            except orjson.JSONDecodeError:
                raise Unreadable("It starts like a JSON list and is none.") from None
        return tuple(each(str(item).strip()) for item in items if str(item).strip())

    return Reader(f"list, separated by commas, each a {each.kind}", read)


# The form that OAuth gives lists; commas are taken too.
spaced = Reader(
    "list, separated by blanks", lambda given: tuple(re.split(r"[\s,]+", given.strip(" ,")))
)


def scheme(url: str) -> str:
    """The scheme of a URL in lower case, or nothing."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", url)
    return found[1].lower() if found else ""


def _database_url(given: str) -> str:
    """Left as it is; a URL of ours must be one that can be taken apart."""
    if scheme(given) in ("postgres", "postgresql"):
        try:
            parts = database(given)
        except ValueError:
            raise Unreadable("It is not a database URL.") from None
        if not parts["NAME"]:
            raise Unreadable("It names no database.")
    return given


database_url = Reader("database URL", _database_url)


def database(url: str) -> dict[str, Any]:
    """Django's form of a PostgreSQL URL, with a socket directory in any of the usual places.

    ``postgres://user@%2Frun%2Fpg/name``, ``postgres://user@/name?host=/run/pg`` and
    ``postgres://user@//run/pg/name`` are the same; django-environ knows only the last.
    """
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    query = parse_qs(parts.query)
    directory = query.pop("host", [""])[0] or (unquote(host) if host[:3].lower() == "%2f" else "")
    if directory:
        rest = "&".join(f"{name}={quote(given[0])}" for name, given in query.items())
        url = f"{parts.scheme}://{user}@localhost{parts.path}?{rest}"
    config: dict[str, Any] = environ.Env.db_url_config(url)
    return config | ({"HOST": directory} if directory else {})


def celery_url(url: str) -> str:
    """Spell a Redis URL for Celery: where redis-py says ``unix``, it says ``redis+socket``."""
    if scheme(url) != "unix":
        return url
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    database = query.get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database}"


def is_stellar_address(given: str) -> bool:
    """Whether this is the StrKey of an ed25519 public key. Source: SEP-23."""
    if not re.fullmatch(r"G[A-Z2-7]{55}", given):
        return False
    raw = base64.b32decode(given)
    # CRC-16/XModem, least significant byte first, over version byte and key.
    return binascii.crc_hqx(raw[:-2], 0) == int.from_bytes(raw[-2:], "little")
