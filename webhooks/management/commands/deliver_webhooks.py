"""Send what is due: for ever as a service, or once."""

import asyncio
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from webhooks.tasks import Sender


class Command(BaseCommand):
    help = "Send webhook deliveries as they fall due. Any number of processes may run at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="end when nothing is due")

    def handle(self, *_: Any, once: bool, **__: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        kept = asyncio.run(Sender(forever=not once, stop=stop).run())
        self.stdout.write(f"{kept} attempts recorded.")
