import asyncio
import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest
from aiohttp.abc import AbstractResolver
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.db import transaction

from core import egress

PUBLIC = ["1.1.1.1", "8.8.8.8", "192.31.196.1", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"]
REFUSED = [
    # every special-purpose range of IANA, IPv4
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1",
    "169.254.0.1", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.9", "192.0.0.170",
    "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    # metadata of four vendors
    "169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192",
    "fd00:ec2::254",
    # IPv6
    "::", "::1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "::ffff:0:7f00:1", "::ffff:0:808:808",
    "100::1", "100:0:0:1::1", "2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1",
    "2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1",
    "fec0::1", "ff02::1", "ff0e::1", "4000::1",
]  # fmt: skip

FORBIDDEN_URLS = [
    ("http://h.example/", "scheme"), ("ftp://h.example/", "scheme"),
    ("file:///etc/passwd", "scheme"),
    ("javascript:alert(1)", "scheme"), ("//h.example/", "scheme"), ("h.example", "scheme"),
    ("", "scheme"), ("gopher://h.example:443/", "scheme"),
    ("https://u@h.example/", "userinfo"), ("https://u:p@h.example/", "userinfo"),
    ("https://@h.example/", "userinfo"), ("https://h.example@127.0.0.1/", "userinfo"),
    ("https://127.0.0.1#@h.example/", "form"), ("https://h.example\\@127.0.0.1/", "form"),
    ("https://h.example/#f", "form"), ("https://h.example/#", "form"),
    ("https://h.example/\n", "form"), ("https://h.example/a b", "form"),
    ("https://h.exam\u200bple/", "form"), ("https://h.example/\x00", "form"),
    ("https://h.example/" + "a" * 2048, "form"), ("https://[::1", "form"),
    ("https://[1.2.3.4]/", "form"), ("https://h.example:99999/", "form"),
    ("https://h.example:22/", "port"), ("https://h.example:80/", "port"),
    ("https://h.example:0/", "port"),
    ("https:///x", "host"), ("https://localhost/", "host"), ("https://LOCALHOST/", "host"),
    ("https://a.localhost/", "host"), ("https://intranet/", "host"), ("https://db.local/", "host"),
    ("https://metadata.google.internal/", "host"), ("https://a.localdomain/", "host"),
    ("https://router.home.arpa/", "host"), ("https://a..example/", "host"),
    ("https://-a.example/", "host"), ("https://h.example./", "host"), ("https://.example/", "host"),
    ("https://a%2e.example/", "host"), ("https://2130706433/", "host"), ("https://0x7f.1/", "host"),
    ("https://127.1/", "host"), ("https://0177.0.0.1/", "host"), ("https://127.0.0.1./", "host"),
    ("https://0x7f000001/", "host"), ("https://8.8.8.0x8/", "host"), ("https://1.2.3.4.5/", "host"),
    ("https://127.0.0.1/", "address"), ("https://\u2460\u2461\u2466.0.0.1/", "address"),
    ("https://127\u30020\u30020\u30021/", "address"), ("https://[::ffff:7f00:1]/", "address"),
    ("https://[::1]/", "address"), ("https://169.254.169.254/latest/meta-data", "address"),
    ("https://10.0.0.1:8443/", "address"), ("https://[64:ff9b::a00:1]/", "address"),
    ("https://[fe80::1]/", "address"), ("https://0.0.0.0/", "address"),
    ("https://168.63.129.16/", "address"), ("https://[fd00:ec2::254]/", "address"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def production(settings):
    settings.ENVIRONMENT = "production"
    settings.EGRESS_ALLOW_HTTP = False
    settings.EGRESS_PORTS = (443, 8443)
    settings.EGRESS_ALLOWED_NETWORKS = ()


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_connected_to(address):
    assert egress.judge(ipaddress.ip_address(address)) == egress.Verdict(True, "ok")


@pytest.mark.parametrize("address", REFUSED)
def test_a_special_address_is_refused(address):
    verdict = egress.judge(ipaddress.ip_address(address))
    assert not verdict.allowed
    assert verdict.reason != "ok"


def networks(*texts: str) -> list[egress.Network]:
    return [ipaddress.ip_network(text) for text in texts]


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd12::1"])
def test_a_private_address_is_admitted_by_its_network(address):
    admitted = networks("10.1.0.0/16", "fd12::/16")
    assert egress.judge(ipaddress.ip_address(address), admitted).allowed


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "168.63.129.16", "100.100.100.200",
     "fd00:ec2::254", "192.0.0.192", "224.0.0.1", "0.0.0.0", "::"],
)  # fmt: skip
def test_no_network_admits_loopback_link_local_multicast_or_metadata(address):
    everything = networks("0.0.0.0/0", "::/0")
    assert not egress.judge(ipaddress.ip_address(address), everything).allowed


def test_loopback_is_admitted_only_where_it_was_named_and_may_be():
    loopback = ipaddress.ip_address("127.0.0.1")
    assert egress.judge(loopback, networks("127.0.0.0/8"), loopback=True).allowed
    assert not egress.judge(loopback, networks("10.0.0.0/8"), loopback=True).allowed
    assert not egress.judge(
        ipaddress.ip_address("169.254.169.254"), networks("0.0.0.0/0"), loopback=True
    ).allowed


@pytest.mark.parametrize(("url", "reason"), FORBIDDEN_URLS)
def test_a_url_that_may_not_be_requested_is_refused_by_its_text(url, reason):
    with pytest.raises(egress.UrlForbidden) as refused:
        egress.check_url(url)
    assert refused.value.reason == reason
    assert refused.value.detail


@pytest.mark.parametrize(
    ("url", "sent", "key"),
    [
        ("https://h.example/hook?x=1", "https://h.example/hook?x=1", "https://h.example:443"),
        ("HTTPS://H.Example:8443/A", "https://h.example:8443/A", "https://h.example:8443"),
        ("https://m\xfcnchen.example/", "https://xn--mnchen-3ya.example/",
         "https://xn--mnchen-3ya.example:443"),
        ("https://8.8.8.8/", "https://8.8.8.8/", "https://8.8.8.8:443"),
        ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/",
         "https://[2606:4700:4700::1111]:443"),
        ("https://a_b.example/", "https://a_b.example/", "https://a_b.example:443"),
        ("https://1.example/", "https://1.example/", "https://1.example:443"),
    ],
)  # fmt: skip
def test_a_url_that_may_be_requested_is_written_in_one_way(url, sent, key):
    target = egress.check_url(url)
    assert (target.url, target.key) == (sent, key)


def test_http_and_other_ports_are_taken_where_the_settings_say_so(settings):
    settings.EGRESS_ALLOW_HTTP = True
    settings.EGRESS_PORTS = (80, 9009)
    assert egress.check_url("http://h.example:9009/").key == "http://h.example:9009"
    assert egress.check_url("http://h.example/").key == "http://h.example:80"


@pytest.mark.parametrize(("environment", "taken"), [("local", True), ("production", False)])
def test_a_loopback_url_needs_a_named_network_and_the_local_environment(
    settings, environment, taken
):
    settings.ENVIRONMENT = environment
    settings.EGRESS_ALLOWED_NETWORKS = ("127.0.0.0/8",)
    if taken:
        egress.check_url("https://127.0.0.1/")
    else:
        with pytest.raises(egress.UrlForbidden):
            egress.check_url("https://127.0.0.1/")


# The live client, against servers on this machine.

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Names(AbstractResolver):
    """Answers each name with the next list of addresses; the last one stays."""

    def __init__(self, *answers: list[str] | OSError) -> None:
        self.answers = list(answers)

    async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return [
            {"hostname": host, "host": each, "port": port, "proto": 0, "flags": 0,
             "family": socket.AF_INET6 if ":" in each else socket.AF_INET}
            for each in answer
        ]  # fmt: skip

    async def close(self) -> None: ...


class Server:
    """A receiver that answers by a script, counts connections and keeps what came."""

    def __init__(self, answer: Answer | bytes, tls: ssl.SSLContext | None = None) -> None:
        self.answer, self.tls = answer, tls
        self.connections = 0
        self.requests: list[bytes] = []

    async def __aenter__(self) -> "Server":
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split()[0])
                self.requests.append(head + await reader.readexactly(length))
                if callable(self.answer):
                    await self.answer(reader, writer)
                    break
                writer.write(self.answer)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()


@pytest.fixture
def open_loopback(settings) -> Callable[[int], None]:
    def admit(port: int) -> None:
        settings.ENVIRONMENT = "test"
        settings.EGRESS_ALLOW_HTTP = True
        settings.EGRESS_ALLOWED_NETWORKS = ("127.0.0.0/8",)
        settings.EGRESS_PORTS = (port,)

    return admit


def ask(
    admit: Callable[[int], None],
    answer: Answer | bytes,
    *,
    timeout_s: float = 2,
    max_bytes: int = egress.MAX_BYTES,
) -> egress.Reply:
    async def run() -> egress.Reply:
        async with Server(answer) as server:
            admit(server.port)
            async with egress.Session() as session:
                url = f"http://127.0.0.1:{server.port}/hook"
                return await session.post(url, b"{}", {"X-A": "1"}, timeout_s, max_bytes)

    return asyncio.run(run())


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_a_post_brings_back_status_body_peer_and_time(open_loopback):
    reply = ask(open_loopback, OK)
    assert (reply.status, reply.body, reply.remote_ip) == (200, b"ok", "127.0.0.1")
    assert 0 <= reply.latency_ms < 2000


def test_the_peer_is_known_of_an_answer_without_a_body(open_loopback):
    assert ask(open_loopback, b"HTTP/1.1 204 No Content\r\n\r\n").remote_ip == "127.0.0.1"


def test_retry_after_is_passed_on_as_it_came(open_loopback):
    reply = ask(open_loopback, b"HTTP/1.1 503 Busy\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n")
    assert (reply.status, reply.retry_after) == (503, "60")


def test_a_redirect_is_an_answer_and_is_not_followed(open_loopback):
    reply = ask(
        open_loopback,
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
    )
    assert reply.status == 302


def test_a_connection_is_used_again_and_no_cookie_comes_back(open_loopback):
    async def run() -> Server:
        answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
        async with Server(answer) as server:
            open_loopback(server.port)
            async with egress.Session() as session:
                for _ in range(3):
                    await session.post(f"http://127.0.0.1:{server.port}/", b"{}", {}, 2)
            return server

    server = asyncio.run(run())
    assert server.connections == 1
    assert len(server.requests) == 3
    assert not any(b"cookie" in request.lower() for request in server.requests)


def test_the_environment_names_no_proxy(open_loopback, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    assert ask(open_loopback, OK).status == 200


def test_compressed_bytes_are_left_as_they_came(open_loopback):
    reply = ask(
        open_loopback,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    )
    assert reply.body == b"\x1f\x8b\x08\x00"


async def slow_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n\r\n":
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.3)


async def slow_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(20):
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.2)


async def endless_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"." * 65536)
        await writer.drain()


async def cut_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst")
    await writer.drain()


async def endless_interim(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


def test_a_slow_body_does_not_take_back_the_status(open_loopback):
    reply = ask(open_loopback, slow_body, timeout_s=5)
    assert reply.status == 200
    assert 0 < len(reply.body) < 10


def test_an_endless_body_is_cut_at_the_limit(open_loopback):
    reply = ask(open_loopback, endless_body, max_bytes=1000)
    assert (reply.status, len(reply.body)) == (200, 1000)


def test_a_body_that_breaks_off_does_not_take_back_the_status(open_loopback):
    assert ask(open_loopback, cut_body).body == b"first"


@pytest.mark.parametrize("answer", [slow_head, endless_interim])
def test_the_deadline_ends_an_answer_without_a_status(open_loopback, answer):
    with pytest.raises(egress.TimedOut, match=r"No answer within 0\.5 s"):
        ask(open_loopback, answer, timeout_s=0.5)


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>not http</html>\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_is_not_http_is_broken(open_loopback, answer):
    async def once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    with pytest.raises(egress.Broken):
        ask(open_loopback, once)


def test_a_connection_that_ends_without_an_answer_is_broken(open_loopback):
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    with pytest.raises(egress.Broken):
        ask(open_loopback, hang_up)


def test_nobody_listening_is_a_failed_connection(open_loopback):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    open_loopback(port)
    with pytest.raises(egress.ConnectFailed):
        send(f"http://127.0.0.1:{port}/")


def send(url: str, *, names: AbstractResolver | None = None, trust: ssl.SSLContext | None = None):
    async def run() -> egress.Reply:
        async with egress.Session(resolver=names, trust=trust) as session:
            return await session.post(url, b"{}", {}, 3)

    return asyncio.run(run())


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"],
     ["64:ff9b::a9fe:a9fe"], ["10.0.0.1", "fd00:ec2::254"]],
)  # fmt: skip
def test_a_public_name_with_a_special_address_is_refused_at_the_socket(addresses):
    with pytest.raises(egress.AddressForbidden):
        send("https://rebound.example/", names=Names(addresses))


def test_a_literal_address_is_refused_before_any_lookup():
    names = Names(["8.8.8.8"], ["8.8.8.8"])
    with pytest.raises(egress.AddressForbidden):
        send("https://169.254.169.254/", names=names)
    assert len(names.answers) == 2


def test_of_mixed_answers_only_the_admitted_address_is_connected(open_loopback):
    async def run() -> tuple[int, int]:
        async with Server(OK) as server:
            open_loopback(server.port)
            names = Names(["10.0.0.1", "169.254.169.254", "127.0.0.1"])
            async with egress.Session(resolver=names) as session:
                url = f"http://mixed.example:{server.port}/"
                return (await session.post(url, b"{}", {}, 3)).status, server.connections

    assert asyncio.run(run()) == (200, 1)


def test_a_name_that_changes_between_two_lookups_is_refused_the_second_time(open_loopback):
    async def run() -> None:
        hang_up = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        async with Server(hang_up) as server:
            open_loopback(server.port)
            names = Names(["127.0.0.1"], ["10.0.0.1"])
            url = f"http://flux.example:{server.port}/"
            for refused in (False, True):
                async with egress.Session(resolver=names) as session:
                    with pytest.raises(egress.AddressForbidden) if refused else _nothing():
                        await session.post(url, b"{}", {}, 3)

    asyncio.run(run())


@contextlib.contextmanager
def _nothing() -> Iterator[None]:
    yield


def test_a_name_without_an_address_is_a_failed_lookup():
    with pytest.raises(egress.DnsFailed):
        send("https://gone.example/", names=Names(OSError(None, "Domain name not found")))


@pytest.fixture
def certificate(tmp_path) -> Callable[..., ssl.SSLContext]:
    """A server context whose certificate is for this name and signs itself."""

    def make(name: str = "hooks.example", days: int = 1) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=10))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        chain = tmp_path / "chain.pem"
        chain.write_bytes(
            made.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    return make


def over_tls(admit, served: ssl.SSLContext, tmp_path, *, trusted: bool = True) -> egress.Reply:
    async def run() -> egress.Reply:
        async with Server(OK, served) as server:
            admit(server.port)
            trust = egress.trusting_system()
            if trusted:
                trust.load_verify_locations(tmp_path / "chain.pem")
            async with egress.Session(resolver=Names(["127.0.0.1"]), trust=trust) as session:
                url = f"https://hooks.example:{server.port}/"
                return await session.post(url, b"{}", {}, 3)

    return asyncio.run(run())


def test_a_certificate_of_a_known_authority_for_this_name_is_taken(
    open_loopback, certificate, tmp_path
):
    assert over_tls(open_loopback, certificate(), tmp_path).status == 200


def test_a_certificate_that_signs_itself_is_refused(open_loopback, certificate, tmp_path):
    with pytest.raises(egress.TlsFailed):
        over_tls(open_loopback, certificate(), tmp_path, trusted=False)


def test_a_certificate_for_another_name_is_refused(open_loopback, certificate, tmp_path):
    with pytest.raises(egress.TlsFailed):
        over_tls(open_loopback, certificate("other.example"), tmp_path)


def test_an_expired_certificate_is_refused(open_loopback, certificate, tmp_path):
    with pytest.raises(egress.TlsFailed):
        over_tls(open_loopback, certificate(days=-1), tmp_path)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_an_older_tls_is_refused(open_loopback, certificate, tmp_path):
    served = certificate()
    served.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    served.maximum_version = ssl.TLSVersion.TLSv1_1
    served.set_ciphers("ALL:@SECLEVEL=0")
    # Such a server may hang up on the greeting instead of saying why.
    with pytest.raises((egress.TlsFailed, egress.ConnectFailed)):
        over_tls(open_loopback, served, tmp_path)


# The synchronous door.


@pytest.fixture
def listening(open_loopback) -> Iterator[int]:
    """A receiver in a thread, for callers that have no event loop."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    open_loopback(port)

    def serve() -> None:
        with contextlib.suppress(OSError):
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(OK)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield port
    listener.close()
    thread.join(2)


def test_a_synchronous_caller_gets_the_same_reply(listening):
    reply = egress.post(f"http://127.0.0.1:{listening}/", b"{}", {}, 3)
    assert (reply.status, reply.body) == (200, b"ok")


@pytest.mark.django_db(transaction=True)
def test_nothing_leaves_inside_a_database_transaction():
    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        egress.post("https://h.example/", b"{}", {}, 3)
