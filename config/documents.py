"""The API's documents: OpenAPI as JSON or YAML, and two readers of it that need no network."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core.views import ApiView

Endpoint = tuple[str, str, str, Any]

FORMS = {
    "json": (OpenApiJsonRenderer, "application/vnd.oai.openapi+json"),
    "yaml": (OpenApiYamlRenderer, "application/yaml"),
}


class _DocumentView(ApiView):
    """Open to everybody, or with DOCS_PUBLIC=false to whoever is signed in: all are viewers."""

    honours_idempotency_key = False

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [] if settings.DOCS_PUBLIC else super().get_authenticators()

    def get_permissions(self) -> Sequence[Any]:
        return [] if settings.DOCS_PUBLIC else super().get_permissions()


@extend_schema(exclude=True)
class OpenApiView(_DocumentView):
    def get(self, request: Request) -> HttpResponse:
        form = "yaml" if request.query_params.get("format") == "yaml" else "json"
        content, etag = openapi_document(form)
        if etag in request.headers.get("If-None-Match", ""):
            answer = HttpResponse(status=304)
        else:
            answer = HttpResponse(content, content_type=FORMS[form][1])
        answer["ETag"] = etag
        answer["Cache-Control"] = self.cache_control
        return answer


def without_slash(endpoints: Iterable[Endpoint], **_: object) -> list[Endpoint]:
    """Routes take both forms; the documents show the one without the slash at the end."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints]


@cache
def openapi_document(form: str) -> tuple[bytes, str]:
    """The document in this form and its ETag; made once, for the routes do not change."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    written = FORMS[form][0]().render(schema)
    content = written if isinstance(written, bytes) else written.encode()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'


@extend_schema(exclude=True)
class PageView(_DocumentView):
    """A page that reads /openapi.json in the browser; its scripts are files of ours."""

    template: ClassVar[str] = ""

    def get(self, request: Request) -> HttpResponse:
        return render(request._request, self.template)


class SwaggerView(PageView):
    template = "documents/swagger.html"


class RedocView(PageView):
    template = "documents/redoc.html"
