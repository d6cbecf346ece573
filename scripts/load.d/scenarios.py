"""The scenarios. Each has traffic, and may do something while that is under way."""

import threading
import time
from collections import Counter

import oha
import sample_run
import scaling
import section
from front import Front
from outcome import Outcome, is_served
from postgres import free_port
from processes import progress
from service import Service
from traffic import METRICS, Traffic
from watch import Watch, rows

# Changes a second: as few as a real catalogue has, or many.
FEW, MANY = 4, 40
STEADY = 30
SPIKE_AT, SPIKE_FOR, SPIKE = 15, 10, 45
STOP_AT, STOPPED_FOR, OUTAGE = 10, 30, 90
KILL_AT, AGAIN_AT, KILLED = 10, 20, 40
# Seconds after which nothing may be left of a spike, and of an outage: an attempt that comes just before the database
# does is repeated after CIRCUIT_BREAKER_RESET_TIMEOUT, 30 s.
CALM, CLOSED = 15, 32
# Tables that changes add rows to, by design.
GROWING = {"metric_revisions", "metric_snapshots", "metric_periods", "catalogue_changes", "audit_events"}


class Load:
    """The service under load."""

    def __init__(self, run, options):
        self.run, self.options, self.oha = run, options, oha.find(run.root)
        run.fill("load", METRICS)
        self.service = Service(run, "load", "load")
        self.traffic = Traffic(run, self.service)
        self.outcomes = []

    def scenario(self, name, seconds, kinds, actions=(), address=None, processes=None, may_fail=None):
        """Sends all kinds of requests for so long. `actions` are (seconds, text, what to do). `may_fail` says of a
        second whether a request that was due in it may be refused."""
        progress(f"{name}: {seconds} s")
        watch = Watch(processes or (lambda: [self.service.process]))
        clients = [oha.Client(self.run, self.oha, address or self.service.address, kind, seconds) for kind in kinds]
        timers = [threading.Timer(at, act) for at, _, act in actions]
        for timer in timers:
            timer.start()
        answers, unanswered = [], Counter()
        for client in clients:
            found, missing = client.answers()
            answers += found
            unanswered.update(missing)
        for timer in timers:
            timer.join()
        outcome = Outcome(name, seconds, answers, unanswered, watch.end(), [action[:2] for action in actions])
        late = Counter(answer.status for answer in answers
                       if not is_served(answer.status) and not (may_fail and may_fail(answer.due)))
        for status, count in late.items():
            outcome.faults.append(f"{count} requests that had to be served were answered {status}")
        if unanswered and not may_fail:
            outcome.faults.append(f"{sum(unanswered.values())} requests had no answer")
        self.outcomes.append(outcome)
        self.service.empty_log()
        return outcome

    def steady(self):
        """Traffic as on any day."""
        self.scenario("steady, read-mostly", STEADY, self.traffic.mix(FEW))

    def mixed(self):
        """Many changes."""
        self.scenario("steady, mixed", STEADY, self.traffic.mix(MANY))

    def spike(self):
        """Ten times the reads for some seconds."""
        late = []
        clients = threading.Timer(SPIKE_AT, lambda: late.extend(
            oha.Client(self.run, self.oha, self.service.address, kind, SPIKE_FOR) for kind in self.traffic.spike()))
        clients.start()
        outcome = self.scenario("spike", SPIKE, self.traffic.mix(FEW), [
            (SPIKE_AT, "spike", lambda: None), (SPIKE_AT + SPIKE_FOR, "end", lambda: None),
        ], may_fail=lambda due: SPIKE_AT - 1 <= due < SPIKE_AT + SPIKE_FOR + CALM)
        clients.join()
        for client in late:
            answers, missing = client.answers()
            outcome.answers += [oha.Answer(answer.due + SPIKE_AT, answer.seconds, answer.status) for answer in answers]
            outcome.unanswered.update(missing)

    def soak(self):
        """Long enough to see what grows."""
        seconds = int(self.options.soak * 60)
        # So that pools, caches and histories are as full as they become.
        self.scenario("before the soak", 20, self.traffic.mix(FEW))
        self.outcomes.pop()
        before = rows(self.run.postgres, "load")
        outcome = self.scenario(f"soak of {self.options.soak:g} min", seconds, self.traffic.mix(FEW))
        after = rows(self.run.postgres, "load")
        added = {name: count - before[name] for name, count in after.items() if count != before[name]}
        outcome.faults += outcome.grown()
        outcome.faults += [f"{count} rows were added to {name}" for name, count in added.items()
                           if name not in GROWING and count > 0]
        changes = sum(answer.status == 200 for answer in outcome.answers)
        listed = ", ".join(f"`{name}` {count:+,}" for name, count in sorted(added.items())) or "none"
        outcome.notes.append(f"Rows added by the soak's {FEW * seconds:,} changes: {listed}; all other tables have as "
                             f"many rows as before, after {changes:,} requests.")

    def outage(self):
        """PostgreSQL is stopped and started again."""
        postgres, started = self.run.postgres, STOP_AT + STOPPED_FOR
        outcome = self.scenario("PostgreSQL stopped for 30 s", OUTAGE, self.traffic.mix(FEW), [
            (STOP_AT, "stop", postgres.stop), (started, "start", postgres.start),
        ], may_fail=lambda due: STOP_AT - 1 <= due < started + CLOSED)
        last = max((answer.due for answer in outcome.answers if not is_served(answer.status)), default=0)
        outcome.notes.append(f"After PostgreSQL was started again, requests were refused for another "
                             f"{max(0, last - started):.0f} s, until the circuits tried it.")

    def killed(self):
        """One of two processes behind haproxy is killed, and started again."""
        ports, services = [free_port(), free_port()], {}

        def start(port):
            services[port] = Service(self.run, f"behind-{port}", "load", PORT=str(port), TRUSTED_PROXIES="127.0.0.1")

        def kill():
            services[ports[0]].process.kill()
            services[ports[0]].process.wait()

        for port in ports:
            start(port)
        front = Front(self.run, ports)
        self.scenario("one of two processes killed", KILLED, self.traffic.mix(FEW), [
            (KILL_AT, "kill", kill), (AGAIN_AT, "start", lambda: start(ports[0])),
        ], front.address, lambda: [service.process for service in services.values()],
            lambda due: KILL_AT - 1 <= due < KILL_AT + 2)
        front.stop()
        for service in services.values():
            service.stop()


SCENARIOS = ["steady", "mixed", "spike", "soak", "outage", "killed"]


def options(parser):
    """The command line."""
    parser.add_argument("--soak", type=float, default=2, metavar="MINUTES", help="length of the soak (default 2)")
    parser.add_argument("--only", choices=[*SCENARIOS, "processes"], help="one scenario; its table is printed")


def measure(run, chosen):
    """Runs the scenarios, and writes or prints what they have shown."""
    began = time.monotonic()
    if chosen.only == "processes":
        scaling.measure(run)
        return
    load = Load(run, chosen)
    for name in [chosen.only] if chosen.only else SCENARIOS:
        getattr(load, name)()
    section.write(run, load.outcomes, is_whole=not chosen.only)
    progress(f"{time.monotonic() - began:.0f} s")
    section.judge(load.outcomes)


def main(description):
    """Runs everything."""
    sample_run.main(description, options, measure)
