"""The code flow against a real provider (oidc-provider), its forms driven by HTTP."""

import re
import urllib.error
import urllib.request
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest
from django.http import HttpResponse
from pytest_django import Settings

from accounts.models import Grant, GroupMapping, Identity, Session, User
from tests import world
from tests.oidc.conftest import CALLBACK, Flow, Real, outcome

pytestmark = pytest.mark.django_db(transaction=True)

ADA = {"email": "Ada@Corp.Example", "email_verified": True, "name": "Ada Obi", "groups": []}


class _StandStill(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class Browser:
    """Goes through the provider's pages as a person would, until it is sent back to us."""

    def __init__(self) -> None:
        cookies = CookieJar(DefaultCookiePolicy(strict_ns_domain=DefaultCookiePolicy.DomainLiberal))
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(cookies), _StandStill
        )

    def _go(self, url: str, form: dict[str, str] | None = None) -> tuple[str, str]:
        """Where it leads, and what the page there says; follows redirects but not back to us."""
        for _ in range(10):
            data = urlencode(form).encode() if form else None
            try:
                with self.opener.open(url, data, timeout=20) as page:
                    return url, page.read().decode()
            except urllib.error.HTTPError as redirected:
                if redirected.code not in (302, 303):
                    raise
                url, form = urljoin(url, redirected.headers["Location"]), None
                if url.startswith(CALLBACK):
                    return url, ""
        raise AssertionError("sent in circles")

    def sign_in(self, url: str, who: str, *, cancel: bool = False) -> dict[str, str]:
        """Fill in the forms; returns the parameters that the provider sends back."""
        url, page = self._go(url)
        while page:
            if cancel:
                url, page = self._go(urljoin(url, re.search(r'href="([^"]+/abort)"', page)[1]))
                continue
            action = re.search(r'<form [^>]*action="([^"]+)"', page)[1]
            prompt = re.search(r'name="prompt" value="([^"]+)"', page)[1]
            filled = {"login": who, "password": "anything"} if prompt == "login" else {}
            url, page = self._go(urljoin(url, action), {"prompt": prompt, **filled})
        return dict(parse_qsl(urlsplit(url).query))


def through(flow: Flow, who: str = "ada", **more: str) -> HttpResponse:
    return flow.come_back(**Browser().sign_in(flow.begin(**more), who))


def test_a_person_comes_in_by_code_flow_with_pkce(real: Real, flow: Flow) -> None:
    real.order(people={"ada": ADA})
    url = flow.begin(next="/outages?open=1")
    asked = dict(parse_qsl(urlsplit(url).query))
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == CALLBACK
    assert asked["scope"] == "openid email profile groups"

    answer = flow.come_back(**Browser().sign_in(url, "ada"))

    assert outcome(answer) == ""
    assert answer["Location"] == "/outages?open=1"
    for name in ("noc_access_token", "noc_refresh_token"):
        assert answer.cookies[name]["httponly"]
    assert answer.cookies["apex_csrf"].value
    assert answer.cookies["noc_session"]["max-age"] == 0  # the hop is over
    me = flow.client.get("/auth/me").json()
    assert (me["email"], me["full_name"], me["role"]) == ("ada@corp.example", "Ada Obi", "viewer")
    session = Session.objects.get()
    assert (session.kind, session.methods, session.mfa_at) == ("oidc", ["oidc"], None)
    user = User.objects.get()
    assert not user.has_usable_password()
    assert user.email_verified_at is not None
    identity = Identity.objects.get()
    assert (identity.user_id, identity.issuer, identity.subject) == (user.id, real.issuer, "ada")


def test_who_comes_again_is_the_same_person(real: Real) -> None:
    real.order(people={"ada": ADA})
    assert outcome(through(Flow())) == ""
    real.order(people={"ada": ADA | {"name": "Ada Lovelace Obi"}})
    assert outcome(through(Flow())) == ""
    assert User.objects.get().full_name == "Ada Lovelace Obi"
    assert Session.objects.count() == 2


def test_groups_of_the_provider_become_roles(real: Real) -> None:
    region = world.region("emea")
    GroupMapping.objects.create(
        provider="corp",
        claim_value="noc-engineers",
        role="engineer",
        scope_kind="region",
        scope_id=region.wire_id,
        created_by="tests",
        created_at=world.AT,
    )
    real.order(people={"ada": ADA | {"groups": ["noc-engineers", "canteen"]}})
    assert outcome(through(Flow())) == ""
    live = Grant.objects.filter(ended_at__isnull=True).values_list("role", "scope_id", "source")
    assert set(live) == {("viewer", None, "idp"), ("engineer", region.wire_id, "idp")}


def test_a_state_comes_in_once(real: Real, flow: Flow) -> None:
    real.order(people={"ada": ADA})
    answered = Browser().sign_in(flow.begin(), "ada")
    assert outcome(flow.come_back(**answered)) == ""
    assert outcome(flow.come_back(**answered)) == "oidc_state_invalid"
    assert Session.objects.count() == 1


def test_a_state_belongs_to_the_browser_that_began(real: Real, flow: Flow) -> None:
    real.order(people={"ada": ADA})
    answered = Browser().sign_in(flow.begin(), "ada")
    assert outcome(Flow().come_back(**answered)) == "oidc_state_invalid"
    assert outcome(flow.come_back(**answered | {"state": "another"})) == "oidc_state_invalid"
    assert not User.objects.exists()


def test_a_code_counts_once(real: Real, flow: Flow) -> None:
    real.order(people={"ada": ADA})
    answered = Browser().sign_in(flow.begin(), "ada")
    (kept,) = flow.client.http.session["oidc"].values()
    assert outcome(flow.come_back(**answered)) == ""
    state = dict(parse_qsl(urlsplit(flow.begin()).query))["state"]
    flow.change_hops(nonce=kept[0], verifier=kept[1])
    assert outcome(flow.come_back(**answered | {"state": state})) == "oidc_token_invalid"
    assert Session.objects.count() == 1


@pytest.mark.parametrize("verifier", ["", "w" * 64])
def test_a_code_without_its_verifier_is_worth_nothing(
    real: Real, flow: Flow, verifier: str
) -> None:
    real.order(people={"ada": ADA})
    answered = Browser().sign_in(flow.begin(), "ada")
    flow.change_hops(verifier=verifier)
    assert outcome(flow.come_back(**answered)) != ""
    assert not User.objects.exists()


def test_a_nonce_of_another_sign_in_is_refused(real: Real, flow: Flow) -> None:
    real.order(people={"ada": ADA})
    answered = Browser().sign_in(flow.begin(), "ada")
    flow.change_hops(nonce="of-another-sign-in")
    assert outcome(flow.come_back(**answered)) == "oidc_token_invalid"
    assert not User.objects.exists()


def test_another_issuer_in_the_answer_is_refused(real: Real, flow: Flow) -> None:
    real.order(people={"ada": ADA})
    answered = Browser().sign_in(flow.begin(), "ada")
    assert answered["iss"] == real.issuer
    answered["iss"] = "https://evil.example"
    assert outcome(flow.come_back(**answered)) == "oidc_token_invalid"
    assert not User.objects.exists()


def test_a_provider_that_names_its_issuer_must_name_it_each_time(real: Real, flow: Flow) -> None:
    real.order(people={"ada": ADA})
    answered = Browser().sign_in(flow.begin(), "ada")
    del answered["iss"]
    assert outcome(flow.come_back(**answered)) == "oidc_token_invalid"


def test_a_provider_that_calls_itself_otherwise_is_not_ours(
    real: Real, flow: Flow, settings: Settings
) -> None:
    settings.OAUTH_ISSUER_URL = real.issuer.replace("127.0.0.1", "localhost")
    assert outcome(flow.client.get("/auth/oidc/corp/login")) == "oidc_provider_unavailable"


def test_a_missing_email_is_refused_by_its_name(real: Real, flow: Flow) -> None:
    real.order(people={"ada": {"name": "Ada Obi"}})
    assert outcome(through(flow)) == "oidc_email_missing"
    assert not User.objects.exists()


def test_an_unverified_email_is_refused_by_its_name(real: Real, flow: Flow) -> None:
    real.order(people={"ada": ADA | {"email_verified": False}})
    assert outcome(through(flow)) == "oidc_email_unverified"
    assert not User.objects.exists()


def test_new_keys_of_the_provider_are_fetched(real: Real) -> None:
    real.order(people={"ada": ADA})
    assert outcome(through(Flow())) == ""
    real.order(rotate=True)
    assert outcome(through(Flow())) == ""
    real.order(rotate=True)
    assert outcome(through(Flow())) == ""
    assert Session.objects.count() == 3


def test_a_sign_in_that_was_cancelled_there_says_so(real: Real, flow: Flow) -> None:
    real.order(people={"ada": ADA})
    answered = Browser().sign_in(flow.begin(), "ada", cancel=True)
    assert answered["error"] == "access_denied"
    assert outcome(flow.come_back(**answered)) == "oidc_cancelled"


def test_a_wrong_secret_of_ours_is_no_fault_of_the_person(
    real: Real, flow: Flow, settings: Settings
) -> None:
    real.order(people={"ada": ADA})
    settings.OAUTH_CLIENT_SECRET = "another"
    assert outcome(through(flow)) == "oidc_provider_unavailable"
    assert not User.objects.exists()
