"""script/check: everything that can be said about the code without running its tests."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from supervisor import configuration, project, services

PRODUCTION_SAMPLE = project.ROOT / "script" / "production-sample.env"
OPENAPI = project.ROOT / "docs" / "openapi.yaml"

Environment = dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """What a step came to; `said` is shown when it failed."""

    good: bool
    said: str = ""


@dataclass(frozen=True)
class Step:
    name: str
    run: Callable[[Environment], Outcome]


def main(arguments: list[str]) -> int:
    if arguments:
        print("script/check takes no arguments.", file=sys.stderr)
        return 2
    given = dict(os.environ)
    with services.throw_away("check", given) as embedded:
        environment = configuration.merged(
            given,
            configuration.testing(),
            embedded.environment(),
        )
        return 1 if failing(environment) else 0


def failing(environment: Environment) -> list[str]:
    """Run every step, print each with its seconds, and return the names of those that failed."""
    failed = []
    for step in STEPS:
        started = time.monotonic()
        outcome = step.run(environment)
        word = "ok  " if outcome.good else "FAIL"
        print(f"{word}  {step.name:<38} {time.monotonic() - started:6.1f} s", flush=True)
        if not outcome.good:
            failed.append(step.name)
            print("\n".join(f"      {line}" for line in outcome.said.splitlines()), flush=True)
    if failed:
        print(f"\n{len(failed)} of {len(STEPS)} checks failed: {', '.join(failed)}")
    return failed


def _program(*command: str) -> Callable[[Environment], Outcome]:
    def run(environment: Environment) -> Outcome:
        done = subprocess.run(
            [str(project.PYTHON), *command],
            cwd=project.ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        return Outcome(done.returncode == 0, done.stdout.strip())

    return run


def _manage(*command: str) -> Callable[[Environment], Outcome]:
    return _program("manage.py", *command)


def _with_production_values(environment: Environment) -> Outcome:
    """Check the deployment as production would: with its values, none of this machine's."""
    values = {}
    for line in PRODUCTION_SAMPLE.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            values[name] = value
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return _manage("check", "--deploy", "--fail-level", "WARNING")(kept | values)


def _openapi_in_step(environment: Environment) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "openapi.yaml"
        command = ("spectacular", "--validate", "--fail-on-warn", "--file", str(fresh))
        outcome = _manage(*command)(environment)
        if not outcome.good:
            return outcome
        kept = OPENAPI.read_text() if OPENAPI.exists() else ""
        if fresh.read_text() == kept:
            return outcome
    file = OPENAPI.relative_to(project.ROOT)
    return Outcome(
        good=False,
        said=f"{file} is stale: script/manage spectacular --validate --fail-on-warn --file {file}",
    )


# A console script names its interpreter by path, which a moved clone no longer has.
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"

STEPS = (
    Step("ruff format", _program("-m", "ruff", "format", "--check", ".")),
    Step("ruff check", _program("-m", "ruff", "check", ".")),
    Step("walls (import-linter)", _program("-c", LINT_IMPORTS)),
    Step("manage.py check", _manage("check", "--fail-level", "WARNING")),
    Step("manage.py check --deploy", _with_production_values),
    Step("migrations in step with models", _manage("makemigrations", "--check", "--dry-run")),
    Step("docs/openapi.yaml in step", _openapi_in_step),
    Step("docs/events.md in step", _manage("flows", "--check")),
    Step("docs/permissions.md in step", _manage("permissions", "--check")),
    Step("types (mypy)", _program("-m", "mypy", ".")),
)
