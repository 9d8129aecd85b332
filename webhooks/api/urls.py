"""The routes under /webhooks; fixed words stand before ``{webhook_id}``."""

from django.urls import re_path

from webhooks.api import views

WEBHOOK = r"(?P<webhook_id>[^/]+)"
DELIVERY = rf"{WEBHOOK}/deliveries/(?P<delivery_id>[^/]+)"

urlpatterns = [
    re_path(r"^webhooks/?$", views.WebhookListView.as_view(), name="webhooks"),
    re_path(r"^webhooks/deliveries/?$", views.DeliveryLogView.as_view(), name="webhook-log"),
    re_path(r"^webhooks/events/?$", views.EventListView.as_view(), name="webhook-events"),
    re_path(
        r"^webhooks/events/(?P<event_type>[^/]+)/?$",
        views.EventView.as_view(),
        name="webhook-event",
    ),
    re_path(rf"^webhooks/{WEBHOOK}/?$", views.WebhookView.as_view(), name="webhook"),
    re_path(rf"^webhooks/{WEBHOOK}/pause/?$", views.PauseView.as_view(), name="webhook-pause"),
    re_path(rf"^webhooks/{WEBHOOK}/enable/?$", views.EnableView.as_view(), name="webhook-enable"),
    re_path(
        rf"^webhooks/{WEBHOOK}/rotate-secret/?$",
        views.RotateSecretView.as_view(),
        name="webhook-rotate-secret",
    ),
    re_path(rf"^webhooks/{WEBHOOK}/test/?$", views.TestView.as_view(), name="webhook-test"),
    re_path(
        rf"^webhooks/{WEBHOOK}/deliveries/?$",
        views.DeliveryListView.as_view(),
        name="webhook-deliveries",
    ),
    re_path(rf"^webhooks/{DELIVERY}/?$", views.DeliveryView.as_view(), name="webhook-delivery"),
    re_path(rf"^webhooks/{DELIVERY}/retry/?$", views.RetryView.as_view(), name="webhook-retry"),
]
