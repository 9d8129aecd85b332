"""Problem documents for what is refused before or outside of a view of ours."""

import sys
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.policy import WRONG_PASSWORDS, AccountLocked, CsrfFailed
from config import csp, desk
from core import correlation, errors, problems
from core.ids import uuid7
from core.middleware import origin_headers, security_headers
from core.problems import BadRequest


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    error = problems.translate(exception)
    return problems.response(error if problems.status_of(error) < 500 else BadRequest(), request)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _refuse(problems.translate(exception), request)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _refuse(errors.RouteNotFound(), request)


def _refuse(error: errors.DomainError, request: HttpRequest) -> HttpResponse:
    """In the back office a page for people, everywhere else the problem document."""
    if not desk.is_inside(request) or "text/html" not in request.headers.get("Accept", ""):
        return problems.response(error, request)
    context = {**admin.site.each_context(request), "title": error.title, "detail": error.detail}
    page = render(request, "admin/noc/refused.html", context, status=problems.status_of(error))
    page["Cache-Control"] = "no-store"
    return page


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls this while it handles the exception: a database that is away is no fault."""
    error = sys.exc_info()[1]
    if isinstance(error, Exception):
        return problems.response(problems.translate(error), request)
    return problems.response(errors.InternalError(), request)


def csrf_failed(request: HttpRequest, reason: str = "", **_: Any) -> HttpResponse:
    detail = "The token or the origin of the form is not ours. Load the page again."
    return _refuse(CsrfFailed(detail), request)


def locked(request: HttpRequest, _answer: HttpResponse, _credentials: Any) -> HttpResponse:
    """What django-axes answers to a form of Django's own, should one be locked."""
    return problems.response(AccountLocked(retry_after=WRONG_PASSWORDS.seconds), request)


def outside_of_django(*, unreadable: bool, too_long: bool) -> bytes:
    """The whole answer to bytes that the web server could not make a request of."""
    error: errors.DomainError = BadRequest() if unreadable else errors.InternalError()
    if too_long:
        error = errors.TooLarge("The address or the headers are too long.")
    correlation_id = str(uuid7())
    with correlation.use(correlation_id, "api"):
        refused = problems.response(error, HttpRequest())
    headers = security_headers(is_page=False) | origin_headers(correlation_id)
    headers |= {
        "Content-Security-Policy": csp.spelled(csp.API),
        "Content-Length": str(len(refused.content)),
        "Connection": "close",
    }
    for name, value in headers.items():
        refused[name] = value
    line = f"HTTP/1.1 {refused.status_code} {refused.reason_phrase}\r\n".encode()
    return line + refused.serialize_headers() + b"\r\n\r\n" + refused.content
