"""What the pages about people share: who acts, the search by id, places by name, the trail."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from accounts import queries
from accounts.choices import Role, SessionState
from accounts.models import ApiKey, Grant, Session
from audit import queries as audit
from core.actors import Actor, may
from core.desk import Acting, ReadOnly, Section
from core.ids import MalformedId, decode

LATEST = 50
State = tuple[str, str]  # the word for the colour, and what is said


class Page(Acting, ReadOnly, ModelAdmin):  # type: ignore[misc]
    """A list, and a page with an audit trail. Acts are for administrators."""

    prefix: ClassVar[str]
    show_full_result_count = False
    list_per_page = 50

    def actor_of(self, request: HttpRequest) -> Actor:
        return queries.actor_of(request.user)

    def may_act(self, request: HttpRequest, name: str) -> bool:
        return may(self.actor_of(request), Role.ADMIN, "admin:full").allowed

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        return [
            name
            for each in self.get_fields(request, obj)
            for name in (each if isinstance(each, tuple) else (each,))
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        try:
            return queryset.filter(id=decode(self.prefix, search_term.strip())), False
        except MalformedId:
            found: tuple[QuerySet[Any], bool] = super().get_search_results(
                request, queryset, search_term
            )
            return found


def live_or_ended(live: Q) -> type[SimpleListFilter]:
    """A filter by whether a row still counts; those that do are shown unless asked."""

    class ByState(SimpleListFilter):
        title = "state"
        parameter_name = "state"

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[State]:
            return [("live", "Live"), ("ended", "Ended"), ("all", "All")]

        def choices(self, changelist: Any) -> Iterator[Any]:
            for word, label in self.lookup_choices:
                yield {
                    "selected": (self.value() or "live") == word,
                    "query_string": changelist.get_query_string({self.parameter_name: word}),
                    "display": label,
                }

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            wanted = self.value() or "live"
            if wanted == "all":
                return queryset
            return queryset.filter(live) if wanted == "live" else queryset.exclude(live)

    return ByState


def link(label: str, address: str) -> SafeString:
    return format_html('<a class="noc-link" href="{}">{}</a>', address, label)


_BROWSERS = ("Edg", "Firefox", "Chrome", "Safari", "curl")  # in the order in which they tell
_SYSTEMS = ("Windows", "Android", "iPhone", "iPad", "Mac OS", "Linux")


def browser(user_agent: str) -> str:
    """What people call a browser; else the beginning of how it calls itself."""
    name = next((each for each in _BROWSERS if each in user_agent), "")
    system = next((each for each in _SYSTEMS if each in user_agent), "")
    if not name:
        return user_agent[:40] or "-"
    name = name.replace("Edg", "Edge")
    return f"{name} on {system}" if system else name


def spell(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M}" if instant else "-"


def stamp(instant: datetime | None) -> SafeString | str:
    """An instant for a table: on one line."""
    return format_html('<span class="noc-at">{}</span>', spell(instant)) if instant else "-"


def grant_state(grant: Grant) -> State:
    now = timezone.now()
    if grant.ended_at is not None:
        return "ended", f"Ended {spell(grant.ended_at)}"
    if grant.valid_until is not None and grant.valid_until <= now:
        return "ended", f"Ran out {spell(grant.valid_until)}"
    if grant.valid_from > now:
        return "waiting", f"From {spell(grant.valid_from)}"
    return "live", "Live"


def session_state(session: Session, now: datetime) -> State:
    if session.state == SessionState.REVOKED:
        return "ended", session.revoked_reason.replace("_", " ") or "ended"
    if session.expires_at <= now:
        return "ended", "ran out"
    return session.state, session.get_state_display()


def key_state(key: ApiKey, now: datetime) -> State:
    if key.revoked_at is not None:
        return "ended", "Revoked"
    return ("ended", "Ran out") if key.expires_at <= now else ("live", "Live")


def trail(wire_id: str) -> Section:
    """The last entries of the audit log about a thing, the newest first."""
    entries = [audit.view(entry) for entry in audit.timeline(wire_id).reverse()[:LATEST]]
    names = queries.names({entry.actor["id"] for entry in entries})
    return Section(
        "Audit trail",
        ("When (UTC)", "What", "Who", "Why"),
        [
            (
                f"{entry.at[:10]} {entry.at[11:19]}",
                entry.action.removeprefix("accounts.").replace("_", " "),
                names.get(entry.actor["id"], entry.actor["id"]),
                entry.reason,
            )
            for entry in entries
        ],
        empty="Nothing yet.",
    )
