"""Subscribers, messages owed to them, and receivers that answer as a test wants."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache

from core.actors import Actor
from core.ids import uuid7
from webhooks import services, tasks
from webhooks.models import Delivery, Subscription

AT = datetime(2026, 1, 1, 0, 25, tzinfo=UTC)
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OTHER_SECRET = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="


@pytest.fixture
def admin() -> Actor:
    return Actor(id="usr_01h455vb4pex5vsknk084sn02q", kind="person", global_role="admin")


@pytest.fixture
def engineer() -> Actor:
    return Actor(id="usr_01h455vb4pex5vsknk084sn02r", kind="person", global_role="engineer")


@pytest.fixture
def operator() -> Actor:
    return Actor(id="usr_01h455vb4pex5vsknk084sn02s", kind="person", global_role="operator")


@pytest.fixture
def subscribe(admin) -> Callable[..., Subscription]:
    def make(**terms: Any) -> Subscription:
        at = terms.pop("at", AT)
        asked = {"url": "https://hooks.example/noc", "patterns": ["*"], "secret": SECRET} | terms
        return services.create_subscription(
            services.Terms(**asked), actor=admin, at=at
        ).subscription

    return make


@pytest.fixture
def say() -> Callable[..., UUID]:
    """Queue one message; returns its id."""

    def queue(
        event_type: str = "sla.violation",
        data: dict[str, Any] | None = None,
        context: dict[str, str] | None = None,
        at: datetime = AT,
        message_id: UUID | None = None,
    ) -> UUID:
        message_id = message_id or uuid7()
        services.queue_messages(
            [
                services.Saying(
                    message_id,
                    event_type=event_type,
                    occurred_at=at,
                    data={"outage_id": "out-1"} if data is None else data,
                    context={"outage_id": "out-1"} if context is None else context,
                )
            ],
            at=at,
        )
        return message_id

    return queue


@pytest.fixture
def owe(subscribe, say) -> Callable[..., Delivery]:
    """One delivery owed to one new subscription."""

    def make(**terms: Any) -> Delivery:
        subscription = subscribe(**terms)
        message_id = say()
        return Delivery.objects.get(subscription=subscription, message_id=message_id)

    return make


@dataclass
class Arrival:
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Keeps what arrives; ``answers`` are given in turn, the last one again and again."""

    url: str = ""
    port: int = 0
    arrivals: list[Arrival] = field(default_factory=list)
    answers: list[Any] = field(default_factory=lambda: [204])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, arrival: Arrival) -> Any:
        with self.lock:
            self.arrivals.append(arrival)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            said = found.answer(Arrival(dict(self.headers.items()), body))
            if callable(said):
                said = said()
            status, headers, text = said if isinstance(said, tuple) else (said, {}, b"")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(text)

        def log_message(self, *args: Any) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    found.port = server.server_port
    found.url = f"http://127.0.0.1:{found.port}/hook"
    settings.EGRESS_ALLOW_HTTP = True
    settings.EGRESS_PORTS = (found.port, 443)
    settings.EGRESS_ALLOWED_NETWORKS = ("127.0.0.0/8",)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def nobody_listening(settings) -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    settings.EGRESS_ALLOW_HTTP = True
    settings.EGRESS_PORTS = (port,)
    settings.EGRESS_ALLOWED_NETWORKS = ("127.0.0.0/8",)
    return f"http://127.0.0.1:{port}/hook"


@pytest.fixture(autouse=True)
def no_baton(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    cache.delete_many(["webhooks.sender", "webhooks.bell"])
    monkeypatch.setattr(tasks, "_asked_at", 0.0)
    yield
    cache.delete_many(["webhooks.sender", "webhooks.bell"])
