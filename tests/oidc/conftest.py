"""A real identity provider on this machine, and one that lies as a test tells it to."""

import fcntl
import hashlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.http import HttpResponse
from django.utils import timezone
from pytest_django import Settings

from core import egress
from tests import world

HERE = Path(__file__).parent
VAR = HERE.parents[1] / "var"
CLIENT, SECRET = "noc-iq", "a-secret:with+signs/that=need%encoding"
PUBLIC_URL = "https://noc.example.test"
CALLBACK = f"{PUBLIC_URL}/api/v1/auth/oidc/corp/callback"
LEAST_NODE = 20


@pytest.fixture(autouse=True)
def connected(settings: Settings) -> None:
    """Everything but the issuer, which each provider knows itself."""
    settings.PUBLIC_URL = PUBLIC_URL
    settings.OAUTH_CLIENT_ID, settings.OAUTH_CLIENT_SECRET = CLIENT, SECRET
    settings.OAUTH_DEFAULT_ROLE = "viewer"


class Flow:
    """A browser before our two doors."""

    def __init__(self) -> None:
        self.client = world.Client()

    def begin(self, next: str = "/outages") -> str:  # noqa: A002
        """Go to the door of sign-in; returns where the browser is sent."""
        answer = self.client.get("/auth/oidc/corp/login", {"next": next})
        assert answer.status_code == 302
        return answer["Location"]

    def asked(self, **more: str) -> dict[str, str]:
        """What the provider is asked, by name."""
        parts = urlsplit(self.begin(**more))
        return {name: values[0] for name, values in parse_qs(parts.query).items()}

    def come_back(self, **answered: str) -> HttpResponse:
        """Come back from the provider with these parameters."""
        return self.client.get("/auth/oidc/corp/callback", answered)

    def change_hops(self, **changed: Any) -> None:
        """Tamper with what we keep: nonce, verifier, next, at."""
        session = self.client.http.session
        names = ("nonce", "verifier", "next", "at")
        for state, kept in session["oidc"].items():
            session["oidc"][state] = list((dict(zip(names, kept, strict=True)) | changed).values())
        session.save()


@pytest.fixture
def flow() -> Flow:
    return Flow()


def outcome(answer: HttpResponse) -> str:
    """The error that the page of sign-in is told; empty when somebody is signed in."""
    assert answer.status_code == 302
    assert answer["Cache-Control"] == "no-store"
    parts = urlsplit(answer["Location"])
    signed_in = "noc_access_token" in answer.cookies
    if parts.path != "/login":
        assert signed_in
        return ""
    assert not signed_in
    assert (parts.scheme, parts.netloc) == ("", "")
    return parse_qs(parts.query)["error"][0]


# --- The real one ---------------------------------------------------------------------------------


class Real:
    """oidc-provider, in a process of its own."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            ["node", "provider.mjs", CALLBACK, CLIENT, SECRET],
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(home / "provider.log").open("ab"),
            text=True,
        )
        self.issuer: str = self._hear()["issuer"]

    def _hear(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        assert line, "the provider ended; see provider.log beside its modules in var/"
        return json.loads(line)

    def order(self, **what: Any) -> None:
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        assert self._hear() == {"done": True}

    def end(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


@pytest.fixture(scope="session")
def provider_home() -> Path:
    """Where the npm packages of the provider are, pinned by package-lock.json; made once."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _lacking("Node.js and npm are not installed")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.strip().lstrip("v").partition(".")[0]) < LEAST_NODE:
        _lacking(f"this Node.js is {version.stdout.strip()}, and {LEAST_NODE} is needed")
    sources = [HERE / name for name in ("package.json", "package-lock.json", "provider.mjs")]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    home = VAR / "oidc-provider" / digest
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may want it at once
        if not (home / "ready").exists():
            for source in sources:
                shutil.copy(source, home)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            try:
                done = subprocess.run(
                    command, cwd=home, capture_output=True, text=True, timeout=100, check=False
                )
            except subprocess.TimeoutExpired:
                _lacking("npm did not fetch oidc-provider within 100 s")
            if done.returncode:
                _lacking(f"npm could not fetch oidc-provider: {done.stderr.strip()[-300:]}")
            (home / "ready").touch()
    return home


def _lacking(what: str) -> None:
    pytest.skip(
        f"NOT TESTED AGAINST A REAL IDENTITY PROVIDER: {what}. See 'Operating it' in README.md."
    )


@pytest.fixture(scope="session")
def _real(provider_home: Path) -> Iterator[Real]:
    provider = Real(provider_home)
    yield provider
    provider.end()


@pytest.fixture
def real(_real: Real, settings: Settings) -> Real:
    settings.OAUTH_ISSUER_URL = _real.issuer
    return _real


# --- The one that lies ----------------------------------------------------------------------------


class Liar:
    """Serves what a test puts into ``documents``; signs what it is told with the key it is told."""

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.key = KEY
        self.asked: list[tuple[str, str, dict[str, str]]] = []  # path, body, headers
        self.documents: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            },
            "/keys": {"keys": [public_jwk(self.key, "one")]},
        }
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()

    def _handler(liar) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                liar.asked.append((self.path, body, dict(self.headers)))
                answer = liar.documents.get(self.path, (404, {}))
                status, document = answer if isinstance(answer, tuple) else (200, answer)
                sent = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(sent)))
                if status in (301, 302):
                    self.send_header("Location", f"{liar.issuer}/elsewhere")
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: object) -> None: ...

        return Handler

    def describe(self, **changed: Any) -> None:
        self.documents["/.well-known/openid-configuration"] |= changed

    def claims(self, asked: dict[str, str], **changed: Any) -> dict[str, Any]:
        """What an honest token would say; a change to None takes the claim away."""
        now = int(timezone.now().timestamp())
        honest = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "ada",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": "ada@corp.example",
            "email_verified": True,
            "name": "Ada Obi",
            "groups": [],
        }
        return {name: value for name, value in (honest | changed).items() if value is not None}

    def sign(
        self,
        claims: dict[str, Any],
        *,
        key: Any = None,
        algorithm: str = "RS256",
        kid: str | None = "one",
    ) -> None:
        """Answer the next exchange of a code with this ID token."""
        headers = {"kid": kid} if kid else None
        self.give(jwt.encode(claims, key or self.key, algorithm=algorithm, headers=headers))

    def give(self, token: str) -> None:
        self.documents["/token"] = {
            "access_token": "a-token",
            "token_type": "Bearer",
            "id_token": token,
        }

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


KEY = new_key()


def public_jwk(key: Any, kid: str, algorithm: str = "RS256") -> dict[str, Any]:
    implementation = jwt.get_algorithm_by_name(algorithm)
    return {
        **implementation.to_jwk(key.public_key(), as_dict=True),
        "kid": kid,
        "use": "sig",
        "alg": algorithm,
    }


@pytest.fixture
def liar(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Liar]:
    # The test itself is a transaction here; that ours is over, the tests with the real one show.
    monkeypatch.setattr(egress, "_require_no_transaction", lambda: None)
    provider = Liar()
    settings.OAUTH_ISSUER_URL = provider.issuer
    yield provider
    provider.server.shutdown()
    provider.server.server_close()
