"""What a measurement is, and all of them in the order of the table."""

from dataclasses import dataclass
from typing import Callable, Optional


@dataclass(frozen=True)
class Goal:
    """A bound of the median: of the ratio to the yardstick, or else of the figure itself."""

    least: Optional[float] = None
    most: Optional[float] = None
    of_ratio: bool = False

    def text(self):
        """As the table shows it."""
        return f"≥ {self.least:,g}" if self.least is not None else f"≤ {self.most:,g}"

    def is_reached(self, value):
        """Whether a median is within the bound."""
        return value >= self.least if self.least is not None else value <= self.most


@dataclass(frozen=True)
class Case:
    """A measurement. `measure` gets the benchmark, and returns at least `value`; further texts for the
    table are in `note`."""

    name: str
    measure: Callable
    unit: str = "requests/s"
    # The measurement of the same round that it is divided by.
    against: Optional[str] = None
    goal: Optional[Goal] = None
    # Measurements of the same round that it needs the figures of.
    needs: tuple = ()
    # Only with --full.
    full: bool = False

    def needed(self):
        """All measurements that have to be made before, or beside."""
        return {*self.needs, *([self.against] if self.against else [])}


def ratio(least):
    """A goal for the ratio."""
    return Goal(least=least, of_ratio=True)


def groups():
    """Groups of measurements that are compared with each other, one after the other in a round."""
    import footprint
    import reads
    import uncached
    import writes

    return [*reads.groups(), *uncached.groups(), *writes.groups(), *footprint.groups()]


def selected(only, full):
    """The groups with the measurements whose name contains a text, and those that they need."""
    everything = {case.name: case for group in groups() for case in group}
    wanted = {name for name, case in everything.items()
              if (only or "") in name and (full or not case.full)}
    while more := {name for known in wanted for name in everything[known].needed()} - wanted:
        wanted |= more
    chosen = [[case for case in group if case.name in wanted] for group in groups()]
    return [group for group in chosen if group]
