"""How a command of script/ ends when something outside of it is wrong: one clear sentence."""

import errno
import signal
import sys
from collections.abc import Callable


class Failure(Exception):
    """Something the person at the terminal can put right; the text says what and how."""


def run(main: Callable[[list[str]], int], arguments: list[str]) -> None:
    """Run a command and exit with its code; a Failure is one sentence and exit code 1."""
    # Ended like Ctrl-C ends it, so that the servers a command started are stopped then too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        code = main(arguments)
    except Failure as failure:
        print(f"{failure}", file=sys.stderr)
        code = 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(no_space(error.filename or "this project"), file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def _interrupt(number: int, frame: object) -> None:
    for one in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)  # the end is on its way
    raise KeyboardInterrupt


def no_space(where: object) -> str:
    """Say that a disk is full."""
    return f"No space is left on the disk that holds {where}: free some and run this again."
