"""Five hundred idle streams in one process: what each keeps, and how soon they hear of an end."""

import asyncio
import gc
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.harness import PRODUCT, ROOT, database, options

STREAMS = 500
OF_ONE_PERSON = 10
NOTICES = 40
MOST_KIB = 64
MOST_SECONDS = 1.0
HEARTBEAT_SECONDS = 5
STARTS_WITHIN_S = 30
LONGEST_WAIT_S = 20


@dataclass
class Ear:
    """One client, and when it was told that its session is over."""

    session: Any
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    told_at: float = 0.0

    async def listen(self) -> None:
        await self.reader.readuntil(b"event: session_revoked\n")
        self.told_at = time.perf_counter()


def people(count: int) -> Sequence[Any]:
    """Make sessions, ten a person, and the access token of each."""
    from django.conf import settings  # noqa: PLC0415 - Django is set up by now
    from django.utils import timezone  # noqa: PLC0415

    from accounts import policy  # noqa: PLC0415
    from accounts import services as accounts  # noqa: PLC0415
    from accounts.models import Session  # noqa: PLC0415
    from core.actors import system  # noqa: PLC0415

    at, made = timezone.now(), []
    for number in range(count // OF_ONE_PERSON):
        person = accounts.create_user(
            email=f"ear-{number}@bench.example",
            password=None,
            role="viewer",
            actor=system("accounts"),
            at=at,
        )
        for _ in range(OF_ONE_PERSON):
            lasts = policy.lasts_of("login", policy.ABSOLUTE)
            session = Session.objects.create(
                user=person,
                kind="login",
                state="live",
                expires_at=at + lasts.idle,
                ends_at=at + lasts.absolute,
                created_at=at,
                last_seen_at=at,
            )
            token = policy.sign_token(
                "access",
                user_id=person.id,
                session_id=session.id,
                at=at,
                expires_at=at + lasts.idle,
                key=settings.JWT_SECRET_KEY,
            )
            made.append((session, token))
    return made


@contextmanager
def serving() -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """Serve streams as the product does, on a free port; ends it afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", "config.asgi:application"),
                *("--port", str(port), "--no-proxy-headers"),
            ],
            cwd=ROOT,
            env=os.environ
            | PRODUCT
            | {"STREAM_HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS), "LOG_LEVEL": "WARNING"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + STARTS_WITHIN_S
            while server.poll() is None and time.monotonic() < deadline:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield port, server
        except BaseException:
            print(os.pread(log.fileno(), 20_000, 0).decode(errors="replace"))
            raise
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(LONGEST_WAIT_S)


async def connect(port: int, session: Any, token: str) -> Ear:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET /api/v1/auth/events HTTP/1.1\r\nHost: localhost\r\n"
        b"Authorization: Bearer %s\r\n\r\n" % token.encode()
    )
    head = await asyncio.wait_for(reader.readuntil(b":\n\n"), LONGEST_WAIT_S)
    if not head.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(head.decode(errors="replace"))
    return Ear(session, reader, writer)


async def hang_up(ears: Sequence[Ear]) -> None:
    for ear in ears:
        ear.writer.close()
    await asyncio.sleep(1)


def kept_kib(pid: int) -> int:
    """What the process keeps for itself in memory."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def end(session: Any) -> None:
    """End a session as another process would."""
    from django.utils import timezone  # noqa: PLC0415

    from accounts import services as accounts  # noqa: PLC0415
    from core.actors import system  # noqa: PLC0415

    accounts.revoke_session(
        session.id, reason="logout", actor=system("accounts"), at=timezone.now()
    )


async def measure(port: int, pid: int, made: Sequence[Any]) -> tuple[float, float, list[float]]:
    """Memory per stream in KiB, seconds to open all, and seconds from each end to its client."""
    await hang_up([await connect(port, *each) for each in made[:OF_ONE_PERSON]])  # warm
    gc.collect()
    before, started = kept_kib(pid), time.perf_counter()
    ears = await asyncio.gather(*(connect(port, *each) for each in made))
    opened = time.perf_counter() - started
    await asyncio.sleep(2 * HEARTBEAT_SECONDS + 1)
    kept = (kept_kib(pid) - before) / len(ears)
    waits = []
    for ear in ears[:: STREAMS // NOTICES][:NOTICES]:
        hearing = asyncio.create_task(ear.listen())
        began = time.perf_counter()  # so the figure holds the verb too
        await asyncio.to_thread(end, ear.session)
        await asyncio.wait_for(hearing, LONGEST_WAIT_S)
        waits.append(ear.told_at - began)
        await asyncio.sleep(0.2)
    await hang_up(ears)
    return kept, opened, sorted(waits)


def verdict(says: str, found: float, most: float, unit: str) -> None:
    word = "reached" if found <= most else "missed"
    print(f"  {says:34} {found:9.3f} {unit:4} goal <= {most}: {word}")


def main() -> None:
    options(__doc__)
    with database():
        made = people(STREAMS)
        with serving() as (port, server):
            kept, opened, waits = asyncio.run(measure(port, server.pid, made))
    print(f"streams: {STREAMS} in one process, {os.cpu_count()} processors")
    verdict("memory of one idle stream", kept, MOST_KIB, "KiB")
    verdict("end to client, p95", waits[int(0.95 * len(waits))], MOST_SECONDS, "s")
    print(f"  end to client, median              {statistics.median(waits):9.3f} s")
    print(f"  all open after                     {opened:9.3f} s")


if __name__ == "__main__":
    main()
