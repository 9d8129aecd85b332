"""GET /auth/me of one person who is always there."""

import os
from typing import Any

from django.conf import settings
from django.urls import re_path
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.api.views.profile import MeView
from core.actors import Actor

CALLER = Actor(id=os.environ.get("BENCH_CALLER", ""), kind="person", global_role="engineer")


class Always(BaseAuthentication):
    """Everybody is this person."""

    def authenticate(self, request: Request) -> tuple[Any, None]:
        return CALLER, None


class OpenMeView(MeView):
    authentication_classes = [Always]
    permission_classes = []


prefix = settings.API_V1_PREFIX.strip("/")
urlpatterns = [re_path(rf"^{prefix}/auth/me/?$", OpenMeView.as_view())]
