"""One's own sessions: to see them, and to end one or all."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from accounts import policy, queries, services
from accounts.api.authentication import bearer_of_session
from accounts.api.cookies import take_away
from accounts.api.forms import LogoutRequest, SignedOutResponse
from accounts.api.own_account_forms import OwnSessionResponse, session_forms
from accounts.api.views.base import SignInView, signed_out_answer
from accounts.models import Session
from accounts.services import guards
from core import wire
from core.actors import ImpersonatorRefused
from core.ids import MalformedId, decode
from core.openapi import list_of, operation
from core.pagination import Listing, ListQuery, Sort, read_instant

EXAMPLE = {
    "id": "ses_01h455vb4pex5vsknk084sn02q",
    "kind": "login",
    "created_at": "2026-01-05T10:00:00Z",
    "last_seen_at": "2026-01-05T11:30:00Z",
    "expires_at": "2026-01-19T11:30:00Z",
    "address": "198.51.100.7",
    "user_agent": "Mozilla/5.0",
    "methods": ["pwd", "otp"],
    "current": True,
}


class SessionsView(SignInView):
    @operation(
        "One's own sessions that have not ended",
        response=list_of(OwnSessionResponse),
        query=ListQuery,
        example={
            "items": [EXAMPLE],
            "total": 1,
            "page": 1,
            "page_size": 20,
            "sort_by": "last_seen_at",
            "sort_direction": "desc",
        },
    )
    def get(self, request: Request) -> dict[str, Any]:
        query = wire.read_query(ListQuery, dict(request.query_params.lists()))
        listing: Listing[Session] = Listing(
            sorts={
                "last_seen_at": Sort("last_seen_at", read_instant),
                "created_at": Sort("created_at", read_instant),
                "expires_at": Sort("expires_at", read_instant),
            },
            default="last_seen_at:desc",
            form=session_forms(self.actor.session_id),
        )
        return listing.answer(queries.live_sessions(self.actor, at=self.at), query)


class SessionView(SignInView):
    @operation(
        "End one of one's own sessions",
        response=None,
        status=204,
        path={"session_id": "The id of the session (ses_...)."},
        refuses=[ImpersonatorRefused, MalformedId, services.SessionNotFound],
    )
    def delete(self, request: Request, session_id: str) -> HttpResponse:
        asked = decode(policy.SESSION, session_id)
        if not queries.live_sessions(self.actor, at=self.at).filter(id=asked).exists():
            raise services.SessionNotFound
        services.revoke_session(asked, reason="ended_by_owner", actor=self.actor, at=self.at)
        response = HttpResponse(status=204)
        if asked == decode(policy.SESSION, self.actor.session_id):
            take_away(response)
        return response


class LogoutAllView(SignInView):
    """Any token of a live session names whose sessions end, an expired one too."""

    authentication_classes = []
    permission_classes = []
    bucket = None  # counted by session

    @operation(
        "Sign out everywhere: end all sessions of the person; API keys stay",
        response=SignedOutResponse,
        role=None,
        body=LogoutRequest,
        refuses=[policy.CsrfFailed, ImpersonatorRefused],
        body_example={"refresh_token": "eyJhbGciOiJIUzI1NiIs..."},
        example={"message": "Signed out everywhere.", "sessions_invalidated": 3},
    )
    def post(self, request: Request) -> HttpResponse:
        given = wire.read(LogoutRequest, request.data)
        claims = bearer_of_session(request._request, given.refresh_token, self.at)
        ended = 0
        if claims is not None:
            self.take(guards.SIGN_OUTS, str(claims.session_id))
            try:
                actor, _ = queries.actor_of_session(claims.session_id, at=self.at)
            except (policy.CredentialsInvalid, policy.SessionRevoked):
                pass  # an end of long ago gives no power over the others
            else:
                ended = services.revoke_all_sessions(
                    decode(policy.USER, actor.id), reason="logout_all", actor=actor, at=self.at
                )
        return signed_out_answer("Signed out everywhere.", ended)
