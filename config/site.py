"""The back office as a place: who is inside, what every page of it passes, and its own pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from accounts import queries as accounts
from accounts import services
from accounts.api import back_office
from config import desk, doors
from core.actors import ReauthenticationRequired
from core.ids import decode

View = Callable[..., HttpResponse]


class BackOffice(UnfoldAdminSite):  # type: ignore[misc]
    """Operators and above, by a session that each request checks and that ends when it rests."""

    site_title = site_header = "NOC IQ"

    def register(
        self, model_or_iterable: Any, admin_class: type[Any] | None = None, **options: Any
    ) -> None:
        """Ours, which are of the theme. A library's own pages change and delete by plain forms."""
        if admin_class is not None and issubclass(admin_class, ModelAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_authenticated and request.user.is_staff)

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        guarded: View = super().admin_view(_with_second_factor(_asking_for_proof(view)), cacheable)
        return guarded

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("confirm/", self._inside(doors.confirm), name="confirm"),
            path("second-factor/", self._inside(doors.second_factor), name="second_factor"),
            path("session/", never_cache(doors.session), name="session"),
        ]
        return own + list(super().get_urls())

    def _inside(self, view: View) -> View:
        """For whoever is signed in, with or without the second factor that they owe."""

        @wraps(view)
        def page(request: HttpRequest) -> HttpResponse:
            return view(request, self.each_context(request))

        guarded: View = super().admin_view(_staying(_asking_for_proof(page)))
        return guarded

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(doors.next_of(request))
        return doors.sign_in(request, self.each_context(request) | (extra_context or {}))

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return _logout(request)


@never_cache
@require_POST
def _logout(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        actor = accounts.actor_of(request.user)
        session_id = decode("ses", actor.session_id)
        services.revoke_session(session_id, reason="logout", actor=actor, at=timezone.now())
    back_office.let_out(request)
    return HttpResponseRedirect(reverse("admin:login"))


def _staying(view: View) -> View:
    """Every page that is asked for keeps the session from its idle end."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        actor = accounts.actor_of(request.user)
        services.keep_back_office(decode("ses", actor.session_id), at=timezone.now())
        return view(request, *args, **kwargs)

    return page


def _with_second_factor(view: View) -> View:
    """Where a second factor is demanded, nobody gets anywhere before it is proved."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if desk.owes_second_factor(accounts.actor_of(request.user)):
            has_one = request.user.has_second_factor  # type: ignore[union-attr]
            door = "admin:confirm" if has_one else "admin:second_factor"
            return HttpResponseRedirect(_with_next(door, request))
        return view(request, *args, **kwargs)

    return _staying(page)


def _asking_for_proof(view: View) -> View:
    """What needs a fresh proof sends to the page that asks for one, and back."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except ReauthenticationRequired:
            return HttpResponseRedirect(_with_next("admin:confirm", request))

    return page


def _with_next(name: str, request: HttpRequest) -> str:
    return f"{reverse(name)}?{urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})}"
