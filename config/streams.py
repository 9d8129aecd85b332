"""What the stream process serves: these addresses, and nothing else of the API."""

from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, re_path

from accounts.api.views import streams as sessions
from config.health import LivenessView, ReadinessView
from core import streams
from core.notices import Listener

_prefix = settings.API_V1_PREFIX.strip("/")

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(rf"^{_prefix}/auth/events/?$", sessions.SessionEventsView.as_view()),
    re_path(r"^health/liveness/?$", LivenessView.as_view()),
    re_path(r"^health/readiness/?$", ReadinessView.as_view()),
]

handler400 = "config.refusals.bad_request"
handler403 = "config.refusals.permission_denied"
handler404 = "config.refusals.not_found"
handler500 = "config.refusals.server_error"

# What a web process without a proxy hands over.
PATHS = frozenset(f"/{_prefix}{path}{slash}" for path in ("/auth/events",) for slash in ("", "/"))


def listener() -> Listener:
    """The one of this process, with everybody whom it wakes."""
    made = Listener(
        _libpq(settings.LISTENING_DATABASE), beat_seconds=settings.STREAM_HEARTBEAT_SECONDS
    )
    made.follow(streams.keep_alive)
    made.follow(sessions.end_streams)
    return made


def _libpq(database: dict[str, Any]) -> dict[str, Any]:
    """Django's words for a connection, as libpq says them."""
    named = {
        "dbname": "NAME",
        "user": "USER",
        "password": "PASSWORD",
        "host": "HOST",
        "port": "PORT",
    }
    given = {ours: database[theirs] for ours, theirs in named.items() if database.get(theirs)}
    return {**given, **database.get("OPTIONS", {}), "application_name": "noc-iq listener"}
