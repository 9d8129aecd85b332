import asyncio
import io
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from core import signing
from tests.webhooks.conftest import SECRET
from webhooks.management.commands.receive_webhooks import Receiver
from webhooks.models import Delivery
from webhooks.tasks import Sender

ID = "msg_01h455vb4pex5vsknk084sn02q"
BODY = b'{"data":{"outage_id":"OUT-1","payment_id":"pay_1"},"type":"payment.requested"}'


class Out(io.StringIO):
    def write(self, text: str) -> int:  # as Django's OutputWrapper: a line at a time
        return super().write(text + "\n")


@pytest.fixture
def listening():
    server = Receiver(("127.0.0.1", 0), SECRET, Out())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def post(server: Receiver, body: bytes, headers: dict[str, str]) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.server_port}/", data=body, headers=headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def signed(body: bytes = BODY) -> dict[str, str]:
    key = signing.standard_key(SECRET)
    return signing.standard_headers([key], ID, timezone.now(), body) | {
        "X-Webhook-Event": "payment.requested"
    }


def test_what_is_signed_is_accepted_and_printed(listening):
    assert post(listening, BODY, signed()) == 204
    line = listening.out.getvalue().strip()
    assert line.endswith(f"payment.requested {ID} pay_1/OUT-1 verified=yes")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY.replace(b"OUT-1", b"OUT-2"), signed()),
        (BODY, {}),
        (BODY, signed() | {"webhook-timestamp": "1"}),
        (BODY, signed() | {"webhook-signature": "v1"}),
        (BODY, signed() | {"webhook-signature": "v1,***"}),
        (b"\xff\xfe", signed(b"\xff\xfe")),
    ],
)
def test_everything_else_is_refused_and_printed(listening, body, headers):
    assert post(listening, body, headers) == 401
    assert listening.out.getvalue().strip().endswith("verified=no")


def test_the_receiver_needs_a_secret(monkeypatch):
    monkeypatch.delenv("DEMO_WEBHOOK_SECRET", raising=False)
    with pytest.raises(CommandError, match="secret"):
        call_command("receive_webhooks")


@pytest.mark.parametrize("secret", ["whsec_", "whsec_*"])
def test_a_secret_that_is_none_is_refused(secret):
    with pytest.raises(CommandError):
        call_command("receive_webhooks", "--secret", secret, "--port", "0")


def test_a_port_in_use_is_one_clear_sentence(listening):
    with pytest.raises(CommandError, match="Cannot listen on"):
        call_command("receive_webhooks", "--secret", SECRET, "--port", str(listening.server_port))


def test_the_receiver_ends_on_sigterm(settings, monkeypatch):
    monkeypatch.setenv("DEMO_WEBHOOK_SECRET", SECRET)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "receive_webhooks", "--port", "0"],
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline().startswith("Listening on http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.django_db(transaction=True)
def test_what_is_due_is_sent_once(subscribe, say, receiver):
    now = timezone.now()
    subscribe(url=receiver.url, at=now)
    say(at=now)
    out = io.StringIO()
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        call_command("deliver_webhooks", "--once", stdout=out)
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), handlers, strict=True):
            signal.signal(number, handler)
    assert out.getvalue() == "1 attempts recorded.\n"
    assert Delivery.objects.get().status == "success"


@pytest.mark.django_db(transaction=True)
def test_the_service_sends_what_comes_and_ends_when_told(subscribe, say, receiver):
    """As `deliver_webhooks` without --once, in a thread that can be told to end."""
    stop = threading.Event()
    subscribe(url=receiver.url, at=timezone.now())
    thread = threading.Thread(target=lambda: asyncio.run(Sender(forever=True, stop=stop).run()))
    thread.start()
    try:
        for number in range(1, 3):
            say(at=timezone.now())
            began = time.monotonic()
            while len(receiver.arrivals) < number and time.monotonic() - began < 5:
                time.sleep(0.01)
            assert len(receiver.arrivals) == number
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
