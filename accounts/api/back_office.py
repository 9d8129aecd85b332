"""Which session a browser holds in the back office: the Django session names its row."""

from uuid import UUID

from django.http import HttpRequest
from django.middleware.csrf import rotate_token

_HELD = "back_office"


def let_in(request: HttpRequest, session_id: UUID) -> None:
    """Tie the browser to this session, under a new key: nothing that it held before survives."""
    request.session.flush()
    request.session[_HELD] = str(session_id)
    rotate_token(request)


def let_out(request: HttpRequest) -> None:
    """Forget whose session the browser held."""
    request.session.flush()


def held_by(request: HttpRequest) -> UUID | None:
    """The session that the browser holds; whether it still lives, its row says."""
    held = request.session.get(_HELD)
    return UUID(held) if held else None
