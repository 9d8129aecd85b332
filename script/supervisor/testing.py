"""script/test: the checks, then pytest in parallel, on servers that are thrown away."""

import argparse
import os
import subprocess
import time

from supervisor import check, configuration, project, services
from supervisor.failure import Failure

MOST_WORKERS = 4


def main(arguments: list[str]) -> int:
    options, passed_on = _options(arguments)
    started = time.monotonic()
    given = dict(os.environ)
    project.prepare()
    lock = project.hold("test")
    if lock is None:
        raise Failure("script/test already runs in this copy: wait for it, or use another clone.")
    with lock, services.throw_away("test", given) as embedded:
        configuration.require_reachable(given)
        environment = configuration.merged(
            {name: value for name, value in given.items() if name != "ENVIRONMENT"},
            configuration.testing(),
            embedded.environment(),
        )
        failed = [] if options.only_tests else check.failing(environment)
        code = _pytest(options, passed_on, environment)
    if failed:
        print(f"Checks that failed: {', '.join(failed)}")
    print(f"script/test: {_verdict(failed, code)} in {time.monotonic() - started:.0f} s")
    return 1 if failed else code


def _options(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="script/test",
        description="Run script/check and the tests; every other argument goes to pytest.",
        allow_abbrev=False,
    )
    parser.add_argument("--slow", action="store_true", help="the tests that take minutes too")
    parser.add_argument("--only-tests", action="store_true", help="without script/check")
    parser.add_argument(
        "--only-database",
        action="store_true",
        help="only the tests that touch the database, and no check (for another PostgreSQL)",
    )
    options, passed_on = parser.parse_known_args(arguments)
    options.only_tests = options.only_tests or options.only_database
    return options, passed_on


def _pytest(options: argparse.Namespace, passed_on: list[str], environment: dict[str, str]) -> int:
    command = [str(project.PYTHON), "-m", "pytest", "-p", "supervisor.selection"]
    if not any(argument.startswith(("-n", "--numprocesses")) for argument in passed_on):
        workers = max(2, min(MOST_WORKERS, os.cpu_count() or 1))
        # Whole files, so that what a module sets up is set up once.
        command += ["-n", str(workers), "--dist", "loadfile"]
    if options.slow:
        command += ["-m", ""]
    if options.only_database:
        command += ["--only-database"]
    path = [str(project.ROOT / "script"), environment.get("PYTHONPATH", "")]
    environment = environment | {"PYTHONPATH": os.pathsep.join(part for part in path if part)}
    process = subprocess.Popen([*command, *passed_on], cwd=project.ROOT, env=environment)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


def _verdict(failed: list[str], code: int) -> str:
    if failed:
        return "checks failed"
    return "all good" if code == 0 else "tests failed"
