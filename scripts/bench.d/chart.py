"""The chart: the ratio of each measurement to its yardstick, with its spread, and its goal."""

import statistics
from xml.sax.saxutils import escape

WIDTH, LEFT, LINE, TOP = 900, 330, 24, 44
# The largest ratio that has room.
MOST = 1.25


def _at(ratio):
    return LEFT + (WIDTH - LEFT - 60) * min(ratio, MOST) / MOST


def _text(x, y, text, anchor="start"):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _bar(row, y):
    middle, least, most = statistics.median(row.ratios), min(row.ratios), max(row.ratios)
    goal = row.case.goal
    has_goal = bool(goal and goal.of_ratio)
    colour = "#2e7d32" if has_goal and goal.is_reached(middle) else "#c62828" if has_goal else "#546e7a"
    parts = [
        _text(LEFT - 10, y + 14, row.case.name, "end"),
        f'<rect x="{LEFT}" y="{y + 3}" width="{_at(middle) - LEFT:.0f}" height="14" fill="{colour}"/>',
        f'<path d="M{_at(least):.0f} {y + 10}H{_at(most):.0f}" stroke="#000" stroke-width="2"/>',
        _text(_at(max(most, middle)) + 6, y + 14, f"{middle:.2f}"),
    ]
    if has_goal:
        parts.append(f'<path d="M{_at(goal.least):.0f} {y}v20" stroke="#000" stroke-dasharray="3 2"/>')
    return "\n".join(parts)


def draw(rows):
    """Returns the chart as SVG."""
    shown = [row for row in rows if row.ratios]
    height = TOP + LINE * len(shown) + 10
    title = "Ratio to the yardstick of the same round (median; line: least to most; dashed: goal)"
    bars = [_bar(row, TOP + LINE * at) for at, row in enumerate(shown)]
    axis = f'<path d="M{_at(1):.0f} {TOP - 10}V{height - 6}" stroke="#9e9e9e"/>'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        _text(10, 20, title), axis, *bars, "</svg>", ""])
