"""The back office's own pages: to sign in, to prove it is still you, to set up a second factor."""

from typing import Any
from urllib.parse import urlencode

import segno
from django import forms
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    QueryDict,
)
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts import policy, services
from accounts import queries as accounts
from accounts.api import back_office
from accounts.choices import SessionKind
from accounts.clients import oidc
from accounts.policy import oidc as rules
from accounts.services import guards
from config import desk
from core import limits, problems
from core.actors import ReauthenticationRequired
from core.callers import client_address, counted_address
from core.errors import DomainError, Unauthenticated
from core.ids import decode

_CODE = {"autocomplete": "one-time-code", "spellcheck": "false", "autocapitalize": "off"}


class SignInForm(forms.Form):
    username = forms.CharField(
        label="E-mail",
        max_length=254,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "username", "type": "email", "autofocus": True}
        ),
    )
    password = forms.CharField(
        strip=False,
        max_length=1024,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        required=False,
        max_length=64,
        help_text="If you set up a second factor: six digits, or a backup code.",
        widget=UnfoldAdminTextInputWidget(attrs=_CODE),
    )


class ConfirmForm(forms.Form):
    password = forms.CharField(
        required=False,
        strip=False,
        max_length=1024,
        widget=UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "current-password", "autofocus": True}
        ),
    )
    code = forms.CharField(
        required=False,
        max_length=64,
        help_text="Instead of the password: six digits, or a backup code.",
        widget=UnfoldAdminTextInputWidget(attrs=_CODE),
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=64,
        help_text="The six digits that the app shows now.",
        widget=UnfoldAdminTextInputWidget(attrs=_CODE | {"inputmode": "numeric"}),
    )


def _given(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def next_of(request: HttpRequest) -> str:
    """Where somebody wanted to go: a page of the back office, or else its first one."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME, "")
    inside = wanted.startswith(f"/{settings.ADMIN_PATH}") and "\\" not in wanted
    if inside and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return str(wanted)
    return reverse("admin:index")


@sensitive_post_parameters("password", "code")
def sign_in(request: HttpRequest, frame: dict[str, Any]) -> HttpResponse:
    """E-mail, password and code in one form; one answer for all that is wrong."""
    form = SignInForm(_given(request))
    refused = None
    if form.is_valid():
        given, at, address = form.cleaned_data, timezone.now(), client_address(request)
        try:
            limits.take(guards.sign_ins(), counted_address(address), at=at).require()
            signed_in = services.open_session(
                email=given["username"],
                password=given["password"],
                code=given["code"],  # an empty one is wrong where there is a second factor
                kind=SessionKind.BACK_OFFICE,
                address=address,
                user_agent=request.headers.get("User-Agent", ""),
                at=at,
            )
        except DomainError as error:
            refused = _not_told(error)
            form = SignInForm(initial={"username": given["username"]})
        else:
            back_office.let_in(request, signed_in.session_id)
            return HttpResponseRedirect(next_of(request))
    if request.method == "GET":
        refused = _refused_by_provider(request.GET.get("error", ""))
    lost = refused is None and hasattr(request, "has_lost_session")
    context = {
        "title": "Sign in",
        "next": next_of(request),
        "has_lost_session": lost,
        "providers": _providers(request),
    }
    return _page(request, "login", frame | context, form, refused)


def _providers(request: HttpRequest) -> list[dict[str, str]]:
    """The identity providers, each with where its sign-in begins that leads back here."""
    query = urlencode({REDIRECT_FIELD_NAME: next_of(request)})
    return [
        {"name": each.name, "address": f"{each.login_url}?{query}"} for each in oidc.providers()
    ]


def _refused_by_provider(code: str) -> DomainError | None:
    refusals = {each.code: each for each in rules.OidcRefused.__subclasses__()}
    return refusals[code]() if code in refusals else None


def _not_told(error: DomainError) -> DomainError:
    """One answer for all that is wrong: it tells nobody what was right."""
    if isinstance(error, Unauthenticated):
        return policy.CredentialsInvalid(
            "E-mail, password or code is wrong, or this account has no back office."
        )
    return error


@sensitive_post_parameters("password", "code")
def confirm(request: HttpRequest, frame: dict[str, Any]) -> HttpResponse:
    """Prove again that it is you, before what needs that, and go on."""
    form = ConfirmForm(_given(request))
    refused = None
    if form.is_valid():
        actor = accounts.actor_of(request.user)
        given = form.cleaned_data
        try:
            services.reauthenticate(
                password=given["password"] or None,
                code=given["code"] or None,
                actor=actor,
                at=timezone.now(),
            )
        except DomainError as error:
            refused, form = error, ConfirmForm()
        else:
            return HttpResponseRedirect(next_of(request))
    context = {
        "title": "Confirm that it is you",
        "next": next_of(request),
        "providers": _providers(request),
    }
    return _page(request, "noc/confirm", frame | context, form, refused)


@sensitive_post_parameters("code")
def second_factor(request: HttpRequest, frame: dict[str, Any]) -> HttpResponse:
    """Set up an app that makes codes: show its secret once, and take the first code."""
    actor = accounts.actor_of(request.user)
    context: dict[str, Any] = {
        "title": "Second factor",
        "next": next_of(request),
        "is_owed": desk.owes_second_factor(actor),
        "has_one": request.user.has_second_factor,  # type: ignore[union-attr]
    }
    refused = None
    form = CodeForm()
    try:
        if "begin" in request.POST:
            setup = services.begin_2fa(actor=actor, at=timezone.now())
            context |= {"setup": setup, "qr_code": _qr_code(setup.otpauth_url)}
        elif request.method == "POST":
            context["has_begun"] = True
            form = CodeForm(request.POST)
            if form.is_valid():
                services.confirm_2fa(form.cleaned_data["code"], actor=actor, at=timezone.now())
                return HttpResponseRedirect(next_of(request))
    except ReauthenticationRequired:
        raise  # the site asks for the proof
    except DomainError as error:
        refused, form = error, CodeForm()
    return _page(request, "noc/second_factor", frame | context, form, refused)


def _qr_code(text: str) -> str:
    """A picture of this text for a camera, as an address of its own."""
    return segno.make(text, micro=False).svg_data_uri(scale=5, border=2)


def session(request: HttpRequest) -> HttpResponse:
    """How long the session still lasts, without keeping it: asked by the page that lies open.

    A POST keeps it.
    """
    if not request.user.is_authenticated:
        return JsonResponse({"seconds": 0})
    at = timezone.now()
    session_id = decode("ses", accounts.actor_of(request.user).session_id)
    if request.method == "POST":
        services.keep_back_office(session_id, at=at)
    ends_at = accounts.session_ends_at(session_id)
    return JsonResponse({"seconds": max(0, int((ends_at - at).total_seconds()))})


def _page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    form: forms.Form,
    refused: DomainError | None,
) -> HttpResponse:
    context |= {"form": form, "refused": refused and refused.detail}
    status = problems.status_of(refused) if refused else 200
    answer = TemplateResponse(request, f"admin/{template}.html", context, status=status)
    if refused and "retry_after" in refused.members:
        answer["Retry-After"] = str(refused.members["retry_after"])
    return answer
