"""All addresses. Every one takes both forms, with and without one slash at the end."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path

from config.documents import OpenApiView, RedocView, SwaggerView
from config.health import LivenessView, ReadinessView
from config.refusals import not_found

_prefix = settings.API_V1_PREFIX.strip("/")

# `sla` adds to the addresses of outages, and its fixed words come before `{id}`.
API = [
    "accounts.api.urls",
    "sla.api.urls",
    "outages.api.urls",
    "payments.api.urls",
    "webhooks.api.urls",
    "jobs.api.urls",
    "network.api.urls",
]

urlpatterns: list[URLPattern | URLResolver] = [
    *(path(f"{_prefix}/", include(module)) for module in API),
    re_path(rf"^{_prefix}/health/?$", LivenessView.as_view(), name="api-health"),
    re_path(r"^health/?$", LivenessView.as_view(), name="health"),
    re_path(r"^health/liveness/?$", LivenessView.as_view(), name="liveness"),
    re_path(r"^health/readiness/?$", ReadinessView.as_view(), name="readiness"),
    re_path(r"^health/ready/?$", ReadinessView.as_view(), name="ready"),
    re_path(r"^openapi\.json/?$", OpenApiView.as_view(), name="openapi"),
    re_path(r"^docs/?$", SwaggerView.as_view(), name="docs"),
    re_path(r"^redoc/?$", RedocView.as_view(), name="redoc"),
    re_path(rf"^{settings.ADMIN_PATH}password_change(/.*)?/?$", not_found),  # no verb, no audit
    path(settings.ADMIN_PATH, admin.site.urls),
]

handler400 = "config.refusals.bad_request"
handler403 = "config.refusals.permission_denied"
handler404 = "config.refusals.not_found"
handler500 = "config.refusals.server_error"
