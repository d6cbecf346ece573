"""What runs during the whole benchmark, and the rounds."""

import json
import subprocess
from pathlib import Path

import catalogue
import load
import programs
import reads
from postgres import Postgres
from processes import Failure, Processes, output, progress
from service import PASSWORD, Service, environment

USUAL_COUNT, FULL_COUNT, SMALL_COUNT = 20_000, 100_000, 200


class Target:
    """A yardstick that listens. If it has a database, its statements are counted."""

    def __init__(self, bench, command, database=None):
        self.process = bench.processes.start([str(bench.programs.yardstick), *command], text=True,
                                             stdout=subprocess.PIPE)
        self.address = self.process.stdout.readline().strip()
        self.database = database
        if not self.address:
            raise Failure(f"the yardstick does not start: {command[0]}")


class Bench:
    """The state of a run. `results` has a list of figures for each measurement, one a round."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.root = Path(__file__).resolve().parents[2]
        self.processes = Processes()
        self.postgres = None
        self.round = 0
        self.results = {}
        self.count = options.metrics or (FULL_COUNT if options.full else USUAL_COUNT)

    def prepare(self):
        """Builds, and starts everything that runs all the time."""
        programs.install_wrk()
        self.programs = programs.build(self.root)
        progress("starting PostgreSQL")
        self.postgres = Postgres(self.folder)
        self.postgres.start()
        self._fill()
        self.service = Service(self, "service", "bench")
        admin = self.service.log_in()
        self.key = {"X-API-Key": self.service.create_key(admin)}
        self.token = {"Authorization": f"Bearer {self.service.log_in()}"}
        self.user = "log-in"
        account = {"username": self.user, "email": "log-in@example.com", "full_name": "Log In",
                   "password": PASSWORD, "role": "viewer"}
        self.service.call("POST", "/api/auth/users", account, Authorization=f"Bearer {admin}")
        self.anonymous = Service(self, "anonymous", "bench", ANONYMOUS_READ="true")
        answers = self._store_answers()
        self.answers = Target(self, ["answers", answers])
        self.queries = Target(self, ["queries", answers, self.postgres.url("bench")], "bench")

    def _fill(self):
        self.postgres.create("sample")
        domains, self.metric = catalogue.sample(self, "sample")
        self.postgres.create("empty")
        output(self.programs.service, "migrate", env=environment(self.postgres.url("empty")))
        self.catalogue = self.folder / "catalogue.json"
        for database, count in (("small", SMALL_COUNT), ("bench", self.count)):
            progress(f"importing {count:,} metrics")
            catalogue.write(self.catalogue, domains, self.metric, count)
            self.postgres.create(database, "empty")
            output(self.programs.service, "import", self.catalogue,
                   env=environment(self.postgres.url(database)))
            self.postgres.sql(database, catalogue.FILL_HISTORY)
            self.postgres.sql(database, "VACUUM ANALYZE")

    def _store_answers(self):
        """Stores what the service answers, for the yardsticks to answer the same."""
        answers = {}
        for name, path in (("metric", reads.METRIC), ("list", reads.LIST)):
            status, headers, body = self.service.request("GET", path, **self.key)
            if status != 200:
                raise Failure(f"GET {path}: {status}")
            # The server makes these itself.
            sent = [pair for pair in headers if pair[0].lower() not in ("date", "content-length", "connection")]
            answers[name] = {"headers": sent, "body": body.decode()}
        file = self.folder / "answers.json"
        file.write_text(json.dumps(answers))
        return str(file)

    def load(self, target, path, headers, script=(), connections=16):
        """As many requests as possible for the configured time; counts statements where there are any."""
        database = getattr(target, "database", None)
        before = self.postgres.statements(database) if database else 0
        result = load.wrk(target.address, self.options.seconds, path, headers, script, connections)
        measured = {"value": result["rate"], "failed": result["failed"]}
        if database:
            measured["statements"] = (self.postgres.statements(database) - before) / result["requests"]
        self.empty_logs()
        return measured

    def empty_logs(self):
        """Empties the access logs."""
        for service in (self.service, self.anonymous):
            service.empty_log()

    def value(self, name):
        """The figure of a measurement in this round."""
        return self.results[name][-1]["value"]

    def measure(self, chosen):
        """Runs all rounds."""
        for self.round in range(1, self.options.rounds + 1):
            # Or the pages that the last round wrote are flushed while this one reads.
            self.postgres.sql("bench", "CHECKPOINT")
            for group in chosen:
                for case in self._in_turn(group):
                    measured = case.measure(self)
                    self.results.setdefault(case.name, []).append(measured)
                    failed = f", {measured['failed']:.0f} FAILED" if measured["failed"] else ""
                    progress(f"round {self.round} of {self.options.rounds}: {case.name}: "
                             f"{measured['value']:,.0f} {case.unit}{failed}")
            self._store_results()

    def _store_results(self):
        """Stores all figures, so that those of complete rounds outlive a failure."""
        file = self.root / "target/bench.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(self.results, indent=1), encoding="utf-8")

    def _in_turn(self, group):
        """The order changes, so that no measurement is always the first or the last. What needs another
        one of its round comes after it."""
        names = {case.name for case in group}
        if self.round % 2 == 1 or any(names.intersection(case.needs) for case in group):
            return group
        return group[::-1]

    def close(self):
        """Ends everything."""
        self.processes.stop_all()
        if self.postgres:
            self.postgres.stop()
