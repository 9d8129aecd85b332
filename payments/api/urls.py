"""The routes under /payments; only what looks like an id can be taken for one."""

from django.urls import re_path

from payments.api.views import PaymentListView, PaymentView

PAYMENT = r"(?P<payment>[a-z]+_[^/]*|[0-9a-fA-F-]{32,36})"

urlpatterns = [
    re_path(r"^payments/?$", PaymentListView.as_view(), name="payments"),
    re_path(rf"^payments/{PAYMENT}/?$", PaymentView.as_view(), name="payment"),
]
