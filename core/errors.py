"""What a verb refuses with. Each class has one stable code; doors translate, verbs only raise."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input: where (JSON pointer), its stable code, and words to act on."""

    pointer: str
    code: str
    detail: str
    place: str = "body"
    more: Mapping[str, Any] = field(default_factory=dict)

    def within(self, prefix: str) -> "Fault":
        """The same fault, seen from a document that holds this input at ``prefix``."""
        return Fault(prefix + self.pointer, self.code, self.detail, self.place, self.more)


class DomainError(Exception):
    """A refusal with a name. ``members`` are further members of the problem document."""

    code: ClassVar[str] = ""
    title: ClassVar[str] = ""
    summary: ClassVar[str] = ""

    def __init__(self, detail: str = "", *, faults: Iterable[Fault] = (), **members: Any) -> None:
        self.faults = tuple(faults)
        self.detail = detail or self._detail_of_faults() or self.summary or self.title
        self.members = members
        super().__init__(self.detail)

    def _detail_of_faults(self) -> str:
        if not self.faults:
            return ""
        others = len(self.faults) - 1
        return self.faults[0].detail + (f" ({others} more.)" if others else "")


class Malformed(DomainError):
    """400: it cannot be read at all."""


class Unauthenticated(DomainError):
    """401: we do not know who is asking."""


class Forbidden(DomainError):
    """403: we know, and they may not."""


class NotFound(DomainError):
    """404: not there, or not for this caller."""


class MethodNotAllowed(DomainError):
    """405."""

    code = "method_not_allowed"
    title = "Method not allowed"


class Conflict(DomainError):
    """409: it was true a moment ago, or is true of something else."""


class PreconditionFailed(DomainError):
    """412: the caller saw another version."""

    code = "precondition_failed"
    title = "Precondition failed"


class TooLarge(DomainError):
    """413."""

    code = "payload_too_large"
    title = "Payload too large"


class Unsupported(DomainError):
    """415: a form we do not read."""


class Invalid(DomainError):
    """422: it can be read, and says something that cannot be."""


class TooMany(DomainError):
    """429: later."""

    code = "rate_limited"
    title = "Too many requests"


class Unavailable(DomainError):
    """503: we cannot just now; nothing was changed."""


class ValidationFailed(Invalid):
    code = "validation_failed"
    title = "Validation failed"


class NothingToChange(Invalid):
    code = "nothing_to_change"
    title = "Nothing to change"
    summary = "The body names no member that can be changed here."


class ForbiddenCharacter(Invalid):
    code = "forbidden_character"
    title = "Forbidden character"
    summary = "Text may not hold NUL, lone surrogates or control characters but tab, CR and LF."


class ConstraintConflict(Conflict):
    code = "conflict"
    title = "Conflict"
    summary = "The change contradicts another record. Nothing was changed."


class MalformedJson(Malformed):
    code = "malformed_json"
    title = "Malformed JSON"


class UnreadableBody(Malformed):
    code = "unreadable_body"
    title = "Unreadable body"
    summary = "The body ended before its announced length, or its chunks are malformed. Send again."


class MalformedForm(Malformed):
    code = "malformed_form"
    title = "Malformed form"
    summary = "The form cannot be read. Send multipart/form-data with its boundary."


class UnsupportedMediaType(Unsupported):
    code = "unsupported_media_type"
    title = "Unsupported media type"


class UnsupportedContentEncoding(Unsupported):
    code = "unsupported_content_encoding"
    title = "Unsupported content encoding"
    summary = "Send the body without a content encoding."


class RouteNotFound(NotFound):
    code = "route_not_found"
    title = "No such route"
    summary = "There is nothing at this address."


class CredentialsMissing(Unauthenticated):
    code = "credentials_missing"
    title = "Sign in first"
    summary = "Send a bearer token, an API key, or sign in."


class InternalError(DomainError):
    code = "internal_error"
    title = "Internal error"
    summary = "Something failed on our side. Quote the correlation id to support."


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"
    title = "Database unavailable"
    summary = "The database does not answer. Nothing was changed; try again."


class QueryTimeout(Unavailable):
    code = "query_timeout"
    title = "Query timeout"
    summary = "The question took too long. Narrow it, or try again."


class Busy(Unavailable):
    code = "busy"
    title = "Busy"
    summary = "Somebody else is changing this. Nothing was changed; try again."
