"""What every request passes on its way in and out, outermost first."""

import logging
import time
from collections.abc import Callable
from functools import cache
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from urllib.parse import unquote

from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.core.handlers.wsgi import LimitedStream
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core import correlation, problems
from core.errors import (
    DomainError,
    ForbiddenCharacter,
    TooLarge,
    UnreadableBody,
    UnsupportedContentEncoding,
)
from core.wire import is_clean

GetResponse = Callable[[HttpRequest], HttpResponseBase]
access_log = logging.getLogger("access")

QUERY_BYTES = 8 * 1024
QUERY_PARAMETERS = 50
IN_MEMORY_BYTES = 1024 * 1024
PIECE_BYTES = 64 * 1024


class CorrelationMiddleware:
    """One id per request, on every answer; the access log line at the end."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        correlation_id = correlation.choose(request.headers.get(correlation.HEADER))
        door = "admin" if request.path.startswith(f"/{settings.ADMIN_PATH}") else "api"
        with correlation.use(correlation_id, door):
            response = self.get_response(request)
            for name, value in origin_headers(correlation_id).items():
                response[name] = value
            match = request.resolver_match
            access_log.info(
                "request",
                extra={
                    "method": request.method,
                    "route": _template(match.route) if match else "unmatched",
                    "status": response.status_code,
                    "duration_ms": round((time.perf_counter() - started) * 1000, 1),
                    "bytes": len(getattr(response, "content", b"")),
                    "actor": getattr(request, "actor_id", None),
                },
            )
        return response


@cache
def _template(route: str) -> str:
    """The route as people write it: ``/api/v1/outages/<reference>/resolve``."""
    return str(simplify_regex(route)).rstrip("/") or "/"


def origin_headers(correlation_id: str) -> dict[str, str]:
    """What every answer says of itself: which request, and which version of us."""
    return {
        correlation.HEADER: correlation_id,
        "X-API-Version": settings.VERSION,
        "X-API-Commit": settings.GIT_COMMIT_SHA,
    }


STRICT_TRANSPORT = "max-age=63072000; includeSubDomains"


def security_headers(*, is_page: bool) -> dict[str, str]:
    """The security headers of every answer; the CSP is django-csp's."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        # Under no-referrer browsers send "Origin: null" with a form, and the CSRF check refuses it.
        "Referrer-Policy": "same-origin" if is_page else "no-referrer",
    }
    if settings.ENVIRONMENT not in ("local", "test"):
        headers["Strict-Transport-Security"] = STRICT_TRANSPORT
    return headers


class SecurityHeadersMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        for name, value in security_headers(is_page=is_page).items():
            response[name] = value
        return response


class PayloadGuardMiddleware:
    """Refuses too many bytes before anything parses them, declared, chunked or lied about."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with SpooledTemporaryFile(IN_MEMORY_BYTES) as room:
            try:
                _check_address(request)
                _take_body(request, limit_of(request), room)
            except DomainError as refused:
                return problems.response(refused, request)
            return self.get_response(request)


def _check_address(request: HttpRequest) -> None:
    query = request.META.get("QUERY_STRING", "")
    if not is_clean(request.path) or not is_clean(unquote(query, errors="surrogateescape")):
        raise ForbiddenCharacter
    if len(query) > QUERY_BYTES or query.count("&") >= QUERY_PARAMETERS:
        raise TooLarge("The query is too long.", limit_bytes=QUERY_BYTES)


def _take_body(request: HttpRequest, limit: int, room: IO[bytes]) -> None:
    """Let the request read its body: no more than the limit, and all that was announced."""
    if request.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
        raise UnsupportedContentEncoding
    too_large = TooLarge(f"At most {limit} bytes here.", limit_bytes=limit)
    stream: Any = request.META["wsgi.input"]
    length = _declared(request)
    if length > limit:
        raise too_large
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        length = _spool(stream, limit, room)
        if length > limit:
            raise too_large
        request.META["CONTENT_LENGTH"] = str(length)
        request.META["wsgi.input"] = stream = room
    if length:
        request._stream = _WholeStream(stream, length)  # type: ignore[assignment]  # noqa: SLF001


def _declared(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _spool(stream: Any, limit: int, room: IO[bytes]) -> int:
    """Keep a body that comes without a length; how long it is, or that it is over the limit."""
    length = 0
    while length <= limit:
        try:
            piece = stream.read(PIECE_BYTES)
        # The server's own errors, whichever server it is: malformed chunks, a client gone silent.
        except Exception as error:
            raise UnreadableBody from error
        if not piece:
            break
        length += len(piece)
        room.write(piece)
    room.seek(0)
    return length


class _WholeStream(LimitedStream):
    """A body of the announced length. One that ends before was cut on its way to us.

    Django makes an UnreadablePostError of the OSError.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self.limit - self._pos  # type: ignore[attr-defined]
        if size is not None and size >= 0:
            wanted = min(size, wanted)
        pieces = []
        while wanted > 0:
            piece = super().read(wanted)
            if not piece:
                raise OSError("the body ended early")
            wanted -= len(piece)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line and size != 0 and self._pos < self.limit:  # type: ignore[attr-defined]
            raise OSError("the body ended early")
        return line


def limit_of(request: HttpRequest) -> int:
    """How many bytes this address takes in one body."""
    path = request.path.rstrip("/")
    uploads = request.content_type == "multipart/form-data"
    limit: int
    if path.startswith(f"{settings.API_V1_PREFIX}/auth"):
        limit = 64 * 1024
    elif uploads and path.endswith(("/import", "/imports")):
        limit = settings.IMPORT_MAX_BYTES
    elif uploads:
        limit = settings.MAX_FILE_UPLOAD_SIZE_BYTES
    else:
        limit = settings.MAX_REQUEST_BODY_SIZE_BYTES
    return limit
