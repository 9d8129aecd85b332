"""Server-sent events: who has a place in this process, and what they are told until they leave.

Places are taken by views, which run in threads. All else belongs to the event loop.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from threading import Lock
from typing import Any, TypeVar

from django.db import close_old_connections
from django.http import StreamingHttpResponse

from core.errors import Unavailable

T = TypeVar("T")

COMMENT = b":\n\n"
RETRY_AFTER_SECONDS = 10


class StreamFull(Unavailable):
    code = "stream_full"
    title = "No place left"
    summary = "There are too many open streams. Close one, or try again."


class StreamsUnavailable(Unavailable):
    code = "streams_unavailable"
    title = "No streams here"
    summary = "The process that serves streams is not there, or this address does not lead to it."


def frame(event: str, data: bytes) -> bytes:
    """Spell an event whose data has no line breaks. Source: HTML Standard, 9.2.6."""
    return b"event: %s\ndata: %s\n\n" % (event.encode(), data)


class Stream:
    """One client that listens: frames to be sent, and whether those are the last."""

    __slots__ = ("_ended", "_frames", "_news", "key", "owner", "room")

    def __init__(self, room: str, owner: str, key: Any) -> None:
        self.room, self.owner, self.key = room, owner, key
        self._frames: deque[bytes] = deque([COMMENT])  # the first bytes, which open it for proxies
        self._news = asyncio.Event()
        self._ended = False

    def tell(self, told: bytes) -> None:
        """Send a frame, unless it has ended."""
        if not self._ended:
            self._frames.append(told)
            self._news.set()

    def keep_alive(self) -> None:
        """Send a comment, unless the client has not even taken what it was sent before."""
        if not self._frames:
            self.tell(COMMENT)

    def end(self, last: bytes = b"") -> None:
        """Let it end after what it was told, and after a last frame."""
        if last:
            self.tell(last)
        self._ended = True
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._frames:
                yield self._frames.popleft()
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()


class StreamResponse(StreamingHttpResponse):
    """Answers with a stream, whose place the server gives back when the client is gone."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(
            stream,
            content_type="text/event-stream",
            headers={
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",  # nginx would keep frames back
                "Vary": "Authorization, Cookie, Origin",
            },
        )
        self.stream = stream


class Places:
    """The streams of this process. There are none before ``open``, nor after ``drain``."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken: set[Stream] = set()
        self._limit = 0

    def open(self, limit: int) -> None:
        """Let in at most so many."""
        self._limit = limit

    def drain(self) -> None:
        """Let nobody in any more, and end all."""
        with self._lock:
            self._limit = 0
            ended = list(self._taken)
        for stream in ended:
            stream.end()

    def take(self, room: str, *, owner: str, key: Any, most: int) -> Stream:
        """Take a place for a client of ``owner``, who may have ``most`` of them in this room.

        Raises: StreamFull, StreamsUnavailable.
        """
        with self._lock:
            if not self._limit:
                raise StreamsUnavailable
            if len(self._taken) >= self._limit:
                raise StreamFull(retry_after=RETRY_AFTER_SECONDS)
            own = sum(each.owner == owner and each.room == room for each in self._taken)
            if own >= most:
                raise StreamFull(
                    f"You have {own} of them open. Close one, or try again.",
                    retry_after=RETRY_AFTER_SECONDS,
                )
            stream = Stream(room, owner, key)
            self._taken.add(stream)
            return stream

    def leave(self, stream: Stream) -> None:
        """Give a place back; more than once is harmless."""
        with self._lock:
            self._taken.discard(stream)

    def streams(self, room: str | None = None) -> list[Stream]:
        """Those in one room, or all."""
        with self._lock:
            return [each for each in self._taken if room is None or each.room == room]


here = Places()


async def aside(question: Callable[..., T], *arguments: Any) -> T:
    """Ask the database in a thread, on a connection that is known to be alive."""

    def ask() -> T:
        close_old_connections()
        return question(*arguments)

    return await asyncio.to_thread(ask)


async def keep_alive(is_beat: bool) -> None:
    """Follow the beat of the clock: proxies cut connections on which nothing moves."""
    if is_beat:
        for stream in here.streams():
            stream.keep_alive()
