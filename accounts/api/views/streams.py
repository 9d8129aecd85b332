"""The stream on which a client learns at once that its session is over."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request

from accounts import policy, queries
from accounts.api.authentication import ActorAuthentication, HeaderAuthentication, header_token
from accounts.api.views.base import SignInView
from core import rendering, streams
from core.actors import Actor
from core.openapi import operation

ROOM = "sessions"


class ListenerAuthentication(ActorAuthentication):
    """The token that names a session. Whether it stands is read when the place is taken.

    Listening is no use of the session: it is neither noted nor renewed. So the refresh cookie will
    do as it is, for browsers drop the cookie of the access token after a quarter of an hour.
    """

    refuses = HeaderAuthentication.refuses

    def authenticate(self, request: Request) -> tuple[Actor, Any] | None:
        token = header_token(request._request)
        if token is not None and policy.looks_like_key(token):
            self.machine(request, token)  # refused as on every address that takes no keys
        claims = _claims_of(request._request, token, timezone.now())
        if claims is None:
            return None
        request._request.actor_id = claims.user_id  # type: ignore[attr-defined]  # for the log
        return Actor(id=claims.user_id, kind="person"), claims


class ListenerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The ways in are described with those of all other operations."""

    target_class = ListenerAuthentication
    priority = 1
    name = []

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        return [{"bearer": []}, {"cookie": []}]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return []


def _claims_of(http: HttpRequest, token: str | None, at: datetime) -> policy.Claims | None:
    key = settings.JWT_SECRET_KEY
    if token is not None:
        return policy.read_token(token, "access", key=key, at=at)
    access = http.COOKIES.get(settings.AUTH_COOKIE_ACCESS_NAME)
    refresh = http.COOKIES.get(settings.AUTH_COOKIE_REFRESH_NAME)
    if access:
        try:
            return policy.read_token(access, "access", key=key, at=at)
        except (policy.CredentialsInvalid, policy.TokenExpired):
            if not refresh:
                raise
    return policy.read_token(refresh, "refresh", key=key, at=at) if refresh else None


class SessionEventsView(SignInView):
    authentication_classes = [ListenerAuthentication]
    bucket = None  # whoever lost their connection comes back at once

    @operation(
        "Hear at once when this session is ended",
        response=OpenApiTypes.STR,
        media_type="text/event-stream",
        refuses=[streams.StreamFull, streams.StreamsUnavailable],
        example=(
            ":\n\nevent: session_revoked\n"
            'data: {"reason":"admin_logout","code":"user_disabled"}\n\n'
        ),
    )
    def get(self, request: Request) -> HttpResponse | streams.StreamResponse:
        claims: policy.Claims = request.auth  # type: ignore[assignment]
        # The place first: what ends the session after the row was read is then heard of.
        stream = streams.here.take(
            ROOM, owner=claims.user_id, key=claims.session_id, most=policy.STREAMS_OF_ONE_PERSON
        )
        try:
            _require_standing(claims, self.at)
        except BaseException:
            streams.here.leave(stream)
            raise
        return streams.StreamResponse(stream)

    def head(self, request: Request) -> HttpResponse:
        claims: policy.Claims = request.auth  # type: ignore[assignment]
        _require_standing(claims, self.at)
        return HttpResponse(content_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _require_standing(claims: policy.Claims, at: datetime) -> None:
    facts = queries.facts_of_sessions([claims.session_id]).get(claims.session_id)
    if facts is None:
        raise policy.CredentialsInvalid
    policy.require_live(
        state=facts.state,
        user_status=facts.user_status,
        expires_at=facts.expires_at,
        ends_at=facts.ends_at,
        at=at,
    )
    if claims.generation is None:
        return
    grace = timedelta(seconds=settings.REFRESH_GRACE_SECONDS)
    verdict = policy.judge_generation(
        claims.generation, facts.generation, facts.rotated_at, at, grace
    )
    if verdict not in ("present", "just_before"):
        raise policy.CredentialsInvalid


async def end_streams(is_beat: bool) -> None:
    """Say goodbye on the streams whose session is over, by one look at all of them."""
    open_ones = streams.here.streams(ROOM)
    if not open_ones:
        return
    over = await streams.aside(_farewells, {stream.key for stream in open_ones})
    for stream in open_ones:
        if stream.key in over:
            stream.end(over[stream.key])


def _farewells(ids: Collection[UUID]) -> dict[UUID, bytes]:
    at = timezone.now()
    facts = queries.facts_of_sessions(ids)
    over = {}
    for key in ids:
        told = policy.farewell(facts.get(key), at)
        if told is not None:
            data = rendering.dumps({"reason": told.reason, "code": told.code})
            over[key] = streams.frame("session_revoked", data)
    return over
