"""script/bench: measure on servers of its own, as durable as the ones that are used."""

import os
import subprocess

from supervisor import configuration, project, services
from supervisor.failure import Failure

PROGRAMS = project.ROOT / "bench"
IS_PROGRAM = 'if __name__ == "__main__"'


def main(arguments: list[str]) -> int:
    names = sorted(path.stem for path in PROGRAMS.glob("*.py") if IS_PROGRAM in path.read_text())
    chosen = [argument for argument in arguments if not argument.startswith("-")]
    options = [argument for argument in arguments if argument.startswith("-")]
    if not chosen:
        print(f"script/bench NAME... [--rounds=6] [--seconds=4]\n  {' '.join(names)}")
        return 0
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise Failure(
            f"There is no benchmark {', '.join(unknown)}: choose from {', '.join(names)}."
        )
    given = dict(os.environ)
    project.prepare()
    lock = project.hold("bench")
    if lock is None:
        raise Failure("script/bench already runs in this copy: two would measure each other.")
    with lock, services.throw_away("bench", given, durable=True) as embedded:
        configuration.require_reachable(given)
        environment = configuration.merged(
            given,
            configuration.testing(),
            embedded.environment(),
            {"ENVIRONMENT": "local", "LOG_LEVEL": "WARNING"},
        )
        for name in chosen:
            done = subprocess.run(
                [str(project.PYTHON), "-m", f"bench.{name}", *options],
                cwd=project.ROOT,
                env=environment,
                check=False,
            )
            if done.returncode:
                return done.returncode
    return 0
