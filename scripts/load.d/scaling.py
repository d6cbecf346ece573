"""The throughput of 1, 2 and 4 processes behind haproxy, for docs/scaling.md."""

import statistics

import load
import machine
import programs
from front import Front
from postgres import free_port
from processes import progress
from service import Service
from watch import look

COUNTS, ROUNDS, SECONDS, METRICS = (1, 2, 4), 3, 5, 2000


def measure(run):
    """Prints the table."""
    programs.install_wrk()
    run.fill("load", METRICS)
    starter = Service(run, "starter", "load")
    key = {"X-API-Key": starter.create_key(starter.log_in())}
    starter.stop()
    kinds = {"one metric": ("/api/v1/metrics/m000100", ()),
             "changes": ("/", ("change", 1001, 900))}
    results = {}
    for number in range(1, ROUNDS + 1):
        for count in COUNTS if number % 2 else reversed(COUNTS):
            ports = [free_port() for _ in range(count)]
            services = [Service(run, f"of-{count}-{port}", "load", PORT=str(port), TRUSTED_PROXIES="127.0.0.1")
                        for port in ports]
            front = Front(run, ports)
            for kind, (path, script) in kinds.items():
                salted = (*script, f"{number}-{count}") if script else ()
                before = look([service.process for service in services], 0).cpu
                result = load.wrk(front.address, SECONDS, path, key, salted)
                used = look([service.process for service in services], 0).cpu - before
                results.setdefault((kind, count), []).append(
                    (result["rate"], used / result["requests"] * 1e6, result["failed"]))
                progress(f"round {number}: {count} processes, {kind}: {result['rate']:,.0f}/s")
            front.stop()
            for service in services:
                service.stop()
    print(f"\n{machine.today()}, commit {machine.commit(run.root)}, {machine.hardware()}, PostgreSQL "
          f"{run.postgres.version()}; medians of {ROUNDS} rounds of {SECONDS} s, 16 connections of wrk:\n")
    print("| requests | processes | requests/s | CPU of the processes per request | failed |\n| --- | --- | --- | --- | --- |")
    for (kind, count), found in sorted(results.items(), key=lambda item: item[0]):
        rate, used = (statistics.median(values) for values in list(zip(*found))[:2])
        failed = sum(values[2] for values in found)
        print(f"| {kind} | {count} | {rate:,.0f} | {used:,.0f} µs | {failed:.0f} |")
