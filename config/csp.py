"""Content-Security-Policy by path: nothing for the API, our own files for pages."""

from typing import Any

from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

DOCUMENTS = ("/docs", "/redoc")

API: dict[str, Any] = {"default-src": [NONE], "frame-ancestors": [NONE]}
_PAGE: dict[str, Any] = {
    "default-src": [SELF],
    "script-src": [SELF, NONCE],
    # Swagger, ReDoc and the admin theme set styles on elements; no script depends on this.
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
    "object-src": [NONE],
    "base-uri": [SELF],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
}
# ReDoc searches in a worker that it makes from a blob.
DOCUMENT = _PAGE | {"worker-src": [SELF, "blob:"], "connect-src": [SELF]}
# Alpine.js, which the admin theme is built on, compiles the attributes of the theme's own pages.
BACK_OFFICE = _PAGE | {"script-src": [SELF, NONCE, UNSAFE_EVAL]}


def policy_for(path: str) -> dict[str, Any]:
    """The directives for the page or document at this path."""
    if path.startswith(f"/{settings.ADMIN_PATH}"):
        return BACK_OFFICE
    if path.rstrip("/") in DOCUMENTS:
        return DOCUMENT
    return API


def spelled(policy: dict[str, Any]) -> str:
    """The header of a policy without a nonce."""
    return "; ".join(f"{directive} {' '.join(sources)}" for directive, sources in policy.items())


class PathCspMiddleware(CSPMiddleware):
    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if parts.config is None and not report_only:
            parts.config = policy_for(request.path)
        return parts
