from django.urls import re_path

from network.api import views

urlpatterns = [
    re_path(r"^sites/?$", views.SitesView.as_view(), name="sites"),
    re_path(r"^sites/(?P<named>[^/]+)/?$", views.SiteView.as_view(), name="site"),
    re_path(r"^regions/?$", views.RegionsView.as_view(), name="regions"),
    re_path(r"^operators/?$", views.OperatorsView.as_view(), name="operators"),
]
