"""Resident memory of a service that has just been started: idle, and with many clients."""

import threading
import time

from cases import Case, Goal
from service import Service

# Seconds after which an idle service has given back what its start needed.
SETTLED = 12
CONNECTIONS = 200
IN_USE = 10_000


def idle(bench):
    """Memory without a request."""
    service = Service(bench, "idle", "bench")
    try:
        time.sleep(SETTLED)
        resident, anonymous = service.resident()
        return {"value": resident, "failed": 0, "note": f"{anonymous:.0f} of them anonymous"}
    finally:
        service.stop()


def loaded(bench):
    """The most memory while many connections read many metrics."""
    service = Service(bench, "loaded", "bench")
    samples, done = [], threading.Event()

    def sample():
        while not done.wait(0.1):
            samples.append(service.resident())

    sampler = threading.Thread(target=sample)
    try:
        sampler.start()
        result = bench.load(service, "/", bench.key, script=("metrics", 1, IN_USE), connections=CONNECTIONS)
    finally:
        done.set()
        sampler.join()
        service.stop()
    resident, anonymous = max(samples)
    return {"value": resident, "failed": result["failed"], "note": f"{anonymous:.0f} of them anonymous"}


def groups():
    """All measurements of memory."""
    return [
        [Case("memory: idle", idle, unit="MiB", goal=Goal(most=32))],
        [Case(f"memory: {CONNECTIONS} connections, {IN_USE:,} metrics", loaded, unit="MiB", goal=Goal(most=64))],
    ]
