"""Who has which right where and since when, and what groups of the identity provider give."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest
from unfold.decorators import display

from accounts import queries, services
from accounts.admin import forms
from accounts.admin.page import (
    Page,
    State,
    grant_state,
    live_or_ended,
    spell,
    trail,
)
from accounts.admin.places import places, where
from accounts.choices import GrantSource
from accounts.models import Grant, GroupMapping
from core.actors import Actor
from core.desk import Act, NothingForm, Section

STATE_COLOURS = {"live": "success", "waiting": "info", "ended": "default"}
LIVE = Q(ended_at__isnull=True) & (Q(valid_until__isnull=True) | Q(valid_until__gt=Now()))


def _end(grant: Grant, given: dict[str, Any], *, actor: Actor, at: datetime) -> None:
    services.end_grant(grant.id, actor=actor, at=at, reason=given["reason"])


@admin.register(Grant)
class GrantAdmin(Page):
    prefix = "grt"
    list_display = ("holder", "role", "place", "shown_state", "since", "until", "shown_source")
    list_filter = (live_or_ended(LIVE), "role", "scope_kind", "source")
    list_filter_submit = True
    list_select_related = ("user", "team")
    search_fields = ("user__email", "user__full_name", "team__name", "scope_id")
    search_help_text = "Person, team, exact id of a region or site (reg_..., site_...) or grant"
    ordering = ("-id",)
    fields = (
        "wire_id",
        ("holder", "state_in_words"),
        ("role", "place"),
        ("since", "until"),
        ("source", "giver"),
        "reason",
        ("ended_at", "ender"),
    )
    acts = {
        "end": Act(
            "End",
            _end,
            about="The role counts no more from the next request on.",
            done="has ended.",
            needs_proof=True,
        )
    }

    def acts_on(self, request: HttpRequest, row: Grant) -> Sequence[str]:
        return ("end",) if row.ended_at is None else ()

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        known = places(changelist.result_list)  # once for the page, not once a row
        for row in changelist.result_list:
            row.known_places = known
        return changelist

    @admin.display(description="Who")
    def holder(self, grant: Grant) -> str:
        return f"team {grant.team}" if grant.team else str(grant.user)

    @admin.display(description="Where", ordering="scope_kind")
    def place(self, grant: Grant) -> str:
        known = getattr(grant, "known_places", None)
        return where(grant, places([grant]) if known is None else known)

    @display(description="State", label=STATE_COLOURS)  # type: ignore[untyped-decorator]
    def shown_state(self, grant: Grant) -> State:
        return grant_state(grant)

    @admin.display(description="State")
    def state_in_words(self, grant: Grant) -> str:
        return grant_state(grant)[1]

    @admin.display(description="Source", ordering="source")
    def shown_source(self, grant: Grant) -> str:
        return "Provider" if grant.source == GrantSource.IDP else "By hand"

    @admin.display(description="Since", ordering="valid_from")
    def since(self, grant: Grant) -> str:
        return spell(grant.valid_from)

    @admin.display(description="Until", ordering="valid_until")
    def until(self, grant: Grant) -> str:
        return spell(grant.valid_until) if grant.valid_until else "open"

    @admin.display(description="Id")
    def wire_id(self, grant: Grant) -> str:
        return grant.wire_id

    @admin.display(description="Given by")
    def giver(self, grant: Grant) -> str:
        return queries.names([grant.granted_by]).get(grant.granted_by, grant.granted_by)

    @admin.display(description="Ended by")
    def ender(self, grant: Grant) -> str:
        ended_by = grant.ended_by or "-"
        return queries.names([ended_by]).get(ended_by, ended_by)

    def sections(self, request: HttpRequest, row: Grant) -> Sequence[Section]:
        return [trail(row.wire_id)]


def _map(_: None, given: dict[str, Any], *, actor: Actor, at: datetime) -> GroupMapping:
    mapped = services.Mapped(provider=settings.OAUTH_PROVIDER_ID, **forms.without(given, "place"))
    return services.create_group_mapping(mapped, actor=actor, at=at)


def _change(mapping: GroupMapping, given: dict[str, Any], *, actor: Actor, at: datetime) -> None:
    services.change_group_mapping(mapping.id, given["role"], actor=actor, at=at)


def _remove(mapping: GroupMapping, _: dict[str, Any], *, actor: Actor, at: datetime) -> None:
    services.delete_group_mapping(mapping.id, actor=actor, at=at)


@admin.register(GroupMapping)
class GroupMappingAdmin(Page):
    prefix = "gmp"
    list_display = ("claim_value", "role", "place", "provider", "created_at")
    list_filter = ("role", "scope_kind")
    search_fields = ("claim_value",)
    ordering = ("provider", "claim_value", "id")
    fields = ("wire_id", ("claim_value", "provider"), ("role", "place"), ("created_at", "maker"))
    acts = {
        "add": Act(
            "Map a group",
            _map,
            forms.MappingForm,
            "Everybody in the group gets the role at their next sign-in by the provider.",
            "is mapped.",
            on_rows=False,
            needs_proof=True,
        ),
        "change": Act(
            "Give another role",
            _change,
            forms.OtherRoleForm,
            done="gives the other role from the next sign-in of each person on.",
            in_lists=False,
            needs_proof=True,
        ),
        "remove": Act(
            "Remove",
            _remove,
            NothingForm,
            "The roles that it gave end at the next sign-in of each person, at the latest when "
            "they run out.",
            "is removed.",
            is_grave=True,
            needs_proof=True,
        ),
    }

    @admin.display(description="Id")
    def wire_id(self, mapping: GroupMapping) -> str:
        return mapping.wire_id

    @admin.display(description="Where", ordering="scope_kind")
    def place(self, mapping: GroupMapping) -> str:
        return where(mapping, places([mapping]))

    @admin.display(description="Made by")
    def maker(self, mapping: GroupMapping) -> str:
        return queries.names([mapping.created_by]).get(mapping.created_by, mapping.created_by)

    def sections(self, request: HttpRequest, row: GroupMapping) -> Sequence[Section]:
        return [trail(row.wire_id)]
