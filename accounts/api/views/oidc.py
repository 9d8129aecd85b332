"""The hops of a sign-in by an identity provider. Browsers come here, so faults are redirects."""

import logging
import secrets
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.http import HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from rest_framework.request import Request

from accounts import services
from accounts.api import back_office
from accounts.api.cookies import set_cookies
from accounts.api.oidc_forms import (
    OidcCallbackQuery,
    OidcLoginQuery,
    ProviderResponse,
    provider_form,
)
from accounts.api.views.base import SignInView
from accounts.choices import SessionKind
from accounts.clients import oidc
from accounts.policy import oidc as rules
from core.callers import client_address
from core.openapi import operation
from core.views import Answer

log = logging.getLogger(__name__)

HOPS = "oidc"
MOST_HOPS = 5  # as many tabs may be at the provider
PATH = {"provider": "The id of the provider."}


class ProvidersView(SignInView):
    authentication_classes = []
    permission_classes = []

    @operation(
        "By which identity providers people may sign in",
        response=ProviderResponse(many=True),
        role=None,
        example={
            "id": "corp",
            "name": "Corp",
            "login_url": "https://noc.example.com/api/v1/auth/oidc/corp/login",
        },
    )
    def get(self, request: Request) -> Answer:
        return Answer([provider_form(each) for each in oidc.providers()])


class OidcLoginView(SignInView):
    authentication_classes = []
    permission_classes = []

    @operation(
        "Send a browser to the identity provider",
        response=None,
        status=302,
        role=None,
        path=PATH,
        query=OidcLoginQuery,
        refuses=[rules.ProviderNotFound],
    )
    def get(self, request: Request, provider: str) -> HttpResponse:
        of = oidc.provider(provider)
        state = secrets.token_urlsafe(32)
        hop = oidc.Hop(
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            next=rules.own_path(request.query_params.get("next", "")),
        )
        try:
            url = oidc.authorization_url(of, state=state, hop=hop, at=self.at)
        except rules.OidcRefused as refused:
            return to_login(refused)
        _keep(request._request.session, state, hop, self.at)
        return redirect(url)


class OidcCallbackView(SignInView):
    authentication_classes = []
    permission_classes = []

    @operation(
        "Where the identity provider sends a browser back to: sets the cookies of a session",
        response=None,
        status=302,
        role=None,
        path=PATH,
        query=OidcCallbackQuery,
        refuses=[rules.ProviderNotFound],
    )
    def get(self, request: Request, provider: str) -> HttpResponse:
        of, http = oidc.provider(provider), request._request
        following = "/"
        answered = {name: request.query_params[name] for name in request.query_params}
        try:
            hop = _taken(http.session, answered.get("state", ""), self.at)
            following = hop.next
            code = oidc.check_answer(of, answered, at=self.at)
            identified = oidc.identify(of, code, hop, at=self.at)
        except rules.OidcTokenInvalid as refused:
            services.refuse_oidc(refused, at=self.at)
            return to_login(refused, following)
        except rules.OidcRefused as refused:
            return to_login(refused, following)
        to_back_office = _is_back_office(following)
        try:
            signed_in = services.sign_in_by_oidc(
                identified,
                address=client_address(http),
                user_agent=request.headers.get("User-Agent", ""),
                at=self.at,
                kind=SessionKind.BACK_OFFICE if to_back_office else SessionKind.OIDC,
            )
        except rules.OidcRefused as refused:
            return to_login(refused, following)
        if to_back_office:
            back_office.let_in(http, signed_in.session_id)
            return redirect(following)
        rotate_token(http)
        response = redirect(following)
        set_cookies(response, signed_in, self.at)
        return response


def redirect(url: str) -> HttpResponse:
    return HttpResponseRedirect(url, headers={"Cache-Control": "no-store"})


def to_login(refused: rules.OidcRefused, following: str = "/") -> HttpResponse:
    """Back to the page of sign-in, which has words for the code."""
    log.warning("oidc_sign_in_refused", extra={"code": refused.code, "detail": refused.detail})
    query = {"error": refused.code}
    if _is_back_office(following):
        return redirect(f"/{settings.ADMIN_PATH}login/?{urlencode(query | {'next': following})}")
    return redirect(f"/login?{urlencode(query)}")


def _is_back_office(path: str) -> bool:
    """Whether who goes on there needs a session of the back office, and no cookies of the API."""
    return path.startswith(f"/{settings.ADMIN_PATH}")


def _keep(session: SessionBase, state: str, hop: oidc.Hop, at: datetime) -> None:
    """Remember the hop in the browser's session, which without another use ends with it."""
    hops: dict[str, list[Any]] = session.get(HOPS, {})
    if session.is_empty():
        session.set_expiry(int(rules.HOP_LASTS.total_seconds()))
    newest = sorted(hops.items(), key=lambda each: each[1][-1])[1 - MOST_HOPS :]
    session[HOPS] = dict(newest) | {state: [hop.nonce, hop.verifier, hop.next, at.timestamp()]}


def _taken(session: SessionBase, state: str, at: datetime) -> oidc.Hop:
    """The hop that this browser began with this state, now used up. Raises: OidcStateInvalid."""
    hops: dict[str, list[Any]] = session.get(HOPS, {})
    if state not in hops:
        raise rules.OidcStateInvalid
    nonce, verifier, following, began = hops.pop(state)
    session[HOPS] = hops
    try:
        # Before the provider is asked: the same state shall not come in a second time meanwhile.
        if hops or set(session.keys()) - {HOPS, "_session_expiry"}:
            session.save()
        else:
            session.flush()
    except UpdateError:  # another request has ended it
        raise rules.OidcStateInvalid from None
    if not 0 <= at.timestamp() - began <= rules.HOP_LASTS.total_seconds():
        raise rules.OidcStateInvalid
    return oidc.Hop(nonce, verifier, following)
