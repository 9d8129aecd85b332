"""API keys: made and shown once, replaced, revoked. No page knows the key itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.db.models.functions import Now
from django.forms import CharField
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import queries, services
from accounts.admin import forms
from accounts.admin.page import Page, State, key_state, live_or_ended, spell, trail
from accounts.models import ApiKey
from core.actors import Actor
from core.desk import Act, Section, Shown

STATE_COLOURS = {"live": "success", "ended": "default"}
LIVE = Q(revoked_at__isnull=True, expires_at__gt=Now())


class MakeForm(forms.KeyForm):
    owner = CharField(
        max_length=254,
        widget=UnfoldAdminTextInputWidget(),
        help_text="E-mail or id (usr_...) of whom the key acts as.",
    )
    field_order = ("owner",)

    def clean_owner(self) -> Any:
        found = queries.user(self.cleaned_data["owner"].strip())
        if found is None or not found.is_active:
            self.add_error("owner", "Nobody active has this e-mail or id.")
            return None
        return found.id


def _make(_: None, given: dict[str, Any], *, actor: Actor, at: datetime) -> Shown:
    terms = services.KeyTerms(
        name=given["name"],
        scopes=given["scopes"],
        networks=given["networks"],
        rate_rpm=given["rate_rpm"],
        expires_at=at + timedelta(days=given["days"]) if given["days"] else None,
    )
    return _shown(services.create_api_key(terms, owner_id=given["owner"], actor=actor, at=at))


def _rotate(key: ApiKey, given: dict[str, Any], *, actor: Actor, at: datetime) -> Shown:
    return _shown(
        services.rotate_api_key(key.id, overlap_hours=given["overlap_hours"], actor=actor, at=at)
    )


def _revoke(key: ApiKey, given: dict[str, Any], *, actor: Actor, at: datetime) -> None:
    services.revoke_api_key(key.id, reason=given["reason"], actor=actor, at=at)


def _shown(made: services.MadeKey) -> Shown:
    return Shown(
        "New API key",
        "Copy it now: it is shown this once, and we keep only its fingerprint.",
        [(made.key.name, made.raw_key)],
    )


@admin.register(ApiKey)
class ApiKeyAdmin(Page):
    prefix = "key"
    list_display = ("name", "user", "begins", "shown_state", "ends", "last_used", "opens")
    list_filter = (live_or_ended(LIVE), "user__kind")
    list_filter_submit = True
    list_select_related = ("user",)
    search_fields = ("name", "public_id", "user__email", "user__full_name")
    search_help_text = "Name, beginning of the key behind noc_, owner, or exact id (key_...)"
    ordering = ("-id",)
    fields = (
        "wire_id",
        ("name", "user"),
        ("begins", "state_in_words"),
        "opens",
        ("networks", "rate_rpm"),
        ("ends", "last_used"),
        ("created_at", "maker"),
        ("revoked_at", "replaced_by"),
    )
    acts = {
        "make": Act(
            "New key",
            _make,
            MakeForm,
            "It acts as its owner, cut down to what is ticked, and is shown once.",
            on_rows=False,
            needs_proof=True,
        ),
        "rotate": Act(
            "Replace",
            _rotate,
            forms.OverlapForm,
            "Its successor is alike but for the secret, and is shown once.",
            in_lists=False,
            needs_proof=True,
        ),
        "revoke": Act(
            "Revoke",
            _revoke,
            about="It opens nothing any more from the next call on.",
            done="is revoked.",
            is_grave=True,
            needs_proof=True,
        ),
    }

    def acts_on(self, request: HttpRequest, row: ApiKey) -> Sequence[str]:
        if key_state(row, timezone.now())[0] == "ended":
            return ()
        return ("rotate", "revoke") if row.replaced_by_id is None else ("revoke",)

    @admin.display(description="Id")
    def wire_id(self, key: ApiKey) -> str:
        return key.wire_id

    @admin.display(description="Begins with", ordering="public_id")
    def begins(self, key: ApiKey) -> str:
        return f"noc_{key.public_id}…"

    @display(description="State", label=STATE_COLOURS)  # type: ignore[untyped-decorator]
    def shown_state(self, key: ApiKey) -> State:
        return key_state(key, timezone.now())

    @admin.display(description="State")
    def state_in_words(self, key: ApiKey) -> str:
        return key_state(key, timezone.now())[1]

    @admin.display(description="May")
    def opens(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="Ends", ordering="expires_at")
    def ends(self, key: ApiKey) -> str:
        return spell(key.expires_at)

    @admin.display(description="Last used", ordering="last_used_at")
    def last_used(self, key: ApiKey) -> str:
        return spell(key.last_used_at)

    @admin.display(description="Made by")
    def maker(self, key: ApiKey) -> str:
        return queries.names([key.created_by]).get(key.created_by, key.created_by)

    def sections(self, request: HttpRequest, row: ApiKey) -> Sequence[Section]:
        return [trail(row.wire_id)]
