"""A process dies between the commit of a rotation and its answer: nobody is signed out by it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from accounts import policy
from accounts.models import Session
from tests import world
from tests.contracts.web import database_url

ROOT = Path(__file__).resolve().parents[2]

# Asks with these cookies, and is killed where the answer would get its new ones.
DIES = """
import os, signal, sys
import django
django.setup()
from django.conf import settings
from django.test import Client
from accounts.api import cookies
cookies.renew = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
client = Client(headers={"Host": "localhost"})
client.cookies[settings.AUTH_COOKIE_REFRESH_NAME] = sys.argv[1]
client.get(settings.API_V1_PREFIX + "/auth/me")
"""


@pytest.mark.django_db(transaction=True)
def test_the_old_token_brings_the_pair_whose_answer_was_lost() -> None:
    session = world.session(world.person())
    token = policy.sign_token(
        "refresh",
        user_id=session.user_id,
        session_id=session.id,
        at=session.created_at,
        expires_at=session.expires_at,
        key=settings.JWT_SECRET_KEY,
        generation=0,
    )
    own = {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "config.settings"}
    died = subprocess.run(
        [sys.executable, "-c", DIES, token],
        cwd=ROOT,
        env=os.environ | own,
        check=False,
        timeout=60,
    )
    assert died.returncode == -signal.SIGKILL
    session.refresh_from_db()
    assert session.generation == 1
    client = world.Client()
    client.http.cookies[settings.AUTH_COOKIE_REFRESH_NAME] = token
    assert client.get("/auth/me").status_code == 200
    answer = world.Client().post("/auth/refresh", {"refresh_token": token})
    assert answer.status_code == 200
    assert Session.objects.get(id=session.id).generation == 1
