"""People in the back office: to see who holds what, and to shut somebody out."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline

from accounts import queries, services
from accounts.models import Grant, User
from core.errors import DomainError
from core.ids import MalformedId, decode


class _ReadOnly:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class GrantInline(_ReadOnly, TabularInline):  # type: ignore[misc]
    model = Grant
    fields = ("role", "scope_kind", "scope_id", "source", "valid_until", "granted_by", "ended_at")
    readonly_fields = fields
    ordering = ("-id",)
    extra = 0


@admin.register(User)
class UserAdmin(_ReadOnly, ModelAdmin):  # type: ignore[misc]
    list_display = ("email", "full_name", "highest_role", "last_login_at", "status", "kind")
    list_filter = ("status", "kind")
    search_fields = ("email", "full_name")
    search_help_text = "E-mail, name, or exact id (usr_...)"
    ordering = ("email", "id")
    show_full_result_count = False
    list_per_page = 50
    fields = (
        "wire_id",
        "email",
        "full_name",
        "highest_role",
        "status",
        "kind",
        "responsible",
        "timezone",
        "stellar_wallet",
        "last_login_at",
        "password_changed_at",
        "created_at",
    )
    readonly_fields = fields
    inlines = (GrantInline,)
    actions = ("disable", "enable")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return queries.with_grants()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        try:
            return queryset.filter(id=decode("usr", search_term.strip())), False
        except MalformedId:
            found: tuple[QuerySet[User], bool] = super().get_search_results(
                request, queryset, search_term
            )
            return found

    @admin.display(description="Id")
    def wire_id(self, user: User) -> str:
        return user.wire_id

    @admin.display(description="Role")
    def highest_role(self, user: User) -> str:
        return user.role or "none"

    @admin.action(description="Disable: end all sessions and let them in no more")
    def disable(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, services.disable_user)

    @admin.action(description="Enable")
    def enable(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, services.enable_user)

    def _each(
        self, request: HttpRequest, queryset: QuerySet[User], verb: Callable[..., User]
    ) -> None:
        actor, at = queries.actor_of(request.user), timezone.now()
        for user in queryset.order_by("id"):
            try:
                after = verb(user.id, actor=actor, at=at)
            except DomainError as error:
                self.message_user(request, f"{user}: {error.detail}", messages.ERROR)
            else:
                self.message_user(request, f"{user} is {after.status}.", messages.SUCCESS)


@admin.register(Grant)
class GrantAdmin(_ReadOnly, ModelAdmin):  # type: ignore[misc]
    list_display = ("user", "role", "scope_kind", "scope_id", "source", "valid_until", "ended_at")
    list_filter = ("role", "scope_kind", "source", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("user__email", "scope_id")
    ordering = ("-id",)
    show_full_result_count = False
    list_per_page = 50
    fields = (
        "user",
        "role",
        "scope_kind",
        "scope_id",
        "source",
        "valid_from",
        "valid_until",
        "granted_by",
        "reason",
        "created_at",
        "ended_at",
        "ended_by",
    )
    readonly_fields = fields
