"""The forms of codes and places, and who may write what. Pure."""

import re
from decimal import Decimal
from typing import Annotated

from core import wire
from core.actors import Actor, Place, may, reaches, refusal, require
from network.choices import OperatorKind, SiteKind, SiteStatus

REGION, OPERATOR, SITE = "reg", "opr", "site"  # prefixes of wire ids
CODE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
DEEPEST = 6  # regions below one another
RESERVED = frozenset({"import"})  # words of routes

_code = re.compile(CODE)


def is_code(text: str) -> bool:
    return _code.fullmatch(text) is not None


def path_under(parent_path: str, code: str) -> str:
    """The path of a region: the codes from the root, each with a slash after it."""
    return f"{parent_path}{code}/"


def depth(path: str) -> int:
    return path.count("/")


def require_may_read(actor: Actor) -> None:
    """Viewers of any place; which rows, the scope says. Raises: NotPermitted."""
    verdict = may(actor, "viewer", "sites:read")
    if not verdict.allowed and verdict.reason != "outside_scope":
        raise refusal(verdict.reason, "viewer", "sites:read")


def require_may_shape(actor: Actor) -> None:
    """Regions and operators are the administrator's. Raises: NotPermitted."""
    require(actor, "admin", "sites:write")


def require_may_create_site(actor: Actor, place: Place | None) -> None:
    """Managers, in the region the site comes into. Raises: NotPermitted."""
    require(actor, "manager", "sites:write", place)


def require_may_register_site(actor: Actor) -> None:
    """Whoever may report what happens somewhere may name the place: operators of any scope.

    The scopes of an API key were judged by the verb that reports. Raises: NotPermitted.
    """
    if actor.kind != "system" and not reaches(actor.highest_role, "operator"):
        raise refusal("role_too_low", "operator")


def _code_text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise wire.fault("required", "A code is required.")
    text = value.strip()
    if not is_code(text):
        detail = "1 to 64 letters, digits, dots, hyphens, underscores; a letter or digit first."
        raise wire.fault("invalid_code", detail)
    if text.lower() in RESERVED:
        raise wire.fault("code_reserved", f"{text} is a word of the routes.")
    return text


def _country(value: object) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*[A-Za-z]{2}\s*", value):
        return value.strip().upper()
    raise wire.fault("unknown_country", "Two letters of ISO 3166-1, such as NG.")


def _zone(value: object) -> str:
    try:
        return wire.zone(value.strip() if isinstance(value, str) else "").key
    except wire.UnknownZone:
        raise wire.fault("unknown_zone", "An IANA name such as Africa/Lagos.") from None


Code = Annotated[str, wire.Reading(_code_text, {"type": "string", "pattern": f"^{CODE}$"})]
Country = Annotated[
    str | None, wire.Reading(_country, {"type": ["string", "null"], "pattern": "^[A-Z]{2}$"})
]
Zone = Annotated[str, wire.Reading(_zone, {"type": "string"})]
Reference = Annotated[str | None, wire.nullable_text(64)]  # a code or an id
ExternalRef = Annotated[str | None, wire.nullable_text(255)]


class NewRegion(wire.Input):
    code: Code
    name: Annotated[str, wire.text(1, 120)]
    parent: Reference = None


class NewOperator(wire.Input):
    code: Code
    name: Annotated[str, wire.text(1, 200)]
    kind: Annotated[str, wire.choice(OperatorKind.values)] = OperatorKind.CARRIER.value
    country: Country = None
    contact_email: Annotated[str | None, wire.nullable_text(254)] = None
    external_ref: ExternalRef = None


class Location(wire.Input):
    latitude: Annotated[Decimal, wire.decimal_number(Decimal(-90), Decimal(90), 6)]
    longitude: Annotated[Decimal, wire.decimal_number(Decimal(-180), Decimal(180), 6)]


class NewSite(wire.Input):
    code: Code
    name: Annotated[str, wire.text(1, 255)]
    kind: Annotated[str, wire.choice(SiteKind.values)] = SiteKind.OTHER.value
    status: Annotated[str, wire.choice((SiteStatus.ACTIVE.value, SiteStatus.PLANNED.value))] = (
        SiteStatus.ACTIVE.value
    )
    region: Reference = None
    operator: Reference = None
    country: Country = None
    location: Location | None = None
    timezone: Zone = "UTC"
    criticality: Annotated[int, wire.whole(1, 4)] = 3
    external_ref: ExternalRef = None
