"""Creating, changing, importing, and logging in. Every commit waits for the disk."""

import json
import os
import subprocess
import time

from cases import Case, Goal, ratio
from catalogue import CHANGED, CHANGED_FIRST
from processes import Failure
from service import PASSWORD, environment

# A password is hashed on a core for tens of milliseconds: more clients only wait.
LOG_INS = 4


def change(bench, target):
    """Changes of different metrics by 16 clients."""
    salt = f"{bench.round}{time.monotonic_ns()}"
    return bench.load(target, "/", bench.key, script=("change", CHANGED_FIRST, CHANGED, salt))


def create(bench):
    """New metrics by 16 clients."""
    body = json.dumps({**bench.metric, "metric_id": "{id}", "name": "New {id}"})
    file = bench.folder / "new-metric.json"
    file.write_text(body)
    # Other ids in each round, because a metric that is created again continues its history.
    result = bench.load(bench.service, "/", bench.key, script=("create", f"new-{bench.round}-", file))
    # The others are to find the same number of metrics in each round. Some requests are still under way: like
    # the service, this locks the epoch first.
    bench.postgres.sql("bench", "SELECT epoch FROM catalogue_epochs FOR UPDATE; "
                       "DELETE FROM metrics WHERE metric_id LIKE 'new-%'")
    return result


def log_in(bench):
    """Successful log-ins of a user without other sessions that matter."""
    return bench.load(bench.service, "/", {}, script=("login", bench.user, PASSWORD), connections=LOG_INS)


def run_import(bench):
    """Imports a file into an empty database. Returns metrics per second, and the largest memory."""
    bench.postgres.create("imported", "empty")
    try:
        variables = environment(bench.postgres.url("imported"))
        began = time.monotonic()
        process = bench.processes.start([str(bench.programs.service), "import", str(bench.catalogue)],
                                        env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        elapsed = time.monotonic() - began
        bench.processes.stop(process)
        if process.returncode != 0:
            raise Failure(f"mdl import: exit code {process.returncode}")
    finally:
        bench.postgres.drop("imported")
    return {"value": bench.count / elapsed, "failed": 0,
            "note": f"{bench.count:,} metrics, at most {usage.ru_maxrss / 1024:.0f} MiB resident"}


def groups():
    """All measurements of writes."""
    return [
        [
            Case("change: bare pool", lambda bench: change(bench, bench.queries)),
            Case("change: 16 clients", lambda bench: change(bench, bench.service),
                 against="change: bare pool", goal=ratio(0.6)),
        ],
        [Case("create: 16 clients", create)],
        [Case("import", run_import, unit="metrics/s", goal=Goal(least=5000))],
        [Case("log-in", log_in)],
    ]
