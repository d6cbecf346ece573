"""Reads that are not cached, of a service that has just been started: against the same statements on a
bare pool, and of 200 against many metrics."""

import load
from cases import Case, ratio
from service import Service

SMALL, WARMED = 200, 500
METRIC, PAGE = "/api/v1/metrics/m{value}", "/api/v1/metrics?limit=20&page={value}"


def each_once(bench, target, path, values):
    """As many reads as possible, each of another metric or page; returns their rate."""
    before = bench.postgres.statements("bench")
    request = load.lines("GET", path, bench.key)
    result = load.Pace.each_once(bench, target.address, request, values).result()
    statements = bench.postgres.statements("bench") - before
    return {"value": result["rate"], "failed": result["failed"], "statements": statements / values}


def cold(bench, path, values):
    """The same of a service that has just been started."""
    service = Service(bench, "cold", "bench")
    try:
        # Opens and prepares all connections of the pool, with metrics that are not read again.
        request = load.lines("GET", METRIC, bench.key)
        load.Pace.each_once(bench, service.address, request, WARMED, first=bench.count - WARMED + 1).result()
        return each_once(bench, service, path, values)
    finally:
        service.stop()


def once(bench, database, path, values, rate):
    """The median latency of single reads of another path each, in microseconds."""
    service = Service(bench, "sized", database)
    try:
        key = {"X-API-Key": service.create_key(service.log_in())} if database == "small" else bench.key
        service.request("GET", "/api/v1/domains", **key)
        request = load.lines("GET", path, key)
        pace = load.Pace(bench, service.address, rate, values / rate, request, connections=1, values=values)
        result = pace.result()
        return {"value": result["p50_us"], "failed": result["failed"]}
    finally:
        service.stop()


def compared(name, path, values):
    """Two measurements of a path: of the yardstick and of the service."""
    yardstick = f"{name}: bare pool"
    return [
        Case(yardstick, lambda bench: each_once(bench, bench.queries, path, values(bench))),
        Case(f"{name}: by key", lambda bench: cold(bench, path, values(bench)), against=yardstick,
             goal=ratio(0.95)),
    ]


def sized(name, path, values, rate):
    """Two measurements of a path, with few and with many metrics."""
    few, many = f"{name}: {SMALL} metrics", f"{name}: 100,000 metrics"
    unit = "µs, median"
    return [
        Case(few, lambda bench: once(bench, "small", path, values, rate), unit=unit, full=True),
        Case(many, lambda bench: once(bench, "bench", path, values, rate), unit=unit, against=few, full=True),
    ]


def groups():
    """All measurements of reads that are not cached."""
    return [
        compared("uncached metric", METRIC, lambda bench: min(bench.count - WARMED, 20_000)),
        compared("uncached list of 20", PAGE, lambda bench: min(bench.count // 20, 2_000)),
        sized("first read of a metric", METRIC, SMALL, 100),
        sized("first read of a page of 20", PAGE, SMALL // 20, 50),
    ]
