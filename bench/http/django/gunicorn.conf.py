"""gunicorn's settings, and what it tells the benchmark over descriptor 3."""

import json
import os
import platform
import resource
import signal
import threading
from contextlib import suppress

import django
import gunicorn

CHANNEL = 3

bind = "127.0.0.1:0"
# One process, as the others are; of those that come with gunicorn, the kind that keeps connections open.
workers = 1
worker_class = "gthread"
# Where it waits for a server, as many connections as the others' pools have; more threads than one help nowhere else.
threads = 10 if json.loads(os.environ["SITE"])["store"] == "postgres" else 1
# Longer than the load leaves a connection alone.
keepalive = 75
graceful_timeout = 5
loglevel = "warning"


def post_worker_init(worker):
    threading.Thread(target=converse, args=(worker,), daemon=True).start()


def converse(worker):
    """Tells the port, and for each line its processor time so far. Ends the server when the benchmark has hung up."""
    server = f"gunicorn {gunicorn.__version__} (one process, {worker_class})"
    versions = [f"Python {platform.python_version()}", f"Django {django.__version__}", server]
    # Whatever was said to a benchmark that is gone fails.
    with suppress(OSError), open(CHANNEL, "rb", buffering=0, closefd=False) as lines:
        tell(port=worker.sockets[0].getsockname()[1], pid=worker.pid, versions=versions)
        for _ in lines:
            usage = resource.getrusage(resource.RUSAGE_SELF)
            tell(user=round(usage.ru_utime * 1e6), system=round(usage.ru_stime * 1e6))
    if os.getppid() == worker.ppid:
        os.kill(worker.ppid, signal.SIGTERM)


def tell(**values):
    os.write(CHANNEL, json.dumps(values).encode() + b"\n")
