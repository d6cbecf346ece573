"""Looks at processes once a second: memory, CPU time, descriptors and threads."""

import os
import threading
import time
from dataclasses import dataclass

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """What all processes together had, so many seconds after the beginning. Memory in MiB, CPU time in seconds."""

    at: float
    memory: float
    cpu: float
    descriptors: int
    threads: int


def look(processes, at):
    """One sample. A process that has ended counts as nothing."""
    memory = cpu = descriptors = threads = 0
    for process in processes:
        folder = f"/proc/{process.pid}"
        try:
            status = dict(line.split(":", 1) for line in open(f"{folder}/status", encoding="utf-8"))
            fields = open(f"{folder}/stat", encoding="utf-8").read().rsplit(")", 1)[1].split()
            descriptors += len(os.listdir(f"{folder}/fd"))
            memory += int(status["VmRSS"].split()[0]) / 1024
            threads += int(status["Threads"])
            cpu += (int(fields[11]) + int(fields[12])) / TICKS
        except (OSError, KeyError):
            continue
    return Sample(at, memory, cpu, descriptors, threads)


class Watch:
    """Samples until it is ended. `processes` returns those that run at the moment."""

    def __init__(self, processes):
        self.samples, self._done, self._processes = [], threading.Event(), processes
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def _sample(self):
        while not self._done.wait(1):
            self.samples.append(look(self._processes(), time.monotonic() - self._began))

    def end(self):
        """Ends it."""
        self._done.set()
        self._thread.join()
        return self.samples


def rows(postgres, database):
    """The number of rows of each table."""
    names = postgres.sql(database, "SELECT string_agg(format('SELECT %L, count(*) FROM %I', relname, relname), "
                         "' UNION ALL ') FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    lines = postgres.sql(database, names).splitlines()
    return {name: int(count) for name, count in (line.split("|") for line in lines)}
