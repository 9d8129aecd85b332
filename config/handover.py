"""One port for web and streams without a proxy: the web process gives connections away.

A client of a stream that came to the web process's port is handed to the stream process over a UNIX
socket, connection and all (SCM_RIGHTS): the web process keeps nothing of it, and neither of the two
stands or falls with the other. docs/adr/0019.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 2  # of the giver, when the taker has many to take
LONGEST_HEAD = 128 * 1024
# A client that vanished without a word is noticed within this time by the comments it is sent.
UNANSWERED_MS = 45_000


class Giver:
    """The web process's end."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        patience = struct.pack("ll", PATIENCE_SECONDS, 0)
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)

    def give(self, connection: socket.socket, head: bytes) -> bool:
        """Give a connection away, with what was read from it; False: nobody took it."""
        rights = struct.pack("i", connection.fileno())
        try:
            self._line.sendmsg(
                [head], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)], 0, self._path
            )
        except OSError:
            return False
        connection.close()
        return True


@contextlib.contextmanager
def reception(path: str | None, application: Any) -> Iterator[None]:
    """Serve the connections that are given to this process while the block lasts."""
    if path is None:
        yield
        return
    place = Path(path)
    place.unlink(missing_ok=True)  # of a process that was killed
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(path)
        place.chmod(0o600)
        line.setblocking(False)
        reader = Taker(line, application)
        loop = asyncio.get_running_loop()
        loop.add_reader(line, reader.take)
        try:
            yield
        finally:
            loop.remove_reader(line)
            place.unlink(missing_ok=True)


class Taker:
    """The stream process's end. Speaks HTTP on what it is given by uvicorn's own protocol."""

    def __init__(self, line: socket.socket, application: Any) -> None:
        # The web process, which imports this module, needs no uvicorn.
        import uvicorn  # noqa: PLC0415
        from uvicorn.server import ServerState  # noqa: PLC0415

        self._line = line
        self._state = ServerState()
        self._config = uvicorn.Config(
            application,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        self._config.load()
        self._tasks: set[asyncio.Task[None]] = set()

        class Protocol(self._config.http_protocol_class):  # type: ignore[name-defined,misc]
            def __init__(self, head: bytes, **given: Any) -> None:
                super().__init__(**given)
                self._head = head

            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                self.data_received(self._head)

        self._protocol = Protocol

    def take(self) -> None:
        """Take what has come."""
        while True:
            try:
                head, rights, flags, _ = socket.recv_fds(self._line, LONGEST_HEAD, 1)
            except BlockingIOError:
                return
            given = [socket.socket(fileno=right) for right in rights]
            if len(given) != 1 or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                for connection in given:
                    connection.close()
                continue
            task = asyncio.ensure_future(self._speak(given[0], head))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _speak(self, connection: socket.socket, head: bytes) -> None:
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        loop = asyncio.get_running_loop()
        try:
            connection.setblocking(False)
            if hasattr(socket, "TCP_USER_TIMEOUT") and connection.family != socket.AF_UNIX:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED_MS)
            await loop.connect_accepted_socket(
                lambda: self._protocol(
                    head, config=self._config, server_state=self._state, app_state={}, _loop=loop
                ),
                connection,
            )
        except OSError:
            connection.close()  # the client was gone already
