"""Lists: numbered pages and cursors, with one spelling of sort order for both."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from django.db.models import Case, F, Func, Model, QuerySet, TextField, Value
from django.db.models.lookups import GreaterThan, LessThan
from pydantic import AliasChoices, Field

from core import canonical, wire
from core.errors import Fault, Invalid, Malformed

LARGEST_PAGE = 200
COUNTED_AT_MOST = 100_000

T = TypeVar("T", bound=Model)


class UnknownSort(Invalid):
    code = "unknown_sort"
    title = "Unknown sort field"


class PageTooDeep(Invalid):
    code = "page_too_deep"
    title = "Page too deep"
    summary = "Pages end at 100,000 rows. Walk further with a cursor."


class CursorInvalid(Malformed):
    code = "cursor_invalid"
    title = "Cursor invalid"
    summary = "This is no cursor of ours. Start again with an empty one."


class CursorMismatch(Malformed):
    code = "cursor_mismatch"
    title = "Cursor of another list"
    summary = "The cursor belongs to other filters or another sort. Start again with an empty one."


class ListQuery(wire.Input):
    """The parameters that every list takes."""

    page: Annotated[int, wire.whole(1, 10**9)] = 1
    page_size: Annotated[int, wire.whole(1, LARGEST_PAGE)] | None = Field(
        None, validation_alias=AliasChoices("page_size", "per_page", "limit")
    )
    cursor: str | None = None
    include_total: wire.Flag = True
    sort: str | None = None
    sort_by: str | None = Field(None, validation_alias=AliasChoices("sort_by", "sort_field"))
    sort_direction: Annotated[str, wire.choice(("asc", "desc"))] | None = Field(
        None, validation_alias=AliasChoices("sort_direction", "sort_dir", "sort_order")
    )
    tz: str = "UTC"

    def filters(self) -> dict[str, Any]:
        """What narrows the list, without paging and order: what a cursor is bound to."""
        return {
            name: value
            for name, value in self.model_dump(mode="json").items()
            if name not in ListQuery.model_fields and value not in (None, [], "")
        }


@dataclass(frozen=True)
class Sort:
    """A sort field: the expression it orders by, and how its last value returns from a cursor."""

    expression: str | F | Func | Case
    read: Callable[[Any], Any] = str


def read_instant(value: Any) -> datetime:
    """Read an instant of a cursor. Raises: ValueError, TypeError, OverflowError."""
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError("an instant has a zone")
    return found.astimezone(UTC)


def spell_key(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value) if isinstance(value, UUID) else value


@dataclass(frozen=True)
class Listing(Generic[T]):
    """How one resource is listed. ``form`` makes the items of a whole page at once."""

    sorts: Mapping[str, Sort]
    default: str  # "detected_at:desc"
    form: Callable[[list[T]], list[Any]]
    page_size: int = 20

    def answer(self, rows: QuerySet[T], query: ListQuery) -> dict[str, Any]:
        """Answer one page or one stretch of a cursor walk.

        Raises: UnknownSort, PageTooDeep, CursorInvalid, CursorMismatch.
        """
        order = self._order(query)
        if query.cursor is not None:
            return self._walk(rows, query, order)
        return self._page(rows, query, order)

    def _order(self, query: ListQuery) -> list[tuple[str, str]]:
        if query.sort:
            terms = [term.strip() for term in query.sort.split(",") if term.strip()]
        else:
            name, _, direction = self.default.partition(":")
            if query.sort_by:
                name = query.sort_by
            terms = [f"{name}:{query.sort_direction or direction}"]
        order = []
        for term in terms:
            name, _, direction = term.partition(":")
            if name.startswith("-"):
                name, direction = name[1:], "desc"
            direction = (direction or "asc").lower()
            if name not in self.sorts or direction not in ("asc", "desc"):
                raise self._unknown_sort(name)
            order.append((name, direction))
        if not order or len(order) > 3 or (query.cursor is not None and len(order) > 1):
            raise self._unknown_sort(query.sort or "")
        return order

    def _unknown_sort(self, name: str) -> UnknownSort:
        allowed = list(self.sorts)
        detail = f"Cannot sort by {name[:64]!r}; by one of {', '.join(allowed)} (three at most, "
        detail += "one with a cursor), as field:asc or field:desc."
        return UnknownSort(
            faults=[Fault("/sort", "unknown_sort", detail, "query", {"allowed": allowed})],
            allowed=allowed,
        )

    def _page(
        self, rows: QuerySet[T], query: ListQuery, order: list[tuple[str, str]]
    ) -> dict[str, Any]:
        size = query.page_size or self.page_size
        offset = (query.page - 1) * size
        if offset > COUNTED_AT_MOST:
            raise PageTooDeep
        ordered = rows.order_by(*self._expressions(order))
        items = self.form(list(ordered[offset : offset + size]))
        answer: dict[str, Any] = {
            "items": items,
            "total": None,
            "page": query.page,
            "page_size": size,
            "sort_by": order[0][0],
            "sort_direction": order[0][1],
        }
        if query.include_total:
            if 0 < len(items) < size:
                answer["total"] = offset + len(items)
            else:
                answer["total"] = rows.order_by()[: COUNTED_AT_MOST + 1].count()
            if answer["total"] > COUNTED_AT_MOST:
                answer |= {"total": COUNTED_AT_MOST, "total_capped": True}
        return answer

    def _expressions(self, order: list[tuple[str, str]]) -> list[Any]:
        expressions: list[Any] = []
        for name, direction in order:
            expression = self.sorts[name].expression
            expression = F(expression) if isinstance(expression, str) else expression
            expressions.append(expression.asc() if direction == "asc" else expression.desc())
        last = order[-1][1]
        return [*expressions, F("pk").asc() if last == "asc" else F("pk").desc()]

    def _walk(
        self, rows: QuerySet[T], query: ListQuery, order: list[tuple[str, str]]
    ) -> dict[str, Any]:
        ((name, direction),) = order
        sort, spelled = self.sorts[name], f"{name}:{direction}"
        bound = filter_hash(query.filters())
        key_of: Any = F(sort.expression) if isinstance(sort.expression, str) else sort.expression
        keyed: Any = rows.order_by(*self._expressions(order))
        column = sort.expression
        if not isinstance(column, str) or "__" in column:
            column, keyed = "cursor_key", keyed.annotate(cursor_key=key_of)
        if query.cursor:
            key, pk = read_cursor(query.cursor, spelled, bound, sort.read)
            beyond = GreaterThan if direction == "asc" else LessThan
            keyed = keyed.filter(beyond(_Row(key_of, F("pk")), _Row(Value(key), Value(pk))))
        size = query.page_size or self.page_size
        found: list[T] = list(keyed[: size + 1])
        more = len(found) > size
        found = found[:size]
        cursor = None
        if more:
            last: Any = found[-1]
            cursor = make_cursor(bound, spelled, spell_key(getattr(last, column)), str(last.pk))
        return {"items": self.form(found), "next_cursor": cursor, "has_more": more}


class _Row(Func):
    """A row constructor: PostgreSQL compares rows as a walk needs it, through the index."""

    function = "ROW"
    output_field = TextField()


def filter_hash(filters: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical.dumps(dict(filters)).encode()).hexdigest()[:16]


def make_cursor(bound: str, sort: str, key: Any, pk: str) -> str:
    document = canonical.dumps({"f": bound, "k": [key, pk], "s": sort, "v": 1})
    return base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")


def read_cursor(cursor: str, sort: str, bound: str, read: Callable[[Any], Any]) -> tuple[Any, UUID]:
    """Read a cursor of this list. Raises: CursorInvalid, CursorMismatch."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        document = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if document["v"] != 1:
            raise CursorInvalid
        found = (document["f"], document["s"])
        key, pk = document["k"]
        pk = UUID(pk)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise CursorInvalid from None
    if found != (bound, sort):
        raise CursorMismatch
    if isinstance(key, str) and not wire.is_clean(key):
        raise CursorInvalid
    try:
        return read(key), pk
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise CursorInvalid from None
