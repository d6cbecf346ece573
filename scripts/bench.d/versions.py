"""Reads of versions: what they cost in a large and in a small catalogue, and what a change adds."""

import http.client
import random
import statistics
import time

import catalogue
import machine
import sample_run
from processes import Failure, progress
from service import Service

REVISIONS, SMALL, REQUESTS = 10, 200, 1000
# What a change adds rows to.
TABLES = ("metric_revisions", "metric_snapshots", "metric_periods", "catalogue_changes")
SIZES = "SELECT " + " + ".join(f"pg_total_relation_size('{table}')" for table in TABLES)
INDEXES = ("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'metrics' AND indexname <> 'metrics_pkey'")
# Metrics that are changed at once, so that the triggers' copies of the rows stay small.
CHUNK = 10_000
# The next version of some metrics, in one transaction, as the service would write it.
CHANGE = """
BEGIN;
SELECT epoch FROM catalogue_epochs FOR UPDATE;
WITH changed AS (
    UPDATE metrics SET version = '1.0.' || revision, revision = revision + 1, updated_at = now(),
        definition = jsonb_set(definition, '{{formula_detail}}', to_jsonb('Detail no. {round}'::text))
    WHERE metric_id BETWEEN '{first}' AND '{last}'
    RETURNING metric_id, revision, version
)
INSERT INTO metric_revisions (metric_id, revision, version, changed_at, changed_by, change_type,
    fields_changed, changes_summary, channel)
SELECT metric_id, revision, version, now(), 'bench', 'update', '["definition.formula_detail"]',
    'Changed definition.formula_detail', 'api' FROM changed;
COMMIT;
"""


class Reads:
    """The reads of one catalogue."""

    def __init__(self, service, count, instant):
        self._service, self._count, self._instant = service, count, instant
        self._key = {"X-API-Key": service.create_key(service.log_in())}

    def paths(self):
        """The reads by name; each is of another metric."""
        number = random.randint(1, self._count)
        path = f"/api/v1/metrics/{catalogue.identifier(number)}"
        return {
            "the versions of a metric": f"{path}/versions",
            "one version": f"{path}/versions/1.0.{random.randint(1, REVISIONS - 2)}",
            "what two versions differ in": f"{path}/diff?from=1.0.2&to=1.0.7",
            "a metric as of an instant": f"{path}?as_of={self._instant}",
        }

    def measure(self, name):
        """The milliseconds of each of some requests."""
        times = []
        # The service closes a connection that is idle while the other catalogue is measured.
        connection = http.client.HTTPConnection(self._service.address, timeout=30)
        for _ in range(REQUESTS):
            path = self.paths()[name]
            began = time.perf_counter()
            connection.request("GET", path, headers=self._key)
            response = connection.getresponse()
            body = response.read()
            times.append((time.perf_counter() - began) * 1000)
            if response.status != 200:
                raise Failure(f"GET {path}: {response.status} {body[:300]!r}")
        connection.close()
        return times


def fill(run, database, count):
    """Makes a catalogue of so many metrics with all revisions. Returns an instant in the middle, and the
    bytes that a change has added."""
    run.fill(database, count)
    before, instant = int(run.postgres.sql(database, SIZES)), ""
    # The indexes of lists would take most of the time, and are not measured.
    indexes = run.postgres.sql(database, INDEXES).splitlines()
    for name, _ in (line.split("|", 1) for line in indexes):
        run.postgres.sql(database, f"DROP INDEX {name}")
    for number in range(1, REVISIONS):
        progress(f"change {number} of all {count:,} metrics")
        for first in range(1, count + 1, CHUNK):
            ids = [catalogue.identifier(at) for at in (first, min(count, first + CHUNK - 1))]
            run.postgres.sql(database, CHANGE.format(round=number, first=ids[0], last=ids[1]))
        # Or the dead rows of all rounds fill the disk.
        run.postgres.sql(database, "VACUUM metrics")
        run.postgres.sql(database, "CHECKPOINT")
        if number == REVISIONS // 2:
            instant = run.postgres.sql(database, "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', "
                                       "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    for _, definition in (line.split("|", 1) for line in indexes):
        run.postgres.sql(database, definition)
    run.postgres.sql(database, "VACUUM ANALYZE")
    added = int(run.postgres.sql(database, SIZES)) - before
    return instant, added / count / (REVISIONS - 1)


def scans(postgres, database):
    """How often the tables of versions were read from beginning to end."""
    return int(postgres.sql(database, "SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_user_tables "
                            "WHERE relname IN ('metrics', 'metric_revisions', 'metric_snapshots')"))


def measure(run, options):
    """Runs all rounds and prints the table."""
    sizes = {"small": SMALL, "large": options.metrics}
    reads, added = {}, {}
    for database, count in sizes.items():
        instant, added[database] = fill(run, database, count)
        service = Service(run, database, database, CACHE_MAX_BYTES="0")
        reads[database] = Reads(service, count, instant)
    run.postgres.sql("large", "SELECT pg_stat_reset()")
    results = {}
    for number in range(1, options.rounds + 1):
        for name in reads["small"].paths():
            # In turns, so that what else the machine does meets both.
            for database in (sizes if number % 2 else reversed(sizes)):
                value = statistics.median(reads[database].measure(name))
                results.setdefault(name, {}).setdefault(database, []).append(value)
                progress(f"round {number}: {name}, {database}: {value:.3f} ms")
    time.sleep(2)
    large, scanned = f"{options.metrics:,} metrics", scans(run.postgres, "large")
    print(f"\n{machine.today()}, {machine.hardware()}, PostgreSQL {run.postgres.version()}, load "
          f"{machine.load_average():.1f}; medians of {options.rounds} rounds of {REQUESTS:,} requests:\n")
    print(f"| read | {SMALL} metrics | {large} | ratio |\n| --- | --- | --- | --- |")
    for name, found in results.items():
        medians = {database: statistics.median(values) for database, values in found.items()}
        ratio = statistics.median(a / b for a, b in zip(found["large"], found["small"]))
        print(f"| {name} | {medians['small']:.2f} ms | {medians['large']:.2f} ms | {ratio:.2f} |")
    print(f"\nA change adds {added['large']:,.0f} bytes to {', '.join(TABLES)} with their indexes; scans of "
          f"whole tables by the {len(results) * options.rounds * REQUESTS:,} requests: {scanned}.")


def options(parser):
    """The command line."""
    parser.add_argument("--metrics", type=int, default=100_000, help="metrics of the large catalogue")
    parser.add_argument("--rounds", type=int, default=5)


def main(description):
    """Runs the measurement."""
    sample_run.main(description, options, measure)
