"""The network in the back office: what waits to be verified comes first. New rows come by verb."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Case, Model, QuerySet, When
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.admin import ModelAdmin

from accounts import queries as accounts
from core import wire
from core.actors import Actor, may
from core.errors import DomainError
from core.ids import MalformedId, decode
from network import policy, queries, services
from network.choices import SiteStatus
from network.models import Operator, Region, Site


class _ByVerb(ModelAdmin):  # type: ignore[misc]
    """Adding calls the verb; what is there can only be looked at."""

    show_full_result_count = False
    list_per_page = 50
    least_role = "admin"
    prefix = ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        actor = accounts.actor_of(request.user)
        return may(actor, self.least_role, "sites:write").allowed

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

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

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        try:
            answer: HttpResponse = super().add_view(request, form_url, extra_context)
        except DomainError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return answer

    def save_model(
        self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool
    ) -> None:
        made = self.make(obj, accounts.actor_of(request.user))
        obj.pk = made.pk
        obj._state.adding = False  # noqa: SLF001 - as Model.save does

    def make(self, row: Any, actor: Actor) -> Model:
        raise NotImplementedError


def _given(row: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


@admin.register(Region)
class RegionAdmin(_ByVerb):
    prefix = policy.REGION
    list_display = ("path", "code", "name", "parent")
    list_select_related = ("parent",)
    search_fields = ("code", "name")
    ordering = ("path",)
    fields = ("code", "name", "parent")
    autocomplete_fields = ("parent",)

    def make(self, row: Region, actor: Actor) -> Region:
        data = _given(row, "code", "name") | {"parent": row.parent.code if row.parent else None}
        new = wire.read(policy.NewRegion, data)
        return services.create_region(new, actor=actor, at=timezone.now())


@admin.register(Operator)
class OperatorAdmin(_ByVerb):
    prefix = policy.OPERATOR
    list_display = ("code", "name", "kind", "status", "country")
    list_filter = ("kind", "status")
    search_fields = ("code", "name")
    ordering = ("code", "id")
    fields = ("code", "name", "kind", "country", "contact_email", "external_ref")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Operator]:
        return queries.visible_operators(accounts.actor_of(request.user))

    def make(self, row: Operator, actor: Actor) -> Operator:
        new = wire.read(policy.NewOperator, _given(row, *self.fields))
        return services.create_operator(new, actor=actor, at=timezone.now())


@admin.register(Site)
class SiteAdmin(_ByVerb):
    prefix = policy.SITE
    least_role = "manager"
    list_display = ("code", "name", "status", "kind", "region", "operator", "criticality")
    list_filter = ("status", "kind", "criticality")
    list_select_related = ("region", "operator")
    search_fields = ("code", "name")
    autocomplete_fields = ("region", "operator")
    fields = (
        "code",
        "name",
        "kind",
        "region",
        "operator",
        "country",
        "latitude",
        "longitude",
        "timezone",
        "criticality",
        "external_ref",
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ("status", "merged_into", "created_at", "updated_at")
        return self.fields if obj is None else (*self.fields, *shown)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        rows: QuerySet[Site] = super().get_queryset(request)
        return rows.filter(queries.within(accounts.actor_of(request.user), "pk"))

    def get_ordering(self, request: HttpRequest) -> tuple[Case | str, ...]:
        waiting_first = Case(When(status=SiteStatus.UNVERIFIED, then=0), default=1)
        return (waiting_first, "code", "id")

    def make(self, row: Site, actor: Actor) -> Site:
        names = ("code", "name", "kind", "country", "timezone", "criticality", "external_ref")
        data = _given(row, *names) | {
            "region": row.region.code if row.region else None,
            "operator": row.operator.code if row.operator else None,
            "location": None,
        }
        if row.latitude is not None or row.longitude is not None:
            data["location"] = _given(row, "latitude", "longitude")
        return services.create_site(wire.read(policy.NewSite, data), actor=actor, at=timezone.now())
