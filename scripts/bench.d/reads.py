"""Reads that are cached: by key, by token, anonymous, 304, gzip, beside writes, and at a fixed rate."""

import load
from cases import Case, Goal, ratio
from catalogue import CHANGED_FIRST

# No measurement changes this metric and this list, but for its invalidation.
METRIC, LIST = "/api/v1/metrics/mrr", "/api/v1/metrics?limit=20"
# Read in turns while some are changed.
VARIED = 200
# The share of the maximum rate at which latencies are measured.
SHARE = 0.7


def by_key(bench, path, **headers):
    """As many reads as possible with the API key."""
    return bench.load(bench.service, path, {**bench.key, **headers})


def by_token(bench, path):
    """The same with the access token."""
    return bench.load(bench.service, path, bench.token)


def bare(bench, path, **headers):
    """The same of the yardstick, with the headers of a request by key."""
    return bench.load(bench.answers, path, {**bench.key, **headers})


def varied(bench):
    """Reads of many metrics by key."""
    return bench.load(bench.service, "/", bench.key, script=("metrics", CHANGED_FIRST, VARIED))


def beside_writes(bench, base, read):
    """Reads while one change comes for each hundred reads of the same round without changes."""
    rate = bench.value(base) / 100
    body = '{"description":"Changed {unique} beside reads"}'
    headers = {**bench.key, "Content-Type": "application/merge-patch+json"}
    request = load.lines("PATCH", "/api/v1/metrics/m{value}", headers, body)
    writer = load.Pace(bench, bench.service.address, rate, bench.options.seconds, request,
                       connections=8, first=CHANGED_FIRST, values=VARIED)
    measured = read(bench)
    written = writer.result()
    measured["failed"] += written["failed"]
    return {**measured, "note": f"{written['rate']:,.0f} changes/s"}


def paced(bench, target, base, path, headers=None):
    """The 99th percentile of the latency at a share of the maximum rate, in microseconds."""
    rate = bench.value(base) * SHARE
    request = load.lines("GET", path, headers or bench.key)
    result = load.Pace(bench, target.address, rate, bench.options.seconds, request).result()
    bench.empty_logs()
    note = f"at {result['rate']:,.0f} requests/s, median {result['p50_us']} µs"
    # The figure is one at this rate only if the client reached it.
    if result["rate"] < 0.97 * rate:
        note += f"; {rate:,.0f} were not reached"
    return {"value": result["p99_us"], "failed": result["failed"], "note": note}


def of(path, name):
    """The measurements of one path."""
    yardstick = f"{name}: bare actix-web"
    return [
        Case(yardstick, lambda bench: bare(bench, path)),
        Case(f"{name}: by key", lambda bench: by_key(bench, path), against=yardstick, goal=ratio(0.8)),
        Case(f"{name}: by token", lambda bench: by_token(bench, path), against=yardstick, goal=ratio(0.8)),
        Case(f"{name}: anonymous", lambda bench: bench.load(bench.anonymous, path, {}), against=yardstick),
        Case(f"{name}: by key, gzip", lambda bench: by_key(bench, path, **{"Accept-Encoding": "gzip"}),
             against=f"{name}: by key", goal=ratio(0.9)),
    ]


def groups():
    """All measurements of cached reads."""
    path = METRIC
    match = {"If-None-Match": '"1.0.0"'}
    microseconds = "µs, p99"
    return [
        of(path, "one metric"),
        [
            Case("one metric: bare actix-web, 304", lambda bench: bare(bench, path, **match)),
            Case("one metric: by key, 304", lambda bench: by_key(bench, path, **match),
                 against="one metric: bare actix-web, 304"),
        ],
        of(LIST, "list of 20"),
        [
            Case(f"{VARIED} metrics in turn: by key", varied),
            Case(f"{VARIED} metrics in turn: with 1 % writes",
                 lambda bench: beside_writes(bench, f"{VARIED} metrics in turn: by key", varied),
                 against=f"{VARIED} metrics in turn: by key", needs=(f"{VARIED} metrics in turn: by key",),
                 goal=ratio(0.7)),
        ],
        [
            Case("list of 20: with 1 % writes",
                 lambda bench: beside_writes(bench, "list of 20: by key", lambda bench: by_key(bench, LIST)),
                 against="list of 20: by key", goal=ratio(0.7)),
        ],
        [
            Case("latency at 70 %: one metric, bare actix-web",
                 lambda bench: paced(bench, bench.answers, "one metric: bare actix-web", path),
                 unit=microseconds, needs=("one metric: bare actix-web",)),
            Case("latency at 70 %: one metric, by key",
                 lambda bench: paced(bench, bench.service, "one metric: by key", path),
                 unit=microseconds, needs=("one metric: by key",), goal=Goal(most=1000)),
            Case("latency at 70 %: one metric, by token",
                 lambda bench: paced(bench, bench.service, "one metric: by token", path, bench.token),
                 unit=microseconds, needs=("one metric: by token",), goal=Goal(most=1000)),
            Case("latency at 70 %: list of 20, by key",
                 lambda bench: paced(bench, bench.service, "list of 20: by key", LIST),
                 unit=microseconds, needs=("list of 20: by key",), goal=Goal(most=1000)),
        ],
    ]
