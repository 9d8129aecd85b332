"""gunicorn's settings, read from the working directory: `gunicorn config.wsgi` is all there is.

WEB_CONCURRENCY and --bind differ by place; what is here does not.
"""

import os
from pathlib import Path

from config import env
from config.variables import ROOT, VARIABLES

# Judged before there is a worker: one that refuses to start would be started again for ever.
configuration = env.load_or_exit(VARIABLES, ROOT)

worker_class = "config.server.Worker"  # gthread
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4

# The most that gunicorn reads; our own limit for a query is 8 KiB.
limit_request_line = 8190

# A proxy keeps its connections open; one that ours closes first would be a 502 for somebody.
keepalive = 75
timeout = 60
graceful_timeout = configuration["SHUTDOWN_GRACE_SECONDS"]

# A heartbeat file on a busy disk can stall long enough to kill a healthy worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # memory, not a drawer

# Its socket would be one for all servers of an account, and nobody here speaks to it.
control_socket_disable = True
