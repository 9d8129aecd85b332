"""Who is in, since when, from where; and out with whom should not be."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from accounts import services
from accounts.admin.page import (
    Page,
    State,
    browser,
    live_or_ended,
    session_state,
    spell,
    trail,
)
from accounts.choices import Method, SessionState
from accounts.models import Session
from core.actors import Actor
from core.desk import Act, NothingForm, Section

STATE_COLOURS = {"live": "success", "pending": "info", "ended": "default"}
LIVE = Q(state=SessionState.LIVE, expires_at__gt=Now())


def _end(session: Session, _: dict[str, Any], *, actor: Actor, at: datetime) -> None:
    services.revoke_session(session.id, reason="admin_logout", actor=actor, at=at)


@admin.register(Session)
class SessionAdmin(Page):
    prefix = "ses"
    list_display = (
        "person",
        "shown_kind",
        "shown_state",
        "opened",
        "seen",
        "address",
        "shown_browser",
    )
    list_filter = (live_or_ended(LIVE), "kind")
    list_filter_submit = True
    list_select_related = ("user",)
    search_fields = ("user__email", "user__full_name")
    search_help_text = "Person, or exact id of a session (ses_...)"
    ordering = ("-last_seen_at", "-id")
    fields = (
        "wire_id",
        ("user", "impersonator"),
        ("shown_kind", "state_in_words"),
        ("proved_by", "mfa_at"),
        ("opened", "seen"),
        ("expires_at", "ends_at"),
        ("address", "shown_browser"),
        ("revoked_at", "revoked_reason"),
    )
    acts = {
        "end": Act(
            "End",
            _end,
            NothingForm,
            "Whoever works in it is out with the next thing they do.",
            "has ended.",
        )
    }

    def acts_on(self, request: HttpRequest, row: Session) -> Sequence[str]:
        return ("end",) if session_state(row, timezone.now())[0] != "ended" else ()

    @admin.display(description="Id")
    def wire_id(self, session: Session) -> str:
        return session.wire_id

    @admin.display(description="Who", ordering="user__email")
    def person(self, session: Session) -> str:
        return str(session.user)

    @admin.display(description="Kind", ordering="kind")
    def shown_kind(self, session: Session) -> str:
        return session.get_kind_display()

    @display(description="State", label=STATE_COLOURS)  # type: ignore[untyped-decorator]
    def shown_state(self, session: Session) -> State:
        return session_state(session, timezone.now())

    @admin.display(description="Opened", ordering="created_at")
    def opened(self, session: Session) -> str:
        return spell(session.created_at)

    @admin.display(description="Last seen", ordering="last_seen_at")
    def seen(self, session: Session) -> str:
        return spell(session.last_seen_at)

    @admin.display(description="State")
    def state_in_words(self, session: Session) -> str:
        return session_state(session, timezone.now())[1]

    @admin.display(description="Browser")
    def shown_browser(self, session: Session) -> str:
        return browser(session.user_agent)

    @admin.display(description="Proved by")
    def proved_by(self, session: Session) -> str:
        return ", ".join(Method(each).label for each in session.methods) or "-"

    def sections(self, request: HttpRequest, row: Session) -> Sequence[Section]:
        return [trail(row.wire_id)]
