"""The web server's worker: it waits for no client for ever, and refuses in the API's own words."""

import socket
import struct
from typing import Any

from gunicorn.http import errors as http
from gunicorn.workers.gthread import ThreadWorker

SILENT_SECONDS = 10  # for a client in the middle of its request
SLOW_SECONDS = 60  # for one that does not take its answer
TOO_LONG = (http.LimitRequestLine, http.LimitRequestHeaders)
UNREADABLE = (http.ParseException, http.NoMoreData)


class Worker(ThreadWorker):  # type: ignore[misc]  # it has no types
    def load_wsgi(self) -> None:
        super().load_wsgi()
        # The master, which imports this class, has no settings.
        from django.conf import settings  # noqa: PLC0415

        self.streams: frozenset[str] = frozenset()
        self.giver: Any = None
        if settings.STREAM_SOCKET:  # the yardstick of script/bench has no apps to import
            from config import handover, streams  # noqa: PLC0415

            self.streams = streams.PATHS
            self.giver = handover.Giver(settings.STREAM_SOCKET)

    def handle(self, conn: Any) -> Any:
        # Else a client that stops midway keeps its thread for as long as it likes: as many of them
        # as there are threads stopped the service.
        for option, seconds in (
            (socket.SO_RCVTIMEO, SILENT_SECONDS),
            (socket.SO_SNDTIMEO, SLOW_SECONDS),
        ):
            conn.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        if req.path in self.streams and req.method == "GET" and self._hand_over(req, conn):
            return False  # the connection is not ours any more
        return super().handle_request(req, conn)

    def _hand_over(self, req: Any, conn: Any) -> bool:
        """Give a client of a stream to the stream process, with what it said; whether it worked."""
        if self.giver is None:
            return False
        lines = [f"{req.method} {req.uri} HTTP/{req.version[0]}.{req.version[1]}"]
        lines += [f"{name}: {value}" for name, value in req.headers]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        if not self.giver.give(conn.sock, head + conn.parser.unreader.take_buffered()):
            return False
        conn.close = _nothing  # a graceful end would hang up on the client for the new owner too
        return True

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer what never became a request of Django's, in the form of all other refusals."""
        # The master, which imports this class, has no settings.
        from config import refusals  # noqa: PLC0415

        if isinstance(exc, UNREADABLE):
            self.log.warning("refused_unreadable_request: %s", type(exc).__name__)
        else:
            self.log.error("unhandled_exception", exc_info=exc)
        answer = refusals.outside_of_django(
            unreadable=isinstance(exc, UNREADABLE), too_long=isinstance(exc, TOO_LONG)
        )
        try:
            client.sendall(answer)
        except OSError:
            self.log.debug("The client was gone before its refusal.")


def _nothing(*, graceful: bool = False) -> None:
    pass
