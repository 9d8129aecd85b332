"""Who one is, and what one changes of it: profile and preferences."""

from typing import Any

from django.conf import settings
from django.middleware.csrf import get_token
from rest_framework.request import Request

from accounts import queries, services
from accounts.api.examples import USER
from accounts.api.forms import MeResponse, me_form
from accounts.api.own_account_forms import (
    PREFERENCES_EXAMPLE,
    PreferencesRequest,
    PreferencesResponse,
    ProfileRequest,
    ProfileResponse,
    profile_form,
)
from accounts.api.views.base import AccountView, SignInView
from accounts.policy import preferences as rules
from core import wire
from core.actors import ImpersonatorRefused
from core.errors import NothingToChange
from core.openapi import operation
from core.preconditions import expected_version
from core.views import Answer


class MeView(SignInView):
    takes_keys = True
    opens_to_one_factor = True

    @operation(
        "Who is signed in, with roles and what they open",
        response=MeResponse,
        example=USER
        | {
            "grants": [
                {
                    "id": "grt_01h455vb4pex5vsknk084sn02q",
                    "role": "engineer",
                    "scope_kind": "global",
                    "scope_id": None,
                    "source": "manual",
                    "valid_until": None,
                }
            ],
            "teams": ["Core network"],
            "permissions": ["outages:read", "outages:write"],
            "two_factor": False,
            "acting_as": None,
        },
    )
    def get(self, request: Request) -> dict[str, Any]:
        if settings.CSRF_COOKIE_NAME not in request.COOKIES:
            get_token(request._request)
        return me_form(queries.myself(self.actor, at=self.at), self.actor)


class ProfileView(SignInView):
    @operation(
        "Change one's name, time zone, or the wallet that is shown",
        response=ProfileResponse,
        body=ProfileRequest,
        refuses=[
            ImpersonatorRefused,
            NothingToChange,
            services.InvalidWallet,
            wire.UnknownZone,
        ],
        body_example={"full_name": "Ada Obi", "timezone": "Africa/Lagos"},
        example=USER | {"timezone": "Africa/Lagos"},
    )
    def patch(self, request: Request) -> dict[str, Any]:
        given = wire.read(ProfileRequest, request.data)
        changes = given.model_dump(include=given.model_fields_set)
        user = services.change_profile(changes, actor=self.actor, at=self.at)
        return profile_form(user)


class PreferencesView(AccountView):
    """Display preferences and nothing else: the one write for which no CSRF token is asked."""

    cache_control = "private, no-cache"
    origin_is_enough = True

    @operation(
        "How one likes one's screens",
        response=PreferencesResponse,
        example=PREFERENCES_EXAMPLE,
        conditional=True,
    )
    def get(self, request: Request) -> Answer:
        stored = queries.preferences_of(self.actor)
        return Answer(rules.whole(stored), version=rules.version_of(stored))

    @operation(
        "Replace one's preferences whole",
        response=PreferencesResponse,
        body=PreferencesRequest,
        refuses=[services.PreferencesTooLarge],
        body_example=PREFERENCES_EXAMPLE,
        example=PREFERENCES_EXAMPLE,
        conditional=True,
        writes=True,
    )
    def put(self, request: Request) -> Answer:
        given = wire.read(PreferencesRequest, request.data)
        stored = services.save_preferences(
            given.model_dump(by_alias=True, exclude_unset=True),
            expected=expected_version(request.headers),
            actor=self.actor,
            at=self.at,
        )
        return Answer(subject=self.actor.id, version=rules.version_of(stored))

    def represent(self, subject: str) -> dict[str, Any]:
        return rules.whole(queries.preferences_of(self.actor))
