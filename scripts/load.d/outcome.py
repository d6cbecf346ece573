"""What a scenario has shown: answers over time, latencies, and what the processes needed."""

import statistics
from collections import Counter
from dataclasses import dataclass, field

# Shares of the samples at the beginning and at the end that are compared.
PART = 4
# How much a figure may differ between them without having grown: allocators and pools breathe.
SLACK = {"memory": (1.05, 2), "descriptors": (1, 4), "threads": (1, 0)}


def is_served(status):
    """Whether an answer is what was asked for."""
    return 200 <= status < 400


@dataclass
class Outcome:
    """The figures of one scenario. `unanswered` counts requests without an answer, by the reason."""

    name: str
    seconds: int
    answers: list
    unanswered: Counter
    samples: list
    # Seconds at which something was done, and what.
    events: list
    # What a reader should know, and what must not have happened.
    notes: list = field(default_factory=list)
    faults: list = field(default_factory=list)

    def count(self):
        """The number of requests."""
        return len(self.answers) + sum(self.unanswered.values())

    def failures(self):
        """How many requests were not served, by status or reason."""
        found = Counter(str(answer.status) for answer in self.answers if not is_served(answer.status))
        found.update(self.unanswered)
        return found

    def latency(self, share):
        """The latency in milliseconds below which this share of the served requests was."""
        served = sorted(answer.seconds for answer in self.answers if is_served(answer.status))
        return served[min(len(served) - 1, int(len(served) * share))] * 1000 if served else float("nan")

    def ends(self, name):
        """The median of a figure of the samples at the beginning, and of those at the end."""
        values = [getattr(sample, name) for sample in self.samples]
        part = max(1, len(values) // PART)
        return statistics.median(values[:part]), statistics.median(values[-part:])

    def cores(self):
        """CPU seconds per second. A process that is killed takes its count along: only increases are added."""
        pairs = zip(self.samples, self.samples[1:])
        used = sum(max(0, later.cpu - earlier.cpu) for earlier, later in pairs)
        return used / (self.samples[-1].at - self.samples[0].at)

    def grown(self):
        """The figures that grew."""
        found = []
        for name, (factor, extra) in SLACK.items():
            first, last = self.ends(name)
            if last > first * factor + extra:
                found.append(f"{name} grew from {first:.0f} to {last:.0f}")
        return found

    def by_second(self):
        """For each second in which requests were due: how many were served, how many not, and the 99th percentile of
        the latency in milliseconds. Requests without an answer have no time, and are not in it."""
        seconds = [[] for _ in range(self.seconds)]
        for answer in self.answers:
            if answer.due < self.seconds:
                seconds[int(answer.due)].append(answer)
        rows = []
        for answers in seconds:
            served = sorted(answer.seconds for answer in answers if is_served(answer.status))
            high = served[min(len(served) - 1, int(len(served) * 0.99))] * 1000 if served else None
            rows.append((len(served), len(answers) - len(served), high))
        return rows
