"""ID tokens and answers that the test makes itself: what a provider, or a liar, could send."""

import base64
import hashlib
import hmac
import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings as in_force
from django.contrib.sessions.models import Session as BrowserSession
from django.utils import timezone
from pytest_django import Settings

from accounts.clients import oidc as client
from accounts.models import Identity, Session, User
from audit.models import Entry
from core import egress
from tests import world
from tests.oidc.conftest import CALLBACK, CLIENT, SECRET, Flow, Liar, new_key, outcome, public_jwk

pytestmark = pytest.mark.django_db


def sent(flow: Flow, liar: Liar, *, signed: dict[str, Any] | None = None, **changed: Any) -> str:
    """Go through the flow with an ID token of these claims; the error, or empty."""
    asked = flow.asked()
    liar.sign(liar.claims(asked, **changed), **signed or {})
    return outcome(flow.come_back(state=asked["state"], code="a-code"))


def test_an_honest_token_signs_in(liar: Liar, flow: Flow) -> None:
    assert sent(flow, liar) == ""
    assert Identity.objects.get().subject == "ada"


NOW = int(timezone.now().timestamp())
LIES: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "of-another-sign-in"},
    "no nonce": {"nonce": None},
    "a nonce that is no text": {"nonce": 5},
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "another-client"},
    "no audience": {"aud": None},
    "several audiences and nobody authorised": {"aud": [CLIENT, "another"]},
    "another authorised party": {"azp": "another"},
    "expired": {"iat": NOW - 600, "exp": NOW - 1},
    "no end": {"exp": None},
    "an end that is no time": {"exp": "tomorrow"},
    "an end beyond the calendar": {"exp": 10**18},
    "issued in the future": {"iat": NOW + 3600, "exp": NOW + 7200},
    "no time of issue": {"iat": None},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is no text": {"sub": 7},
    "a subject with NUL": {"sub": "a\x00da"},
    "a subject beyond measure": {"sub": "a" * 256},
}


@pytest.mark.parametrize("lie", list(LIES))
def test_a_token_that_says_the_wrong_thing_is_refused(liar: Liar, flow: Flow, lie: str) -> None:
    assert sent(flow, liar, **LIES[lie]) == "oidc_token_invalid"
    assert not User.objects.exists()
    assert not Session.objects.exists()
    entry = Entry.objects.get(action="accounts.refuse_sign_in")
    assert entry.subject_id == "unknown"
    assert '"reason":"oidc_token_invalid"' in entry.body


def test_a_minute_between_the_clocks_is_allowed(liar: Liar, flow: Flow) -> None:
    now = int(timezone.now().timestamp())
    assert sent(flow, liar, iat=now + 55, exp=now + 300) == ""


def test_several_audiences_are_fine_when_we_are_the_authorised_party(
    liar: Liar, flow: Flow
) -> None:
    assert sent(flow, liar, aud=[CLIENT, "another"], azp=CLIENT) == ""


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    header = {"alg": algorithm, "typ": "JWT", "kid": "one"}
    return ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "RS256"])
def test_a_token_without_signature_is_refused(liar: Liar, flow: Flow, algorithm: str) -> None:
    asked = flow.asked()
    liar.give(f"{unsigned(liar.claims(asked), algorithm)}.")
    answer = flow.come_back(state=asked["state"], code="a-code")
    assert outcome(answer) == "oidc_token_invalid"


@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_the_public_key_is_no_shared_secret(liar: Liar, flow: Flow, form: str) -> None:
    asked = flow.asked()
    pem = liar.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    secret = pem if form == "pem" else json.dumps(public_jwk(liar.key, "one")).encode()
    body = unsigned(liar.claims(asked), "HS256")
    mac = hmac.new(secret, body.encode(), hashlib.sha256).digest()
    liar.give(f"{body}.{_base64(mac)}")
    answer = flow.come_back(state=asked["state"], code="a-code")
    assert outcome(answer) == "oidc_token_invalid"


def test_our_client_secret_signs_nothing(liar: Liar, flow: Flow) -> None:
    key = SECRET.encode() * 2
    assert sent(flow, liar, signed={"key": key, "algorithm": "HS256"}) == "oidc_token_invalid"


def test_a_foreign_key_under_the_name_of_theirs_is_refused(liar: Liar, flow: Flow) -> None:
    assert sent(flow, liar, signed={"key": new_key()}) == "oidc_token_invalid"


def test_a_key_that_they_never_published_is_refused(liar: Liar, flow: Flow) -> None:
    signed = {"key": new_key(), "kid": "unknown"}
    assert sent(flow, liar, signed=signed) == "oidc_token_invalid"
    assert liar.paths().count("/keys") == 2  # they were asked once more, and no oftener


def test_a_key_made_for_encryption_verifies_nothing(liar: Liar, flow: Flow) -> None:
    liar.documents["/keys"] = {"keys": [public_jwk(liar.key, "one") | {"use": "enc"}]}
    assert sent(flow, liar) == "oidc_token_invalid"


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")  # we sign with it ourselves
def test_a_key_of_1024_bits_is_too_short(liar: Liar, flow: Flow) -> None:
    short = rsa.generate_private_key(65537, 1024)
    liar.documents["/keys"] = {"keys": [public_jwk(short, "one")]}
    assert sent(flow, liar, signed={"key": short}) == "oidc_token_invalid"


def test_an_algorithm_that_was_not_named_is_refused(
    liar: Liar, flow: Flow, settings: Settings
) -> None:
    settings.OAUTH_ALLOWED_ALGS = ("ES256",)
    assert sent(flow, liar) == "oidc_token_invalid"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_each_algorithm_of_the_default_is_read(liar: Liar, flow: Flow, algorithm: str) -> None:
    key = {
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
    }.get(algorithm, lambda: liar.key)()
    other = public_jwk(new_key(), "another")
    liar.documents["/keys"] = {"keys": [other, public_jwk(key, "one", algorithm)]}
    assert sent(flow, liar, signed={"key": key, "algorithm": algorithm}) == ""


def test_a_token_may_leave_its_key_unnamed_where_there_is_one_only(liar: Liar, flow: Flow) -> None:
    assert sent(flow, liar, signed={"kid": None}) == ""
    liar.documents["/keys"]["keys"].append(public_jwk(new_key(), "two"))
    client._kept.clear()
    assert sent(flow, liar, signed={"kid": None}) == "oidc_token_invalid"


@pytest.mark.parametrize(
    "token", ["", "a", "a.b", "a.b.c", "....", "e30.e30.e30", "\x00", "é.é.é", "a" * 70_000]
)
def test_what_is_no_token_is_refused(liar: Liar, flow: Flow, token: str) -> None:
    asked = flow.asked()
    liar.give(token)
    answer = flow.come_back(state=asked["state"], code="a-code")
    assert outcome(answer) == "oidc_token_invalid"


@pytest.mark.parametrize("keys", [{}, {"keys": None}, {"keys": ["x"]}, {"keys": [{"kid": "one"}]}])
def test_keys_that_cannot_be_read_verify_nothing(liar: Liar, flow: Flow, keys: Any) -> None:
    liar.documents["/keys"] = keys
    assert sent(flow, liar) == "oidc_token_invalid"


def test_keys_are_fetched_once_in_ten_minutes(liar: Liar, flow: Flow) -> None:
    for number in range(3):
        assert sent(flow, liar, sub=f"ada-{number}", email=f"a{number}@corp.example") == ""
    assert liar.paths().count("/keys") == 1
    assert liar.paths().count("/.well-known/openid-configuration") == 1


# --- What is asked --------------------------------------------------------------------------------


def test_each_sign_in_has_its_own_state_nonce_and_challenge(liar: Liar, flow: Flow) -> None:
    one, other = flow.asked(), flow.asked()
    for name in ("state", "nonce", "code_challenge"):
        assert len(one[name]) >= 43
        assert one[name] != other[name]


def test_the_verifier_of_the_challenge_is_sent_with_the_code(liar: Liar, flow: Flow) -> None:
    asked = flow.asked()
    liar.sign(liar.claims(asked))
    assert outcome(flow.come_back(state=asked["state"], code="a-code&more")) == ""
    (body,) = [body for path, body, _ in liar.asked if path == "/token"]
    form = dict(part.split("=") for part in body.split("&"))
    assert form["code"] == "a-code%26more"
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert _base64(digest) == asked["code_challenge"]
    assert "client_secret" not in form
    assert asked["redirect_uri"] == CALLBACK


@pytest.mark.parametrize("known", [["client_secret_post"], ["private_key_jwt"]])
def test_the_secret_goes_into_the_form_where_basic_is_not_known(
    liar: Liar, flow: Flow, known: list[str]
) -> None:
    liar.describe(token_endpoint_auth_methods_supported=known)
    assert sent(flow, liar) == ""
    (headers,) = [headers for path, _, headers in liar.asked if path == "/token"]
    assert "Authorization" not in headers


def test_host_headers_do_not_choose_where_the_code_goes(
    liar: Liar, flow: Flow, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    answer = flow.client.get("/auth/oidc/corp/login", Host="evil.example")
    assert "evil.example" not in answer["Location"]


@pytest.mark.parametrize("name", ["scope", "auth_params", "redirect_uri", "nonce", "prompt"])
def test_the_caller_adds_nothing_to_what_is_asked(liar: Liar, flow: Flow, name: str) -> None:
    answer = flow.client.get("/auth/oidc/corp/login", {name: "foreign"})
    assert "foreign" not in answer["Location"]


@pytest.mark.parametrize(
    "following",
    ["//evil.example", "/\\evil.example", "https://evil.example", "%2F%2Fevil.example", "/%5Cevil",
     "/%2Fevil.example", "/%252Fevil.example", "javascript:alert(1)", "evil.example", "",
     "/\t/evil.example", "/%09/evil.example", "/a\\b", "/x\r\nSet-Cookie:a=b", "/" + "a" * 3000],
)  # fmt: skip
def test_nobody_is_sent_elsewhere_afterwards(liar: Liar, flow: Flow, following: str) -> None:
    url = flow.client.http.get(
        f"{in_force.API_V1_PREFIX}/auth/oidc/corp/login", {"next": following}
    )
    if url.status_code == 422:  # a control character gets no further than the first door
        return
    (kept,) = flow.client.http.session["oidc"].values()
    assert kept[2] == "/"


# --- The hop --------------------------------------------------------------------------------------


def test_a_hop_ends_after_ten_minutes(liar: Liar, flow: Flow) -> None:
    for age, ends in ((599, ""), (601, "oidc_state_invalid"), (-60, "oidc_state_invalid")):
        asked = flow.asked()
        began = timezone.now() - timedelta(seconds=age)
        flow.change_hops(at=began.timestamp())
        liar.sign(liar.claims(asked))
        kept = flow.client.http.session["oidc"][asked["state"]]
        flow.change_hops(nonce=asked["nonce"], verifier=kept[1])
        assert outcome(flow.come_back(state=asked["state"], code="a-code")) == ends


def test_several_tabs_may_be_under_way(liar: Liar, flow: Flow) -> None:
    first, second = flow.asked(next="/one"), flow.asked(next="/two")
    for asked, path in ((first, "/one"), (second, "/two")):
        liar.sign(liar.claims(asked))
        answer = flow.come_back(state=asked["state"], code="a-code")
        assert (outcome(answer), answer["Location"]) == ("", path)


def test_a_browser_that_begins_without_end_fills_nothing(liar: Liar, flow: Flow) -> None:
    states = [flow.asked()["state"] for _ in range(8)]
    assert list(flow.client.http.session["oidc"]) == states[-5:]
    assert BrowserSession.objects.count() == 1


def test_a_failed_hop_is_used_up_too(liar: Liar, flow: Flow) -> None:
    asked = flow.asked()
    assert outcome(flow.come_back(state=asked["state"], error="access_denied")) == "oidc_cancelled"
    liar.sign(liar.claims(asked))
    answer = flow.come_back(state=asked["state"], code="a-code")
    assert outcome(answer) == "oidc_state_invalid"
    assert not BrowserSession.objects.exists()


def test_coming_back_from_nowhere_is_refused(liar: Liar, flow: Flow) -> None:
    assert outcome(flow.come_back()) == "oidc_state_invalid"
    assert outcome(flow.come_back(error="access_denied")) == "oidc_state_invalid"
    assert outcome(flow.come_back(state="a", code="b")) == "oidc_state_invalid"
    assert liar.asked == []


def test_a_session_of_the_back_office_stays_whole(liar: Liar, flow: Flow) -> None:
    session = flow.client.http.session
    session["of the back office"] = "kept"
    session.save()
    flow.client.http.cookies[in_force.SESSION_COOKIE_NAME] = session.session_key
    assert sent(flow, liar) == ""
    kept = BrowserSession.objects.get(session_key=session.session_key).get_decoded()
    assert kept["of the back office"] == "kept"
    assert "_session_expiry" not in kept


# --- Userinfo -------------------------------------------------------------------------------------


def with_userinfo(liar: Liar, told: Any) -> None:
    liar.describe(userinfo_endpoint=f"{liar.issuer}/userinfo")
    liar.documents["/userinfo"] = told


def test_what_the_token_leaves_out_is_asked_for(liar: Liar, flow: Flow) -> None:
    with_userinfo(liar, {"sub": "ada", "email": "ada@corp.example", "email_verified": True})
    assert sent(flow, liar, email=None, email_verified=None) == ""
    assert User.objects.get().email == "ada@corp.example"
    (headers,) = [headers for path, _, headers in liar.asked if path == "/userinfo"]
    assert headers["Authorization"] == "Bearer a-token"


def test_what_the_token_says_stands(liar: Liar, flow: Flow) -> None:
    with_userinfo(
        liar, {"sub": "ada", "iss": "x", "email": "eve@corp.example", "email_verified": True}
    )
    assert sent(flow, liar, groups=None, email_verified=None) == ""
    user = User.objects.get()
    assert (user.email, user.email_verified_at) == ("ada@corp.example", None)


def test_userinfo_of_somebody_else_is_refused(liar: Liar, flow: Flow) -> None:
    with_userinfo(liar, {"sub": "eve", "email": "eve@corp.example"})
    assert sent(flow, liar, email=None) == "oidc_token_invalid"


def test_a_token_that_says_all_is_enough(liar: Liar, flow: Flow) -> None:
    with_userinfo(liar, (500, {}))
    assert sent(flow, liar) == ""
    assert sent(flow, liar, name=None) == "oidc_provider_unavailable"


# --- The provider is away, or not itself ----------------------------------------------------------


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_provider_that_is_away_does_not_stop_a_password(
    liar: Liar, flow: Flow, settings: Settings
) -> None:
    settings.OAUTH_ISSUER_URL = f"http://127.0.0.1:{closed_port()}"
    user = world.person("engineer", password=world.PASSWORD)
    assert outcome(flow.client.get("/auth/oidc/corp/login")) == "oidc_provider_unavailable"
    body = {"email": user.email, "password": world.PASSWORD}
    assert flow.client.post("/auth/login", body).status_code == 200


@pytest.mark.parametrize(
    "answer",
    [(500, {}), (503, b"busy"), (401, {"error": "invalid_client"}), (302, {}), b"no json", b"[]",
     (400, {"error": "unauthorized_client"}), (404, {}), b"[" * 100_000,
     b'{"id_token":"' + b"a" * egress.FETCH_MAX_BYTES + b'"}'],
)  # fmt: skip
def test_an_exchange_that_fails_is_no_fault_of_the_person(
    liar: Liar, flow: Flow, answer: Any
) -> None:
    asked = flow.asked()
    liar.documents["/token"] = answer
    come = flow.come_back(state=asked["state"], code="a-code")
    assert outcome(come) == "oidc_provider_unavailable"
    assert "/elsewhere" not in liar.paths()  # no redirect is followed


def test_a_code_that_is_not_accepted_any_more_is_told_apart(liar: Liar, flow: Flow) -> None:
    asked = flow.asked()
    liar.documents["/token"] = (400, {"error": "invalid_grant", "error_description": "x"})
    come = flow.come_back(state=asked["state"], code="a-code")
    assert outcome(come) == "oidc_token_invalid"


def test_an_exchange_without_id_token_is_refused(liar: Liar, flow: Flow) -> None:
    asked = flow.asked()
    liar.documents["/token"] = {"access_token": "a-token"}
    come = flow.come_back(state=asked["state"], code="a-code")
    assert outcome(come) == "oidc_token_invalid"


@pytest.mark.parametrize(
    "description",
    [{"issuer": "https://evil.example"}, {"issuer": None}, {"token_endpoint": None},
     {"jwks_uri": "file:///etc/passwd"}, {"authorization_endpoint": "javascript:alert(1)"},
     {"token_endpoint": "http://[x/"}, {"userinfo_endpoint": "ftp://x/"},
     {"jwks_uri": "http://user@127.0.0.1/"}],
)  # fmt: skip
def test_a_description_that_is_not_the_providers_own_is_refused(
    liar: Liar, flow: Flow, description: dict[str, Any]
) -> None:
    honest = dict(liar.documents["/.well-known/openid-configuration"])
    liar.describe(**description)
    assert outcome(flow.client.get("/auth/oidc/corp/login")) == "oidc_provider_unavailable"
    liar.describe(**honest | {"userinfo_endpoint": None})
    assert sent(flow, liar) == ""  # it is not remembered as it was


def test_a_silent_provider_is_waited_for_no_longer_than_was_said(
    liar: Liar, flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.OAUTH_ISSUER_URL = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert outcome(flow.client.get("/auth/oidc/corp/login")) == "oidc_provider_unavailable"


def test_a_provider_that_is_away_is_not_asked_at_each_call(
    liar: Liar, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = liar.documents.pop("/.well-known/openid-configuration")
    for _ in range(3):
        assert outcome(flow.client.get("/auth/oidc/corp/login")) == "oidc_provider_unavailable"
    assert len(liar.asked) == 1
    liar.documents["/.well-known/openid-configuration"] = description
    monkeypatch.setattr(timezone, "now", lambda: datetime.now(UTC) + client.AWAY_FOR)
    assert flow.begin().startswith(liar.issuer)


@pytest.mark.parametrize(
    ("error", "code"),
    [("access_denied", "oidc_cancelled"), ("login_required", "oidc_cancelled"),
     ("server_error", "oidc_provider_unavailable"), ("invalid_scope", "oidc_provider_unavailable"),
     ("<script>", "oidc_provider_unavailable"), ("", "oidc_token_invalid")],
)  # fmt: skip
def test_errors_of_the_provider_are_told_in_our_words(
    liar: Liar, flow: Flow, error: str, code: str
) -> None:
    asked = flow.asked()
    answer = flow.come_back(state=asked["state"], error=error)
    assert outcome(answer) == code
    assert "script" not in answer["Location"]


# --- Which providers ------------------------------------------------------------------------------


def test_the_page_of_sign_in_hears_which_provider_there_is(liar: Liar) -> None:
    answer = world.Client().get("/auth/oidc/providers")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert answer.json() == [
        {
            "id": "corp",
            "name": "Corp",
            "login_url": "https://noc.example.test/api/v1/auth/oidc/corp/login",
        }
    ]


def test_without_settings_there_is_none(settings: Settings, flow: Flow) -> None:
    settings.OAUTH_ISSUER_URL = None
    assert flow.client.get("/auth/oidc/providers").json() == []
    for path in ("/auth/oidc/corp/login", "/auth/oidc/corp/callback"):
        answer = flow.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "provider_not_found")


def test_another_name_is_no_provider(liar: Liar, flow: Flow) -> None:
    assert flow.client.get("/auth/oidc/other/login").status_code == 404
    assert flow.client.get("/auth/oidc/CORP/login").json()["code"] == "provider_not_found"
