"""The section of docs/performance.md: what was measured on which machine, the table and the chart."""

import json
import statistics
import textwrap
from pathlib import Path

import chart
import machine
from processes import progress

BEGIN, END = "<!-- scripts/bench: begin -->", "<!-- scripts/bench: end -->"


class Row:
    """The figures of a measurement of all rounds."""

    def __init__(self, case, results):
        figures = results[case.name]
        self.case = case
        self.values = [one["value"] for one in figures]
        self.failed = sum(one["failed"] for one in figures)
        counts = [one["statements"] for one in figures if "statements" in one]
        self.statements = statistics.median(counts) if counts else None
        # That of the round in the middle.
        middle = sorted(figures, key=lambda one: one["value"])[len(figures) // 2]
        self.note = middle.get("note", "")
        others = [one["value"] for one in results[case.against]] if case.against else []
        self.ratios = [value / other for value, other in zip(self.values, others)]

    def goal(self):
        """The goal and whether it is reached; nothing without a goal."""
        goal = self.case.goal
        if not goal:
            return "–"
        value = statistics.median(self.ratios if goal.of_ratio else self.values)
        return f"{goal.text()}: {'reached' if goal.is_reached(value) else '**not reached**'}"


def spread(values, form):
    """The median, and least and most."""
    middle = form(statistics.median(values))
    return f"{middle} ({form(min(values))} to {form(max(values))})" if len(values) > 1 else middle


def number(value):
    """A figure with the digits that mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


def cells(row):
    """A row of the table."""
    ratio = f"{spread(row.ratios, '{:.2f}'.format)} of *{row.case.against}*" if row.ratios else "–"
    statements = "–" if row.statements is None else f"{row.statements:.2f}"
    note = "; ".join(filter(None, [row.note, f"**{row.failed:.0f} failed**" if row.failed else ""]))
    return [row.case.name, f"{spread(row.values, number)} {row.case.unit}", ratio, row.goal(), statements, note]


def table(rows):
    """The table in Markdown."""
    heads = ["measurement", "median (least to most)", "ratio in the same round", "goal",
             "statements per request", "note"]
    lines = [heads, ["---"] * len(heads), *map(cells, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def conditions(bench, load_before):
    """What the figures depend on."""
    options = bench.options
    size = bench.programs.service.stat().st_size / 1024 ** 2
    written, dropped = bench.service.access_log()
    share = dropped / max(1, written + dropped)
    paragraphs = [
        f"{machine.today()}, commit {machine.commit(bench.root)}, {machine.compiler()}, PostgreSQL "
        f"{bench.postgres.version()}; {machine.hardware()}; load average {load_before:.1f} before the "
        f"first round. {options.rounds} rounds of {options.seconds} s for each rate, {bench.count:,} metrics "
        f"of {len(json.dumps(bench.metric)) / 1000:.1f} kB. The program has {size:.0f} MiB.",
        "Client, service, yardsticks and PostgreSQL (`fsync=on`) share the machine. 16 connections of wrk "
        "(log-in: 4). Rate limits, security headers, metrics and the access log are on; the limits refuse "
        f"nothing, and the log goes to a file ({share:.1%} of its lines were dropped, because the queue to its "
        "writer was full). *Bare actix-web* answers the same bytes and headers from memory. *Bare pool* runs "
        "the statements of the service on diesel-async and bb8, and answers the same bytes. A "
        "statement is one that PostgreSQL counted, polling among them. Latencies are of a client with a "
        "fixed rate (`benches/yardstick/pace.rs`). A goal is a bound of the ratio, or else of the figure.",
    ]
    return "\n\n".join(textwrap.fill(paragraph, 120) for paragraph in paragraphs)


def section(bench, chosen, load_before, picture):
    """The whole section without its markers."""
    rows = [Row(case, bench.results) for group in chosen for case in group]
    return "\n\n".join([conditions(bench, load_before), f"![Ratios and goals]({picture})", table(rows)]), rows


def write(bench, chosen, load_before):
    """Writes page and chart, or prints the section if only some measurements were made."""
    page = bench.options.output or (None if bench.options.only else bench.root / "docs/performance.md")
    picture = page.with_suffix(".svg") if page else Path("none.svg")
    text, rows = section(bench, chosen, load_before, picture.name)
    if not page:
        print(text)
        return
    old = page.read_text(encoding="utf-8") if page.exists() else f"# Performance\n\n{BEGIN}\n{END}\n"
    if BEGIN not in old or END not in old:
        old += f"\n{BEGIN}\n{END}\n"
    before, after = old.split(BEGIN)[0], old.split(END)[1]
    picture.write_text(chart.draw(rows), encoding="utf-8")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    progress(f"written: {page}, {picture}")
