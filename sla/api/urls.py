"""The routes of the SLA, and the two that it adds to outages."""

from django.urls import re_path

from sla.api.views import (
    CalculationView,
    ConfigView,
    PreviewView,
    RecomputeView,
    ResultsView,
    ResultView,
    SeverityConfigView,
    ViolationsView,
)

urlpatterns = [
    re_path(r"^outages/violations/?$", ViolationsView.as_view(), name="outage-violations"),
    re_path(
        r"^outages/(?P<reference>[^/]+)/recompute-sla/?$",
        RecomputeView.as_view(),
        name="outage-recompute-sla",
    ),
    re_path(r"^sla/results/?$", ResultsView.as_view(), name="sla-results"),
    re_path(r"^sla/results/(?P<result>[^/]+)/?$", ResultView.as_view(), name="sla-result"),
    re_path(r"^sla/config/?$", ConfigView.as_view(), name="sla-config"),
    re_path(
        r"^sla/config/(?P<severity>[^/]+)/?$",
        SeverityConfigView.as_view(),
        name="sla-config-severity",
    ),
    re_path(r"^sla/calculate/?$", CalculationView.as_view(), name="sla-calculate"),
    re_path(r"^sla/preview/?$", PreviewView.as_view(), name="sla-preview"),
]
