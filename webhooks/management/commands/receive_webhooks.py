"""A receiver to look at: verifies what arrives as any receiver would, and prints a line of it."""

import json
import os
import signal
import threading
from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError, WebhookVerificationError

SECRET = "DEMO_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
LARGEST_BODY = 1024 * 1024


class Receiver(ThreadingHTTPServer):
    """Answers 204 to what is signed with the secret and 401 to everything else."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], secret: str, out: OutputWrapper) -> None:
        super().__init__(address, Handler)
        self.webhook = Webhook(secret)
        self.out = out
        self.lock = threading.Lock()

    def arrived(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Verify one request and print its line; names of headers are in lower case."""
        try:
            self.webhook.verify(body, dict(headers), json_parse=False)
            verified = True
        except (WebhookVerificationError, ValueError):
            verified = False
        line = " ".join(
            (
                datetime.now(UTC).strftime("%H:%M:%S"),
                headers.get("x-webhook-event", "-"),
                headers.get("webhook-id", "-"),
                _about(body),
                f"verified={'yes' if verified else 'no'}",
            )
        )
        with self.lock:
            self.out.write(line)
            self.out.flush()
        return verified


class Handler(BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self._answer(413 if length.isdecimal() else 411)
            self.close_connection = True
            return
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._answer(204 if self.server.arrived(headers, body) else 401)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """One line per arrival is enough."""


class Command(BaseCommand):
    help = "Receive webhooks on this machine, verify each signature and print one line per arrival."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=9009)
        parser.add_argument("--secret", help=f"whsec_...; by default ${SECRET}")

    def handle(self, *_: Any, host: str, port: int, secret: str | None, **__: Any) -> None:
        secret = secret or os.environ.get(SECRET)
        if not secret:
            raise CommandError(f"Give the secret of the webhook: --secret whsec_... or ${SECRET}.")
        try:
            server = Receiver((host, port), secret, self.stdout)
        except (ValueError, EmptyWebhookSecretError):
            raise CommandError("The secret is not whsec_ and base64.") from None
        except OSError as error:
            raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror}.") from None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(
                number, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start()
            )
        self.stdout.write(f"Listening on http://{host}:{server.server_port}/")
        self.stdout.flush()
        with server:
            server.serve_forever()


def _about(body: bytes) -> str:
    """What the message speaks of: its payment and outage, as far as it names them."""
    try:
        data = json.loads(body)["data"]
        named = [data[key] for key in ("payment_id", "outage_id") if data.get(key)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "-"
    return "/".join(str(each)[:64] for each in named) or "-"
