"""Compare the engine with what the contract's own code answered."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError

from sla.policy import parity

SHOWN = 10


class Command(BaseCommand):
    help = "Run contract vectors (JSON lines) against the engine; exit 1 on a difference."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.jsonl")

    def handle(self, *_args: Any, file: Path, **_options: Any) -> None:
        try:
            vectors = [
                orjson.loads(line) for line in file.read_bytes().splitlines() if line.strip()
            ]
        except OSError as error:
            raise CommandError(f"Cannot read {file}: {error.strerror}.") from None
        except orjson.JSONDecodeError as error:
            raise CommandError(f"{file} is not a file of JSON lines: {error}.") from None
        checked, differences = parity.check(vectors)
        self.stdout.write(
            f"checked {checked}, passed {checked - len(differences)}, failed {len(differences)}"
        )
        for each in differences[:SHOWN]:
            self.stdout.write(
                f"line {each.line}: expected {each.expected}, engine says {each.found}: "
                f"{orjson.dumps(dict(each.vector)).decode()}"
            )
        if differences:
            raise CommandError("The engine and the contract differ.", returncode=1)
