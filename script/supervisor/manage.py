"""script/manage: manage.py, with the embedded servers up for as long as it runs."""

import contextlib
import json
import signal
import subprocess

from supervisor import configuration, project, services

DEFAULT_PORT = 8000


def main(arguments: list[str]) -> int:
    given = configuration.given()
    project.prepare()
    with services.running("server", given) as embedded:
        made = [configuration.facts(), embedded.environment()]
        if configuration.is_local(given):
            local = configuration.local(_port(), embedded_database=embedded.postgres is not None)
            made.append(local)
        process = subprocess.Popen(
            [str(project.PYTHON), str(project.ROOT / "manage.py"), *arguments],
            env=configuration.merged(given, *made),
        )
        # Ctrl-C reaches the command itself; we stay to stop the servers after it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        code = process.wait()
    return code if code >= 0 else 128 - code


def _port() -> int:
    """Return the port of this copy's server if it runs: links and the demo's receiver follow it."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        return int(json.loads((project.RUN / "server.json").read_text())["port"])
    return DEFAULT_PORT
