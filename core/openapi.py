"""How an operation is described: inputs from the pydantic models, answers, refusals, roles."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from django.conf import settings
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import is_list_serializer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
    inline_serializer,
)
from pydantic import AliasChoices
from rest_framework import serializers
from rest_framework.settings import api_settings

from core import errors, idempotency, pagination, preconditions, problems, wire
from core.actors import NotPermitted, SecondFactorRequired
from core.wire import Input

F = TypeVar("F", bound=Callable[..., Any])

IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="1 to 255 printable ASCII characters; the same key again gets the same answer.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag last read; another version is refused with 412.",
)


class Schema(AutoSchema):
    """One operation id per method and path, tagged by the first word of the path."""

    def get_tags(self) -> list[str]:
        words = [word for word in self.path.split("/") if word and word not in ("api", "v1")]
        return words[:1]

    def get_operation_id(self) -> str:
        """The words of the path and the method: ``outages_reference_timeline_get``."""
        inside = self.path.removeprefix(settings.API_V1_PREFIX)
        words = [] if inside != self.path else ["root"]
        words += [word.strip("{}") for word in inside.split("/") if word]
        return "_".join([*words, self.method.lower()]).replace("-", "_")

    def _is_list_view(self, serializer: Any = None) -> bool:
        return is_list_serializer(serializer)  # not by the look of the path


class FaultResponse(serializers.Serializer[Any]):
    pointer = serializers.CharField(help_text="JSON pointer to the member")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemResponse(serializers.Serializer[Any]):
    """RFC 9457 problem details."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    message = serializers.CharField(help_text="The same as detail")
    instance = serializers.CharField()
    correlation_id = serializers.CharField()
    correlationId = serializers.CharField(help_text="The same as correlation_id")  # noqa: N815
    errors = FaultResponse(many=True, required=False)  # type: ignore[assignment]  # its wire name


@cache
def bare_or_list_of(item: type[serializers.Serializer[Any]]) -> PolymorphicProxySerializer:
    """A list that existing clients, who ask for no page, read as a bare array."""
    page = list_of(item)
    return PolymorphicProxySerializer(
        f"Bare{type(page).__name__}",
        [page, item(many=True)],
        resource_type_field_name=None,
        many=False,
    )


@cache
def list_of(item: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """The answer of a list: a numbered page, or a stretch of a cursor walk."""
    name = item.__name__.removesuffix("Response")
    return inline_serializer(
        f"{name}List",
        {
            "items": item(many=True),
            "total": serializers.IntegerField(allow_null=True, required=False),
            "total_capped": serializers.BooleanField(required=False),
            "page": serializers.IntegerField(required=False),
            "page_size": serializers.IntegerField(required=False),
            "sort_by": serializers.CharField(required=False),
            "sort_direction": serializers.CharField(required=False),
            "next_cursor": serializers.CharField(allow_null=True, required=False),
            "has_more": serializers.BooleanField(required=False),
        },
    )


def operation(
    summary: str,
    *,
    response: Any,
    status: int = 200,
    role: str | None = "viewer",
    body: type[Input] | None = None,
    query: type[Input] | None = None,
    path: Mapping[str, str] | None = None,
    refuses: Sequence[type[errors.DomainError]] = (),
    example: Any = None,
    body_example: Any = None,
    conditional: bool = False,
    writes: bool = False,
    files: Any = None,
    media_type: str = "application/json",
    also: Mapping[tuple[int, str], tuple[Any, Any]] | None = None,
) -> Callable[[F], F]:
    """Describe a handler for OpenAPI. ``role`` is the least role; None: anyone may call.

    ``also``: further answers by status and media type, each with an example or None.
    """
    parameters = [
        OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.PATH, description=meaning)
        for name, meaning in (path or {}).items()
    ]
    parameters += query_parameters(query) if query else []
    parameters += [IDEMPOTENCY] if writes else []
    parameters += [IF_MATCH] if conditional and writes else []
    examples = []
    if body_example is not None:
        examples.append(OpenApiExample("Request", body_example, request_only=True))
    if example is not None:
        examples.append(
            OpenApiExample(
                "Answer",
                example,
                response_only=True,
                status_codes=[str(status)],
                media_type=media_type,
            )
        )
    answers: dict[Any, Any] = {
        (status, media_type) if response is not None else status: OpenApiResponse(
            response, description=summary
        )
    }
    for (other, kind), (form, shown) in (also or {}).items():
        answers[(other, kind)] = OpenApiResponse(form, description=summary)
        if shown is not None:
            examples.append(
                OpenApiExample(f"{other}", shown, response_only=True, status_codes=[str(other)])
            )
    usual = [*_always(role), *_of_body(body, files), *_of_query(query)]
    usual += _of_writing(conditional=conditional) if writes else []
    answers |= _refusals([*usual, *refuses])
    who = f"Least role: {role}." if role else "Open to anyone."
    request: Any = None
    if files is not None:
        request = files
    elif body is not None:
        request = {"application/json": body}
    return extend_schema(
        summary=summary,
        description=who,
        parameters=parameters,
        request=request,
        responses=answers,
        examples=examples,
        auth=[] if role is None else None,
    )


Refusals = list[type[errors.DomainError]]


def _always(role: str | None) -> Refusals:
    """What any request can meet, whatever the handler asks for."""
    met: Refusals = [errors.ForbiddenCharacter, errors.ValidationFailed, errors.TooLarge]
    met += [errors.DatabaseUnavailable, errors.QueryTimeout, errors.Busy, errors.TooMany]
    if role is not None:
        met += [NotPermitted, SecondFactorRequired]
        for way_in in api_settings.DEFAULT_AUTHENTICATION_CLASSES:
            met += getattr(way_in, "refuses", ())
        met += [errors.CredentialsMissing]
    return met


def _of_body(body: type[Input] | None, files: Any) -> Refusals:
    met: Refusals = []
    if files is not None:
        met += [errors.MalformedForm]
    if body is not None or (files is not None and "application/json" in files):
        met += [errors.MalformedJson]
    if met:
        met += [errors.UnreadableBody]
        met += [errors.UnsupportedContentEncoding, errors.UnsupportedMediaType]
    return met


def _of_query(query: type[Input] | None) -> Refusals:
    met: Refusals = []
    if query is not None and issubclass(query, pagination.ListQuery):
        met += [pagination.CursorMismatch, pagination.CursorInvalid]
        met += [pagination.PageTooDeep, pagination.UnknownSort]
        if "date_from" in query.model_fields:
            met += [wire.UnknownZone, wire.InvalidRange]
    return met


def _of_writing(*, conditional: bool) -> Refusals:
    met: Refusals = [idempotency.MalformedIdempotencyKey, idempotency.IdempotencyKeyReused]
    met += [idempotency.IdempotencyInProgress]
    if conditional:
        met += [preconditions.MalformedPrecondition, errors.PreconditionFailed]
    return met


def _refusals(refused: Sequence[type[errors.DomainError]]) -> dict[Any, OpenApiResponse]:
    by_status: dict[int, list[type[errors.DomainError]]] = {}
    for error in dict.fromkeys(refused):
        by_status.setdefault(problems.status_of(error()), []).append(error)
    return {
        (status, "application/problem+json"): OpenApiResponse(
            ProblemResponse,
            description=", ".join(sorted({kind.code for kind in kinds})),
            examples=[_problem_example(kinds[-1], status)],
        )
        for status, kinds in sorted(by_status.items())
    }


def _problem_example(kind: type[errors.DomainError], status: int) -> OpenApiExample:
    document = problems.document(kind(), "/api/v1/...") | {
        "correlation_id": "019b76da-a800-7000-8000-000000000001",
        "correlationId": "019b76da-a800-7000-8000-000000000001",
    }
    return OpenApiExample(kind.code, document, response_only=True, status_codes=[str(status)])


def query_parameters(model: type[Input]) -> list[OpenApiParameter]:
    """The parameters that a query model reads; further spellings stand in the description."""
    schema = model.model_json_schema(by_alias=False)
    parameters = []
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        spellings = [str(each) for each in alias.choices] if isinstance(alias, AliasChoices) else []
        described = field.description or ""
        if others := [spelling for spelling in spellings if spelling != name]:
            described = f"{described} Also read as {', '.join(others)}.".strip()
        property_schema = dict(schema["properties"][name])
        property_schema.pop("title", None)
        property_schema.pop("default", None)
        parameters.append(
            OpenApiParameter(
                name,
                property_schema,
                OpenApiParameter.QUERY,
                required=field.is_required(),
                description=described,
            )
        )
    return parameters
