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
    def handle(self, conn: Any) -> Any:
        # Else a client that stops midway keeps its thread for as long as it likes: as many of them
        # as there are threads stopped the service.
        for option, seconds in (
            (socket.SO_RCVTIMEO, SILENT_SECONDS),
            (socket.SO_SNDTIMEO, SLOW_SECONDS),
        ):
            conn.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))
        return super().handle(conn)

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
