"""The Python side of script/server, test, manage, check, bench and lock."""

import importlib
import sys

from supervisor.failure import run

COMMANDS = {
    "server": "supervisor.server",
    "test": "supervisor.testing",
    "manage": "supervisor.manage",
    "check": "supervisor.check",
    "bench": "supervisor.bench",
    "lock": "supervisor.lock",
}

if __name__ == "__main__":
    command = importlib.import_module(COMMANDS[sys.argv[1]])
    run(command.main, sys.argv[2:])
