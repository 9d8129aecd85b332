"""Signing in to the back office by the identity provider."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import GroupMapping, Session
from audit.models import Entry
from tests import world
from tests.oidc.conftest import Flow, Liar

pytestmark = pytest.mark.django_db
PEOPLE = "/admin/accounts/user/"


@pytest.fixture(autouse=True)
def groups() -> None:
    for group, role in (("noc", "manager"), ("readers", "viewer")):
        GroupMapping.objects.create(
            provider="corp",
            claim_value=group,
            role=role,
            scope_kind="global",
            created_by="tests",
            created_at=world.AT,
        )


def come_in(flow: Flow, liar: Liar, following: str = PEOPLE, **changed: Any) -> HttpResponse:
    asked = flow.asked(next=following)
    liar.sign(liar.claims(asked, **changed))
    return flow.come_back(state=asked["state"], code="a-code")


def test_it_opens_a_back_office_session_and_sets_no_cookies_of_the_api(
    flow: Flow, liar: Liar
) -> None:
    answer = come_in(flow, liar, groups=["noc"], amr=["pwd", "otp"])
    assert answer["Location"] == PEOPLE
    assert "noc_access_token" not in answer.cookies
    assert "noc_refresh_token" not in answer.cookies
    session = Session.objects.get()
    assert (session.kind, session.methods) == ("back_office", ["oidc"])
    assert session.mfa_at is not None
    assert (session.ends_at - session.created_at).total_seconds() == 8 * 3600
    assert flow.client.http.get(PEOPLE).status_code == 200


def test_who_is_no_operator_is_refused_on_the_page_of_the_back_office(
    flow: Flow, liar: Liar
) -> None:
    answer = come_in(flow, liar, groups=["readers"])
    assert answer["Location"].startswith("/admin/login/?error=oidc_no_access")
    assert not Session.objects.exists()
    assert Entry.objects.filter(action="accounts.refuse_sign_in").count() == 1
    page = flow.client.http.get(answer["Location"])
    assert page.status_code == 403
    assert "have no role here" in page.content.decode()
    assert flow.client.http.get(PEOPLE).status_code == 302


def test_the_same_person_comes_in_by_the_api_with_its_cookies(flow: Flow, liar: Liar) -> None:
    answer = come_in(flow, liar, "/outages", groups=["readers"])
    assert "noc_access_token" in answer.cookies
    assert Session.objects.get().kind == "oidc"
    assert flow.client.http.get("/admin/").status_code == 302


def test_the_page_of_sign_in_offers_the_provider_and_leads_back(liar: Liar) -> None:
    page = Client().get("/admin/login/", {"next": PEOPLE}).content.decode()
    assert "Sign in with Corp" in page
    assert "/api/v1/auth/oidc/corp/login?next=%2Fadmin%2Faccounts%2Fuser%2F" in page


def test_without_a_provider_there_is_no_such_button(settings: Settings) -> None:
    settings.OAUTH_ISSUER_URL = None
    assert "Sign in with" not in Client().get("/admin/login/").content.decode()


def test_a_fresh_proof_is_another_sign_in_by_the_provider(flow: Flow, liar: Liar) -> None:
    come_in(flow, liar, groups=["noc"])
    Session.objects.update(reauthenticated_at=world.AT)
    page = flow.client.http.get("/admin/confirm/", {"next": PEOPLE}).content.decode()
    assert "Sign in with Corp" in page
    assert come_in(flow, liar, groups=["noc"])["Location"] == PEOPLE
    newest = Session.objects.latest("created_at")
    assert newest.reauthenticated_at is not None
    assert (timezone.now() - newest.reauthenticated_at).total_seconds() < 60


def test_an_invented_error_says_nothing(client: Client) -> None:
    page = client.get("/admin/login/", {"error": "<script>"})
    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()
