"""The routes under /outages; fixed words stand before ``{reference}``."""

from django.urls import re_path

from outages.api.views.files import BulkView, ExportView, HistoryView, ImportView
from outages.api.views.outages import (
    OutageListView,
    OutageView,
    ReopenView,
    ResolveView,
    TimelineView,
    TransitionsView,
)

REFERENCE = r"(?P<reference>[^/]+)"

urlpatterns = [
    re_path(r"^outages/?$", OutageListView.as_view(), name="outages"),
    re_path(r"^outages/import/?$", ImportView.as_view(), name="outages-import"),
    re_path(r"^outages/bulk/?$", BulkView.as_view(), name="outages-bulk"),
    re_path(r"^outages/bulk/history/?$", HistoryView.as_view(), name="outages-bulk-history"),
    re_path(r"^outages/export/?$", ExportView.as_view(), name="outages-export"),
    re_path(rf"^outages/{REFERENCE}/?$", OutageView.as_view(), name="outage"),
    re_path(rf"^outages/{REFERENCE}/resolve/?$", ResolveView.as_view(), name="outage-resolve"),
    re_path(rf"^outages/{REFERENCE}/reopen/?$", ReopenView.as_view(), name="outage-reopen"),
    re_path(
        rf"^outages/{REFERENCE}/transitions/?$",
        TransitionsView.as_view(),
        name="outage-transitions",
    ),
    re_path(rf"^outages/{REFERENCE}/timeline/?$", TimelineView.as_view(), name="outage-timeline"),
]
