"""JSON in and out, by orjson: compact, UTF-8, instants with Z."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import IO, Any

import orjson
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from core.errors import Fault, ForbiddenCharacter, MalformedJson
from core.wire import is_clean

DEEPEST = 32


def dumps(value: object) -> bytes:
    """Write an answer. Amounts that are whole are written without a point."""
    return orjson.dumps(value, default=_default, option=orjson.OPT_UTC_Z)


def _default(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(type(value).__name__)


def loads(body: bytes) -> Any:
    """Read a JSON document of at most 32 levels. Raises: MalformedJson, ForbiddenCharacter."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedJson(
            f"The body is not JSON: line {error.lineno}, column {error.colno}."
        ) from None
    if body.count(b"{") + body.count(b"[") > DEEPEST and _depth(document) > DEEPEST:
        raise MalformedJson(f"The body is nested deeper than {DEEPEST} levels.")
    return document


def _depth(document: object) -> int:
    depth, level = 0, [document]
    while level and depth <= DEEPEST:
        inner: list[object] = []
        for node in level:
            if isinstance(node, Mapping):
                inner.extend(node.values())
            elif isinstance(node, list):
                inner.extend(node)
        if not any(isinstance(node, (Mapping, list)) for node in level):
            break
        depth, level = depth + 1, inner
    return depth


class JsonParser(BaseParser):
    """``application/json`` and every ``application/*+json``."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read()
        if not body.strip():
            return {}
        document = loads(body)
        if isinstance(document, dict):
            for name in document:
                if not is_clean(name):
                    raise ForbiddenCharacter(
                        faults=[
                            Fault("", "forbidden_character", "A member's name holds a control.")
                        ]
                    )
        return document


class JsonRenderer(BaseRenderer):
    """Names the media type of answers for the OpenAPI document; views write bytes themselves."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else dumps(data)


class Negotiation(BaseContentNegotiation):
    """We speak JSON whatever is asked for; what is sent chooses its parser by content type."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        sent = (request.content_type or "").partition(";")[0].strip().lower()
        if not sent or (sent.startswith("application/") and sent.endswith("+json")):
            sent = JsonParser.media_type
        return next((parser for parser in parsers if parser.media_type == sent), None)

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type or ""
