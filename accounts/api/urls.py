from django.urls import re_path

from accounts.api import openapi  # noqa: F401 - it registers itself
from accounts.api.views import sign_in

urlpatterns = [
    re_path(r"^auth/register/?$", sign_in.RegisterView.as_view(), name="register"),
    re_path(r"^auth/login/?$", sign_in.LoginView.as_view(), name="login"),
    re_path(r"^auth/refresh/?$", sign_in.RefreshView.as_view(), name="refresh"),
    re_path(r"^auth/logout/?$", sign_in.LogoutView.as_view(), name="logout"),
    re_path(r"^auth/me/?$", sign_in.MeView.as_view(), name="me"),
]
