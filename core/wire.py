"""Reading what comes in: bodies, file rows and queries, by one set of types with fault codes.

Inputs are pydantic models; every type here says its code and words itself, so that a JSON body,
a CSV cell and a query parameter are refused alike.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from core.errors import Fault, Invalid, ValidationFailed

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
INT64 = 2**63


class Input(BaseModel):
    """A body, a file row or a query. Unknown members are ignored; instances do not change."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class InvalidRange(Invalid):
    code = "invalid_range"
    title = "Invalid range"
    summary = "The start of a range lies after its end."


class UnknownZone(Invalid):
    code = "unknown_zone"
    title = "Unknown time zone"


def fault(code: str, detail: str, *, pointer: str = "", **more: Any) -> PydanticCustomError:
    """The error that a validator of an Input raises for this code.

    ``pointer`` names the member when the validator sees the whole input.
    """
    return PydanticCustomError(
        code, "{detail}", {"detail": detail, "pointer": pointer, "more": more}
    )


def is_clean(text: str) -> bool:
    """Whether PostgreSQL and people can take the text: no NUL, surrogate or stray control."""
    return not _FORBIDDEN.search(text)


@dataclass(frozen=True, eq=False)
class Reading:
    """How a member is read: ``Annotated[str, wire.text(1, 9)]``. Replaces pydantic's rules."""

    read: Callable[[Any], Any]
    schema: Mapping[str, Any]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self.schema)


def _required(value: object) -> None:
    if value is None:
        raise fault("required", "A value is required; null is not one.")


def _text(low: int, high: int, nullable: bool) -> Callable[[object], str | None]:
    def read(value: object) -> str | None:
        if nullable and value is None:
            return None
        _required(value)
        if not isinstance(value, str):
            raise fault("wrong_type", "This must be text.")
        if not is_clean(value):
            raise fault("forbidden_character", "Text may not hold NUL, surrogates or controls.")
        value = value.strip()
        if nullable and not value:
            return None
        if not value and low:
            raise fault("required", "This must not be empty.")
        if not low <= len(value) <= high:
            raise fault("too_long", f"{low} to {high} characters, not {len(value)}.", limit=high)
        return value

    return read


def text(low: int, high: int) -> Reading:
    """Trimmed text of ``low`` to ``high`` characters."""
    schema = {"type": "string", "minLength": low, "maxLength": high}
    return Reading(_text(low, high, nullable=False), schema)


def nullable_text(high: int) -> Reading:
    """Trimmed text of at most ``high`` characters; null and empty are the same."""
    return Reading(_text(0, high, nullable=True), {"type": ["string", "null"], "maxLength": high})


def choice(allowed: Sequence[str]) -> Reading:
    """One of these lower-case words, read in any case."""

    def read(value: object) -> str:
        _required(value)
        if isinstance(value, str) and (word := value.strip().lower()) in allowed:
            return word
        raise fault(
            "unknown_choice", f"Must be one of {', '.join(allowed)}.", allowed=list(allowed)
        )

    return Reading(read, {"type": "string", "enum": list(allowed)})


def whole(low: int, high: int, code: str = "out_of_range") -> Reading:
    """A whole number within bounds; ``25.0`` is one, ``25.5``, ``true`` and ``"x"`` are not."""

    def read(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,19}(\.0{1,9})?\s*", value):
            value = int(value.strip().split(".")[0])
        if isinstance(value, float) and value.is_integer() and abs(value) < INT64:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            if value is None:
                _required(value)
            raise fault(code, f"Must be a whole number from {low} to {high}.")
        return value

    return Reading(read, {"type": "integer", "minimum": low, "maximum": high})


def decimal_number(low: Decimal, high: Decimal, places: int) -> Reading:
    """An exact number within bounds; further places are refused."""

    def read(value: object) -> Decimal:
        _required(value)
        if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
            raise fault("wrong_type", "This must be a number.")
        try:
            number = Decimal(str(value).strip())
        except InvalidOperation:
            raise fault("bad_number", "This must be a number.") from None
        if not number.is_finite() or not low <= number <= high:
            raise fault("out_of_range", f"Must be a number from {low} to {high}.")
        if number != round(number, places):
            raise fault("out_of_range", f"At most {places} decimal places.")
        return number

    return Reading(read, {"type": "number", "minimum": float(low), "maximum": float(high)})


def _instant(value: object) -> datetime:
    _required(value)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            value = None
    if not isinstance(value, datetime):
        raise fault(
            "not_an_instant", "Must be an instant like 2026-01-05T10:00:00Z (ISO 8601, offset)."
        )
    if value.tzinfo is None:
        raise fault("timezone_required", "An instant needs an offset: Z or like +01:00.")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise fault("not_an_instant", "This instant lies beyond the calendar.") from None


Instant = Annotated[datetime, Reading(_instant, {"type": "string", "format": "date-time"})]


def _flag(value: object) -> bool:
    _required(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "1", "false", "0"):
        return value.strip().lower() in ("true", "1")
    raise fault("wrong_type", "Must be true or false.")


Flag = Annotated[bool, Reading(_flag, {"type": "boolean"})]


def texts(most: int, longest: int) -> Reading:
    """A list of distinct trimmed texts in the order given; doubles are dropped; may be empty."""
    item = _text(1, longest, nullable=False)

    def read(value: object) -> list[str]:
        _required(value)
        if not isinstance(value, list):
            raise fault("wrong_type", "This must be a list of texts.")
        if len(value) > most:
            raise fault("too_many", f"At most {most} items, not {len(value)}.", limit=most)
        return list(dict.fromkeys(str(item(each)) for each in value))

    schema = {
        "type": "array",
        "maxItems": most,
        "items": {"type": "string", "minLength": 1, "maxLength": longest},
    }
    return Reading(read, schema)


def many(allowed: Sequence[str] | None = None, longest: int = 255, most: int = 100) -> Reading:
    """A filter with several values, repeated or separated by commas; any of them matches."""

    def read(value: object) -> list[str]:
        words = [
            word.strip()
            for part in (value if isinstance(value, list) else [value])
            for word in str(part).split(",")
            if word.strip()
        ]
        if len(words) > most:
            raise fault("too_many", f"At most {most} values.", limit=most)
        if any(len(word) > longest for word in words):
            raise fault("too_long", f"At most {longest} characters each.", limit=longest)
        if allowed is not None:
            words = [word.lower() for word in words]
            if any(word not in allowed for word in words):
                raise fault(
                    "unknown_choice",
                    f"Must be one of {', '.join(allowed)}.",
                    allowed=list(allowed),
                )
        return sorted(set(words))

    items: dict[str, Any] = {"type": "string"}
    if allowed is not None:
        items["enum"] = list(allowed)
    return Reading(read, {"type": "array", "items": items})


M = TypeVar("M", bound=Input)


def read(model: type[M], data: object, *, place: str = "body") -> M:
    """Read an input. Raises: ValidationFailed with one fault per member that is wrong."""
    if place == "body" and not isinstance(data, Mapping):
        raise ValidationFailed(faults=[Fault("", "wrong_type", "The body must be an object.")])
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ValidationFailed(faults=faults_of(error, place)) from None


def faults_of(error: ValidationError, place: str = "body") -> list[Fault]:
    """What pydantic found, in our words."""
    faults = []
    for found in error.errors(include_url=False):
        context = found.get("ctx", {})
        pointer = "".join(f"/{_escape(str(part))}" for part in found["loc"])
        pointer += context.get("pointer", "")
        if found["type"] == "missing":
            faults.append(Fault(pointer, "required", f"{_name(pointer)} is required.", place))
        elif "detail" in context:
            detail = f"{_name(pointer)}: {context['detail']}"
            faults.append(Fault(pointer, found["type"], detail, place, context.get("more", {})))
        else:
            detail = f"{_name(pointer)}: {found['msg']}."
            faults.append(Fault(pointer, "wrong_type", detail, place))
    return faults


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _name(pointer: str) -> str:
    return pointer.rpartition("/")[2] or "The value"


def read_query(model: type[M], query: Mapping[str, Sequence[str]]) -> M:
    """Read query parameters (name to all its values). Empty parameters count as absent."""
    data: dict[str, Any] = {}
    for name, values in query.items():
        kept = [value for value in values if value != ""]
        if name == "cursor":
            kept = list(values)
        if kept:
            data[name] = kept[0] if len(kept) == 1 else kept
    return read(model, data, place="query")


def instant(value: datetime | None) -> str | None:
    """Spell an instant for the wire: UTC with Z, microseconds only when there are any."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else None


def zone(name: str) -> ZoneInfo:
    """The IANA zone of this name. Raises: UnknownZone."""
    try:
        if not re.fullmatch(r"[A-Za-z0-9_+\-/]{1,64}", name):
            raise ValueError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownZone(
            f"No time zone is called {name[:64]!r}.",
            faults=[
                Fault("/tz", "unknown_zone", "Use an IANA name such as Africa/Lagos.", "query")
            ],
        ) from None


Bound = tuple[Literal["lt", "lte", "gte"], datetime]


def span(start: str | None, end: str | None, tz: str = "UTC") -> tuple[Bound | None, Bound | None]:
    """Read the two ends of a date filter; a bare day is the whole local day, the last included.

    Raises: ValidationFailed, UnknownZone, InvalidRange.
    """
    local = zone(tz)
    low = _bound(start, local, "date_from", last=False)
    high = _bound(end, local, "date_to", last=True)
    if low and high and (low[1] > high[1] or (low[1] == high[1] and high[0] == "lt")):
        raise InvalidRange(faults=[Fault("/date_from", "invalid_range", "From after to.", "query")])
    return low, high


def _bound(value: str | None, local: ZoneInfo, name: str, *, last: bool) -> Bound | None:
    if value is None:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            day = date.fromisoformat(value) + timedelta(days=1 if last else 0)
            midnight = datetime.combine(day, time(), local).astimezone(UTC)
            return ("lt" if last else "gte"), midnight
        # A plus sign in a query arrives as a blank.
        return ("lte" if last else "gte"), _instant(value.replace(" ", "+"))
    except (ValueError, OverflowError):
        detail = f"{name}: must be a day (2026-01-05) or an instant."
        raise ValidationFailed(
            faults=[Fault(f"/{name}", "not_an_instant", detail, "query")]
        ) from None
    except PydanticCustomError as error:
        detail = f"{name}: {error.context['detail'] if error.context else error}"
        raise ValidationFailed(faults=[Fault(f"/{name}", error.type, detail, "query")]) from None
