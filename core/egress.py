"""The only way out: to an address that a person typed, judged twice, one bounded POST.

The text of a URL is checked when it is saved and before each attempt; the address is judged again
at the socket, where rebinding, odd spellings and happy eyeballs can no longer change it. Servers
that the operator has configured are asked by ``fetch``, in private networks too.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from types import TracebackType
from typing import Any, ClassVar, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from django.db import connection as database
from yarl import URL

from core.addresses import (
    Network,
    Target,
    UrlForbidden,
    Verdict,
    admitted_networks,
    check_url,
    judge,
    loopback_allowed,
)

__all__ = [
    "AddressForbidden",
    "Broken",
    "ConnectFailed",
    "DnsFailed",
    "EgressError",
    "Network",
    "Reply",
    "Session",
    "Target",
    "TimedOut",
    "TlsFailed",
    "UrlForbidden",
    "Verdict",
    "check_url",
    "fetch",
    "judge",
    "post",
    "trusting_system",
]

CONNECT_SECONDS = 5
BODY_SECONDS = 1  # the status line decides; a body is only evidence
MAX_BYTES = 65_536
HEADER_LINE_BYTES = 8192
DNS_CACHE_SECONDS = 30
KEEP_ALIVE_SECONDS = 15
CONNECTIONS_PER_HOST = 50
FETCH_SECONDS = 5
FETCH_MAX_BYTES = 262_144
# What "named by the operator" admits; link-local and metadata stay shut, loopback but for local.
_EVERY_NETWORK = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


class EgressError(Exception):
    """No status line came back. ``outcome`` names the cause in one stable word."""

    outcome: ClassVar[str]


class DnsFailed(EgressError):
    outcome = "dns_failed"


class ConnectFailed(EgressError):
    outcome = "connect_failed"


class TlsFailed(EgressError):
    outcome = "tls_failed"


class TimedOut(EgressError):
    outcome = "timed_out"


class Broken(EgressError):
    """The connection ended, or what came is not HTTP."""

    outcome = "broken"


class AddressForbidden(EgressError):
    outcome = "address_forbidden"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back; ``body`` is cut at ``max_bytes`` or after one second."""

    status: int
    retry_after: str | None
    body: bytes
    remote_ip: str | None
    latency_ms: int


# Happy eyeballs melts several errors into one text; this mark survives it.
_REFUSED = "refused by egress"


class _Response(aiohttp.ClientResponse):
    """Notes the peer: a short answer has given its connection back before we can ask."""

    peer: str | None = None

    async def start(self, connection: Any) -> "aiohttp.ClientResponse":
        if connection.transport is not None:
            name = connection.transport.get_extra_info("peername")
            self.peer = name[0] if name else None
        return await super().start(connection)


class Session:
    """Connections that are kept while many POSTs are sent. Use it as ``async with``.

    ``configured``: its URLs come from the operator's settings, so private networks count as named.
    """

    def __init__(
        self,
        *,
        resolver: AbstractResolver | None = None,
        trust: ssl.SSLContext | None = None,
        configured: bool = False,
    ) -> None:
        self._resolver = resolver
        self._trust = trust
        self._configured = configured
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # Read once: an engine's session lives as long as its settings.
        admitted = _EVERY_NETWORK if self._configured else admitted_networks()
        loopback = loopback_allowed()
        connector = aiohttp.TCPConnector(
            resolver=self._resolver or aiohttp.AsyncResolver(timeout=CONNECT_SECONDS / 2, tries=2),
            socket_factory=_judging(admitted, loopback=loopback),
            ssl=self._trust or _system_trust(),
            ttl_dns_cache=DNS_CACHE_SECONDS,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            limit=0,
            limit_per_host=CONNECTIONS_PER_HOST,
        )
        self._client = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=_Response,
            auto_decompress=False,
            trust_env=False,
            max_line_size=HEADER_LINE_BYTES,
            max_field_size=HEADER_LINE_BYTES,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.close()

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        timeout_s: float,
        max_bytes: int = MAX_BYTES,
    ) -> Reply:
        """POST once; no redirect is followed. ``timeout_s`` is the deadline of the whole attempt.

        Raises: DnsFailed, ConnectFailed, TlsFailed, TimedOut, Broken, AddressForbidden.
        """
        try:
            target = check_url(url)
        except UrlForbidden as error:
            raise AddressForbidden(error.detail) from error
        began = perf_counter()
        response = await self._begin("POST", target.url, body, headers, timeout_s)
        latency = perf_counter() - began
        try:
            read = await _read(response, max_bytes, min(BODY_SECONDS, timeout_s - latency))
        finally:
            # Gives a finished connection back, and cuts one that still has something to say.
            response.release()
        return _reply(response, read, latency)

    async def fetch(
        self,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout_s: float,
        max_bytes: int,
    ) -> Reply:
        """GET, or POST with a body; the answer comes whole within the deadline or not at all.

        Raises: as ``post``; Broken for more than ``max_bytes`` or a body that ends early.
        """
        began = perf_counter()
        method = "GET" if body is None else "POST"
        # A compressed answer could be small on its way and large in our hands.
        sent = {**headers, "Accept-Encoding": "identity"}
        response = await self._begin(method, url, body, sent, timeout_s)
        latency = perf_counter() - began
        read = bytearray()
        try:
            async with asyncio.timeout(max(timeout_s - latency, 0)):
                async for piece in response.content.iter_any():
                    read += piece
                    if len(read) > max_bytes:
                        raise Broken(f"The answer has more than {max_bytes} bytes.")
        except TimeoutError as error:
            raise _timed_out(error, timeout_s) from error
        except (aiohttp.ClientError, OSError) as error:
            raise _translated(error) from error
        finally:
            response.release()
        return _reply(response, bytes(read), latency)

    async def _begin(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout_s: float,
    ) -> aiohttp.ClientResponse:
        """Send one request and wait for its status line."""
        if self._client is None:
            raise RuntimeError("A session sends inside its `async with` only.")
        try:
            async with asyncio.timeout(timeout_s):
                return await self._client.request(
                    method, URL(url), data=body, headers=headers, allow_redirects=False
                )
        except TimeoutError as error:
            raise _timed_out(error, timeout_s) from error
        except (aiohttp.ClientError, OSError) as error:
            raise _translated(error) from error


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    timeout_s: float,
    max_bytes: int = MAX_BYTES,
) -> Reply:
    """POST once from synchronous code, outside of any database transaction.

    Raises: as ``Session.post``; RuntimeError inside a transaction, whose locks a stranger would
    otherwise hold for as long as they like.
    """
    _require_no_transaction()

    async def once() -> Reply:
        async with Session() as session:
            return await session.post(url, body, headers, timeout_s, max_bytes)

    return asyncio.run(once())


def fetch(
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = FETCH_SECONDS,
    max_bytes: int = FETCH_MAX_BYTES,
) -> Reply:
    """Ask a server of the operator's own choice, once, from synchronous code: never a typed URL.

    GET, or POST with a body; no redirect is followed. Private networks are reachable, link-local
    and metadata addresses are not, loopback is in local only.
    Raises: as ``Session.fetch``; RuntimeError inside a transaction.
    """
    _require_no_transaction()

    async def once() -> Reply:
        async with Session(configured=True) as session:
            return await session.fetch(url, body, headers or {}, timeout_s, max_bytes)

    return asyncio.run(once())


def _require_no_transaction() -> None:
    if database.in_atomic_block:
        raise RuntimeError("Nothing leaves the house inside a database transaction.")


def trusting_system() -> ssl.SSLContext:
    """TLS 1.2 or newer, verified against the authorities of the system."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


_system_trust = lru_cache(maxsize=1)(trusting_system)  # reading all authorities takes a while


def _judging(
    admitted: Sequence[Network], *, loopback: bool
) -> Callable[[tuple[Any, ...]], socket.socket]:
    """The socket factory that refuses the address about to be connected."""

    def make(info: tuple[Any, ...]) -> socket.socket:
        family, kind, proto, _, sockaddr = info
        address = ipaddress.ip_address(str(sockaddr[0]).partition("%")[0])
        verdict = judge(address, admitted, loopback=loopback)
        if not verdict.allowed:
            # An OSError, because the connector tries the next address only after one.
            raise OSError(f"{address} {_REFUSED}: {verdict.reason}")
        return socket.socket(family=family, type=kind, proto=proto)

    return make


def _reply(response: aiohttp.ClientResponse, body: bytes, latency: float) -> Reply:
    return Reply(
        status=response.status,
        retry_after=response.headers.get("Retry-After"),
        body=body,
        remote_ip=response.peer if isinstance(response, _Response) else None,
        latency_ms=round(latency * 1000),
    )


async def _read(response: aiohttp.ClientResponse, most: int, seconds: float) -> bytes:
    """Read what comes in time; a body that breaks, stalls or never ends is only cut short."""
    read = bytearray()
    try:
        async with asyncio.timeout(max(seconds, 0)):
            while len(read) < most and (chunk := await response.content.read(most - len(read))):
                read += chunk
    except (TimeoutError, aiohttp.ClientError, OSError):
        response.close()
    if len(read) >= most:
        response.close()
    return bytes(read)


def _timed_out(error: TimeoutError, timeout_s: float) -> EgressError:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ConnectFailed(f"No connection within {CONNECT_SECONDS} s.")
    return TimedOut(f"No answer within {timeout_s:g} s.")


def _translated(error: Exception) -> EgressError:
    if _REFUSED in str(getattr(error, "os_error", error)):
        return AddressForbidden("The host's address is not reachable from here.")
    match error:
        case aiohttp.ClientConnectorDNSError():
            return DnsFailed("The host name has no address.")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            return TlsFailed(_first_line(error))
        case aiohttp.ClientConnectorError():
            return ConnectFailed(error.strerror or "No connection could be made.")
        case aiohttp.ClientResponseError():
            return Broken(_first_line(error.message) or "The answer is not HTTP.")
        case _:
            return Broken(_first_line(error) or "The connection ended without an answer.")


def _first_line(error: object) -> str:
    return str(error).partition("\n")[0][:500]
