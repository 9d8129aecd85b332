"""What acts on people need to know."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts import policy, queries
from accounts.admin.places import scope_id
from accounts.choices import Role, ScopeKind
from core.desk import ReasonForm

_PLACES = (
    (ScopeKind.GLOBAL, "Everywhere"),
    (ScopeKind.REGION, "A region"),
    (ScopeKind.SITE, "A site"),
)


class RoleForm(forms.Form):
    """A role in a place."""

    role = forms.ChoiceField(choices=Role.choices, widget=UnfoldAdminSelectWidget())
    scope_kind = forms.ChoiceField(
        label="Where",
        choices=_PLACES,
        initial=ScopeKind.GLOBAL,
        widget=UnfoldAdminRadioSelectWidget(),
    )
    place = forms.CharField(
        required=False,
        max_length=64,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Code or id of the region or site.",
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        kind, named = given.get("scope_kind"), given.get("place", "").strip()
        given["scope_id"] = None
        if kind == ScopeKind.GLOBAL and named:
            self.add_error("place", "Choose a region or a site, or leave this empty.")
        elif kind in (ScopeKind.REGION, ScopeKind.SITE):
            given["scope_id"] = scope_id(kind, named)
            if given["scope_id"] is None:
                self.add_error("place", f"There is no {kind} of this code or id.")
        return given


class GrantForm(RoleForm):
    valid_until = forms.DateField(
        label="Until the end of",
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
        help_text="Empty: until somebody ends it.",
    )
    reason = ReasonForm.base_fields["reason"]

    def clean_valid_until(self) -> datetime | None:
        day = self.cleaned_data["valid_until"]
        if day is None:
            return None
        midnight = datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone())
        return midnight + timedelta(days=1)


class PersonForm(forms.Form):
    email = forms.EmailField(label="E-mail", widget=UnfoldAdminEmailInputWidget())
    full_name = forms.CharField(required=False, max_length=255, widget=UnfoldAdminTextInputWidget())
    role = forms.ChoiceField(
        choices=[("", "No role yet"), *Role.choices],
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text="Everywhere. Roles in one place are given on the page of the person.",
    )


class PersonField(forms.EmailField):
    """An active person, named by their e-mail; the value is their id."""

    widget = UnfoldAdminEmailInputWidget

    def clean(self, value: Any) -> Any:
        named = super().clean(value)
        found = queries.active_people([named]).get(named.lower()) if named else None
        if named and found is None:
            raise forms.ValidationError("No active person has this e-mail.")
        return found


class ServiceForm(forms.Form):
    full_name = forms.CharField(label="Name", max_length=255, widget=UnfoldAdminTextInputWidget())
    responsible = PersonField(help_text="E-mail of the person who answers for it.")


class ResponsibleForm(forms.Form):
    responsible = PersonField(help_text="E-mail of the person who answers for it from now on.")


class KeyForm(forms.Form):
    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget())
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in policy.KEY_SCOPES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="What it may do, as far as its owner may. Write includes read.",
    )
    networks = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="From where it may call, as 10.20.0.0/16, one a line. Empty: from anywhere.",
    )
    rate_rpm = forms.IntegerField(
        label="Calls a minute",
        required=False,
        min_value=1,
        max_value=1_000_000,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Empty: as many as usual.",
    )
    days = forms.IntegerField(
        label="Days until it ends",
        required=False,
        min_value=1,
        max_value=policy.LONGEST_LIFE.days,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Empty: 90 for a person, 365 for a service account.",
    )

    def clean_networks(self) -> list[str]:
        return str(self.cleaned_data["networks"]).split()


class OverlapForm(forms.Form):
    overlap_hours = forms.IntegerField(
        initial=24,
        min_value=0,
        max_value=policy.MOST_OVERLAP_HOURS,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="How long the present key still works beside the new one. 0: it ends now.",
    )


class NameForm(forms.Form):
    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget())


class MembersForm(forms.Form):
    members = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 10}),
        help_text="E-mails of everybody who shall be in the team, one a line.",
    )
    reason = ReasonForm.base_fields["reason"]

    def clean_members(self) -> list[Any]:
        named = str(self.cleaned_data["members"]).split()
        known = {**self.initial.get("known", {}), **queries.active_people(named)}
        unknown = [each for each in named if each.lower() not in known]
        if unknown:
            raise forms.ValidationError(f"No active person has the e-mail {unknown[0]}.")
        return [known[each.lower()] for each in named]


class MappingForm(RoleForm):
    claim_value = forms.CharField(
        label="Group",
        max_length=255,
        widget=UnfoldAdminTextInputWidget(),
        help_text="As the identity provider calls it.",
    )
    field_order = ("claim_value", "role", "scope_kind", "place")


class OtherRoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices, widget=UnfoldAdminSelectWidget())


def without(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """What a form gave, but for these."""
    return {name: value for name, value in given.items() if name not in names}
