"""The stream process: `uvicorn config.asgi:application`.

Views run as in the web process, synchronously and in a thread; only what a view answers with a
stream is told on the event loop, where an idle client costs some kilobytes and no thread.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import django

from config import process

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
process.declare(process.STREAM)
django.setup()

from django.conf import settings  # noqa: E402 - it needs the settings, as all that follows
from django.core import signals  # noqa: E402
from django.core.handlers.asgi import ASGIRequest  # noqa: E402
from django.core.handlers.base import BaseHandler  # noqa: E402

from config import handover, health, streams  # noqa: E402
from core.streams import Stream, StreamResponse, here  # noqa: E402

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Request(ASGIRequest):
    """A request without a body: what is served here takes none."""

    def __init__(self, scope: Message) -> None:
        nothing = BytesIO()
        super().__init__(
            {**scope, "query_string": scope["query_string"].decode("latin-1")}, nothing
        )
        self.META["wsgi.input"] = nothing  # for the payload guard
        self.urlconf = streams.__name__


@dataclass
class Told:
    """An answer on its way out: all of it, or its head and the stream that follows."""

    head: Message
    content: bytes = b""
    stream: Stream | None = None


class Application(BaseHandler):
    """Django behind ASGI, for streams."""

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware()  # synchronous, like all of ours

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"There is no {scope['type']} here")
        told = await asyncio.to_thread(self._answer, scope)
        if told.stream is None:
            await send(told.head)
            await send({"type": "http.response.body", "body": told.content})
        else:
            await _tell(told.head, told.stream, receive, send)

    def _answer(self, scope: Message) -> Told:
        signals.request_started.send(sender=type(self), scope=scope)
        response = self.get_response(Request(scope))
        headers = [
            (name.lower().encode("ascii"), str(value).encode("latin-1"))
            for name, value in response.items()
        ]
        headers += [
            (b"set-cookie", cookie.OutputString().encode("ascii"))
            for cookie in response.cookies.values()
        ]
        # The next request of this client may be for the web process, which gave us the connection.
        headers.append((b"connection", b"close"))
        told = Told(
            {"type": "http.response.start", "status": response.status_code, "headers": headers}
        )
        if isinstance(response, StreamResponse):
            told.stream = response.stream
        else:
            told.content = b"".join(response)
        response.close()
        return told


async def _tell(head: Message, stream: Stream, receive: Receive, send: Send) -> None:
    gone = asyncio.ensure_future(_hang_up(receive))
    gone.add_done_callback(lambda _: stream.end())
    try:
        await send(head)
        async for frame in stream:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body"})
    finally:
        here.leave(stream)
        gone.cancel()


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


# --- From start to end of the process ------------------------------------------------------------
async def _live(receive: Receive, send: Send) -> None:
    await receive()
    try:
        with _serving():
            await send({"type": "lifespan.startup.complete"})
            await receive()
    except OSError as error:
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    await send({"type": "lifespan.shutdown.complete"})


@contextlib.contextmanager
def _serving() -> Iterator[None]:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(settings.DB_POOL_SIZE, "stream"))
    with handover.reception(settings.STREAM_SOCKET, application):
        here.open(settings.STREAM_LIMIT)
        # The server waits for open streams to end before it tells us that it ends.
        health.drain_on_sigterm(lambda: loop.call_soon_threadsafe(here.drain))
        listening = asyncio.ensure_future(streams.listener().run())
        listening.add_done_callback(_end_of_listener)
        try:
            yield
        finally:
            here.drain()
            listening.cancel()


def _end_of_listener(listening: "asyncio.Future[None]") -> None:
    if not listening.cancelled():
        # Its clients would wait for ever. Whoever started us does it again.
        log.critical("listener_ended", exc_info=listening.exception())
        signal.raise_signal(signal.SIGTERM)


application = Application()
