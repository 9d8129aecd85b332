"""Every refusal as an RFC 9457 problem document. The one table from errors to statuses."""

import logging
from typing import Any

import orjson
from django.core.exceptions import (
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from psycopg import errors as pg
from rest_framework import exceptions as drf

from core import correlation, errors
from core.actors import NotPermitted

log = logging.getLogger(__name__)

STATUS: tuple[tuple[type[errors.DomainError], int], ...] = (
    (errors.Malformed, 400),
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.MethodNotAllowed, 405),
    (errors.Conflict, 409),
    (errors.PreconditionFailed, 412),
    (errors.TooLarge, 413),
    (errors.Unsupported, 415),
    (errors.Invalid, 422),
    (errors.TooMany, 429),
    (errors.InternalError, 500),
    (errors.Unavailable, 503),
)
RETRY_AFTER_SECONDS = 1


def status_of(error: errors.DomainError) -> int:
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def document(error: errors.DomainError, instance: str) -> dict[str, Any]:
    """The problem document. Bodies name no SQL, path, class or exception text."""
    correlation_id = correlation.current()
    problem: dict[str, Any] = {
        "type": f"urn:noc-iq:problem:{error.code}",
        "title": error.title,
        "status": status_of(error),
        "code": error.code,
        "detail": error.detail,
        "message": error.detail,
        "instance": instance,
        "correlation_id": correlation_id,
        "correlationId": correlation_id,
    }
    if error.faults:
        problem["errors"] = [fault_form(fault) for fault in error.faults]
    return problem | {name: value for name, value in error.members.items() if name[0] != "_"}


def fault_form(fault: errors.Fault) -> dict[str, Any]:
    form: dict[str, Any] = {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail}
    if fault.place != "body":
        form["in"] = fault.place
    return form | dict(fault.more)


class Problem(HttpResponse):
    """A refusal as an answer, with its code for those who see only the answer."""

    code: str = ""


def response(error: errors.DomainError, request: HttpRequest) -> HttpResponse:
    """Answer with the problem document of this error."""
    status = status_of(error)
    answer = Problem(
        orjson.dumps(document(error, request.path), default=str),
        status=status,
        content_type="application/problem+json",
    )
    answer.code = error.code
    answer["Cache-Control"] = "no-store"
    if status == 401:
        answer["WWW-Authenticate"] = 'Bearer realm="noc-iq"'
    if status in (429, 503) or error.members.get("retry_after"):
        answer["Retry-After"] = str(error.members.get("retry_after", RETRY_AFTER_SECONDS))
    if "required_role" in error.members:
        answer["X-Required-Roles"] = str(error.members["required_role"])
    if "_allow" in error.members:
        answer["Allow"] = error.members["_allow"]
    if "_etag" in error.members:
        answer["ETag"] = error.members["_etag"]
    return answer


def handle(exc: Exception, context: dict[str, Any]) -> HttpResponse:
    """The exception handler of every API view."""
    return response(translate(exc), context["request"])


def translate(exc: Exception) -> errors.DomainError:
    """The named refusal that an exception means; what nobody named is logged as our fault."""
    match exc:
        case errors.DomainError():
            return exc
        case Http404() | drf.NotFound():
            return errors.RouteNotFound()
        case drf.MethodNotAllowed():
            return errors.MethodNotAllowed("This address does not take that method.")
        case drf.UnsupportedMediaType():
            return errors.UnsupportedMediaType("Send JSON (Content-Type: application/json).")
        case drf.ParseError():  # our JSON parser says it in its own words, so this is a form
            return errors.MalformedForm()
        case UnreadablePostError():
            return errors.UnreadableBody()
        case RequestDataTooBig() | TooManyFieldsSent() | TooManyFilesSent():
            return errors.TooLarge("The form is too large.")
        case PermissionDenied() | drf.PermissionDenied():
            return NotPermitted("This is not permitted.")
        case DisallowedHost():
            return BadHost()
        case SuspiciousOperation():
            return BadRequest()
        case DatabaseError() | InterfaceError():
            return _database(exc)
        case _:
            log.error("unhandled_exception", exc_info=exc)
            return errors.InternalError()


class BadHost(errors.Malformed):
    code = "bad_host"
    title = "Unknown host"
    summary = "This server does not answer for that host name."


class BadRequest(errors.Malformed):
    code = "bad_request"
    title = "Bad request"
    summary = "The request cannot be read."


def _database(exc: Exception) -> errors.DomainError:
    """What the database refused. Verbs name a conflict before it comes to a constraint; one that
    is violated all the same is logged by its name and told as a plain conflict.
    """
    cause = exc.__cause__
    name = getattr(getattr(cause, "diag", None), "constraint_name", None)
    if isinstance(exc, IntegrityError):
        log.error("unmapped_constraint", extra={"constraint": name}, exc_info=exc)
        return errors.ConstraintConflict()
    if isinstance(exc, DataError):
        log.error("value_reached_the_database", exc_info=exc)
        return errors.ValidationFailed("A value is outside of what can be stored.")
    if isinstance(cause, (pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure)):
        return errors.Busy()
    if isinstance(cause, pg.QueryCanceled):
        return errors.QueryTimeout()
    if isinstance(exc, (OperationalError, InterfaceError)):
        log.warning("database_unavailable", exc_info=exc)
        return errors.DatabaseUnavailable()
    log.error("unhandled_exception", exc_info=exc)
    return errors.InternalError()
