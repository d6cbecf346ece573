"""The chart: requests, latency and memory of each scenario, second by second."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, GAP = 960, 110, 60, 64, 46
PANELS = 3
PANEL = (WIDTH - LEFT - PANELS * GAP) / PANELS
SERVED, REFUSED, LATENCY, MEMORY = "#2e7d32", "#c62828", "#1565c0", "#6a1b9a"
# The scale of latencies, in milliseconds.
FASTEST, SLOWEST = 0.1, 10_000


def _text(x, y, text, anchor="start", size=11):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'


class _Panel:
    """One small diagram."""

    def __init__(self, column, top, seconds):
        self.left, self.top = LEFT + column * (PANEL + GAP), top
        self._seconds = seconds
        self.parts = [f'<path d="M{self.left:.0f} {top}v{HEIGHT - 40}h{PANEL:.0f}" fill="none" stroke="#757575"/>']

    def _x(self, second):
        return self.left + PANEL * min(second, self._seconds) / self._seconds

    def _y(self, share):
        return self.top + (HEIGHT - 40) * (1 - min(max(share, 0), 1))

    def line(self, points, colour):
        """A line through (second, share of the height); None interrupts it."""
        path, is_open = "", False
        for second, share in points:
            if share is None:
                is_open = False
                continue
            path += f'{"L" if is_open else "M"}{self._x(second):.1f} {self._y(share):.1f}'
            is_open = True
        if path:
            self.parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')

    def scale(self, top, bottom="0"):
        """The values at the ends of the vertical axis, and the length of the horizontal one."""
        self.parts += [_text(self.left - 5, self.top + 9, top, "end", 10),
                       _text(self.left - 5, self._y(0), bottom, "end", 10),
                       _text(self.left + PANEL, self._y(0) + 13, f"{self._seconds} s", "end", 10)]

    def event(self, second, text):
        """A dashed line at which something was done."""
        x = self._x(second)
        self.parts += [f'<path d="M{x:.1f} {self.top}v{HEIGHT - 40}" stroke="#757575" stroke-dasharray="3 2"/>',
                       _text(x, self._y(0) + 13, text, "middle", 10)]


def _row(outcome, top):
    seconds = outcome.by_second()
    panels = [_Panel(column, top, outcome.seconds) for column in range(PANELS)]
    most = max(served + refused for served, refused, _ in seconds) or 1
    panels[0].line([(at, row[0] / most) for at, row in enumerate(seconds)], SERVED)
    if any(row[1] for row in seconds):
        panels[0].line([(at, row[1] / most) for at, row in enumerate(seconds)], REFUSED)
    panels[0].scale(f"{most:,}")
    span = math.log(SLOWEST / FASTEST)
    panels[1].line([(at, None if row[2] is None else math.log(max(row[2], FASTEST) / FASTEST) / span)
                    for at, row in enumerate(seconds)], LATENCY)
    panels[1].scale("10 s", "0.1 ms")
    largest = max(sample.memory for sample in outcome.samples) * 1.2
    panels[2].line([(sample.at, sample.memory / largest) for sample in outcome.samples], MEMORY)
    panels[2].scale(f"{largest:.0f}")
    for panel in panels:
        for at, text in outcome.events:
            panel.event(at, text)
    return [_text(LEFT, top - 8, outcome.name, size=12), *(part for panel in panels for part in panel.parts)]


def draw(outcomes):
    """Returns the chart as SVG."""
    step = HEIGHT + 10
    titles = ["requests/s (green: served, red: not)", "99th percentile of latency (logarithmic)", "memory, MiB"]
    parts = [_text(LEFT + column * (PANEL + GAP), 22, title, size=12) for column, title in enumerate(titles)]
    for number, outcome in enumerate(outcomes):
        parts += _row(outcome, TOP + number * step)
    height = TOP + len(outcomes) * step
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'role="img">', "<title>Requests, latency and memory over time</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>', *parts, "</svg>", ""])
