"""What the pages of the back office share: acts that ask before they act, and tables of facts.

An admin names its acts; each calls one verb for each row that was chosen, in the name of whoever
is signed in. The page that asks stands between the button and the verb.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from core.actors import Actor, ReauthenticationRequired, require_fresh_proof
from core.errors import DomainError

MOST_ROWS = 100


class ReadOnly:
    """A page to look at: no form of it adds, changes or deletes anything."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class NothingForm(forms.Form):
    """For an act that needs to know nothing, only that it is meant."""


class ReasonForm(forms.Form):
    reason = forms.CharField(
        min_length=3,
        max_length=500,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Kept in the audit trail. No personal data.",
    )


@dataclass(frozen=True)
class Act:
    """What is done to rows of a page: a verb, and the form that asks what it needs to know.

    ``run(row, given, actor=, at=)`` calls the verb; without rows the row is None.
    """

    label: str
    run: Callable[..., Any]
    form: type[forms.Form] = ReasonForm
    about: str = ""  # what will happen, for the page that asks
    done: str = "done."  # what is said afterwards, behind the name of the row
    on_rows: bool = True  # else it stands above the list
    in_lists: bool = True  # also for many rows at once
    is_grave: bool = False
    needs_proof: bool = False  # that it is still the same person: a sign-in within 15 minutes
    start: Callable[[Any], Mapping[str, Any]] = lambda row: {}  # what the form starts with


@dataclass(frozen=True)
class Shown:
    """What an act shows once and nobody can look up again."""

    title: str
    note: str
    values: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Button:
    label: str
    address: str
    is_grave: bool = False


@dataclass(frozen=True)
class Section:
    """A table on the page of an object, below its own facts."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    buttons: Sequence[Button] = field(default_factory=tuple)
    empty: str = "None."

    @property
    def lines(self) -> list[list[tuple[str, Any]]]:
        """Each row with the head of each cell, which stands beside it on a small screen."""
        return [list(zip(self.head, row, strict=True)) for row in self.rows]


class Acting:
    """An admin whose changes are acts."""

    acts: ClassVar[Mapping[str, Act]] = {}
    list_before_template = "admin/noc/acts.html"
    change_form_before_template = "admin/noc/acts.html"
    change_form_after_template = "admin/noc/sections.html"
    opts: Any
    admin_site: Any
    message_user: Callable[..., None]
    get_queryset: Callable[[HttpRequest], QuerySet[Any]]

    # --- what an admin says of itself ------------------------------------------------------------

    def actor_of(self, request: HttpRequest) -> Actor:
        """Whoever is signed in."""
        raise NotImplementedError

    def may_act(self, request: HttpRequest, name: str) -> bool:
        """Whether the act is offered at all. The verb judges again."""
        return True

    def acts_on(self, request: HttpRequest, row: Any) -> Sequence[str]:
        """The acts that are offered on the page of this row."""
        return [name for name, act in self.acts.items() if act.on_rows]

    def sections(self, request: HttpRequest, row: Any) -> Sequence[Section]:
        return ()

    # --- the pages of the framework --------------------------------------------------------------

    def act_address(self, name: str, *rows: Model, **given: str) -> str:
        """Where the page is that asks for this act."""
        query = {"ids": ",".join(str(row.pk) for row in rows)} if rows else {}
        where = reverse(self._named("act"), args=[name])
        return f"{where}?{urlencode(query | given)}" if query or given else where

    def _named(self, page: str) -> str:
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        view = self.admin_site.admin_view(self.act_view)
        own: list[URLPattern] = [path("act/<str:name>/", view, name=name)]
        return own + list(super().get_urls())  # type: ignore[misc]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request)  # type: ignore[misc]
        for name, act in self.acts.items():
            if act.on_rows and act.in_lists and self.may_act(request, name):
                found[name] = (_asking(name), name, f"{act.label}…")
        return found

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        names = [name for name, act in self.acts.items() if not act.on_rows]
        context = {**(extra_context or {}), "buttons": self._buttons(request, names)}
        return super().changelist_view(request, context)  # type: ignore[misc]

    def _buttons(self, request: HttpRequest, names: Iterable[str], *rows: Any) -> list[Button]:
        return [
            Button(f"{act.label}…", self.act_address(name, *rows), act.is_grave)
            for name, act in ((name, self.acts[name]) for name in names)
            if self.may_act(request, name)
        ]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        row = self.get_object(request, object_id or "")  # type: ignore[attr-defined]
        buttons: list[Button] = []
        sections: list[Section] = []
        if row is not None and self.has_view_permission(request, row):  # type: ignore[attr-defined]
            buttons = self._buttons(request, self.acts_on(request, row), row)
            sections = list(self.sections(request, row))
        context = {
            **(extra_context or {}),
            "buttons": buttons,
            "sections": sections,
            "show_save": False,
            "show_save_and_continue": False,
            "show_save_and_add_another": False,
        }
        return super().changeform_view(request, object_id, form_url, context)  # type: ignore[misc]

    # --- the page that asks ----------------------------------------------------------------------

    def act_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Ask what the verb needs to know, then call it for each row named."""
        act = self.acts.get(name)
        rows = self._rows(request) if act is not None and act.on_rows else [None]
        if act is None or not rows:
            return HttpResponseRedirect(reverse(self._named("changelist")))
        if not self.may_act(request, name):
            raise PermissionDenied
        if act.needs_proof:
            require_fresh_proof(self.actor_of(request), timezone.now())
        given = request.POST if request.method == "POST" else None
        start = act.start(rows[0]) if len(rows) == 1 else {}
        form = act.form(given, initial={**start, **request.GET.dict()})
        if form.is_valid():
            shown, refused = self._run(request, act, rows, form.cleaned_data)
            if shown is not None:
                back = self._back(request, rows)
                return self._page(request, "shown", shown.title, shown=shown, back=back)
            if refused is None:
                return HttpResponseRedirect(self._back(request, rows))
            form.add_error(None, refused)
        names = ", ".join(str(row) for row in rows if row is not None)
        return self._page(
            request,
            "act",
            f"{act.label}: {names}" if names else act.label,
            act=act,
            names=names,
            form=form,
            back=self._back(request, rows),
        )

    def _run(
        self, request: HttpRequest, act: Act, rows: Sequence[Any], given: dict[str, Any]
    ) -> tuple[Shown | None, str | None]:
        """Act on each row. A refusal of the only one goes back to the form, others are told."""
        shown = None
        for row in rows:
            try:
                result = act.run(row, given, actor=self.actor_of(request), at=timezone.now())
            except ReauthenticationRequired:
                raise  # the site asks for the proof
            except DomainError as error:
                if len(rows) == 1:
                    return None, error.detail
                self.message_user(request, f"{row}: {error.detail}", messages.ERROR)
                continue
            if isinstance(result, Shown):
                shown = result
            else:
                said = f"{row} {act.done}" if row is not None else f"{result} {act.done}"
                self.message_user(request, said, messages.SUCCESS)
        return shown, None

    def _page(
        self, request: HttpRequest, template: str, title: str, **context: Any
    ) -> TemplateResponse:
        frame = self.admin_site.each_context(request)
        context |= {"title": title, "opts": self.opts}
        return TemplateResponse(request, f"admin/noc/{template}.html", frame | context)

    def _rows(self, request: HttpRequest) -> list[Any]:
        ids = []
        for each in request.GET.get("ids", "").split(",")[:MOST_ROWS]:
            try:
                ids.append(UUID(each))
            except ValueError:
                continue
        return list(self.get_queryset(request).filter(pk__in=ids).order_by("pk")) if ids else []

    def _back(self, request: HttpRequest, rows: Sequence[Any]) -> str:
        """The page of the one row, if it is still there; else the list."""
        if len(rows) == 1 and rows[0] is not None:
            key = rows[0].pk
            if self.get_queryset(request).filter(pk=key).exists():
                return reverse(self._named("change"), args=[key])
        return reverse(self._named("changelist"))


def _asking(name: str) -> Callable[..., HttpResponse]:
    def ask(model_admin: Acting, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse:
        return HttpResponseRedirect(model_admin.act_address(name, *rows.order_by("pk")[:MOST_ROWS]))

    return admin.action(ask)
