"""The section of docs/performance.md that the scenarios write."""

import textwrap

import machine
import timeline
from processes import Failure, progress
from traffic import BY_KEY, BY_PAGE, BY_TOKEN, METRICS, SPIKE

BEGIN, END = "<!-- scripts/load: begin -->", "<!-- scripts/load: end -->"
HEADS = ["scenario", "requests", "not served", "p50", "p99", "p99.9", "memory, MiB", "CPU", "descriptors", "threads"]


def change(outcome, name):
    """A figure at the beginning and at the end."""
    first, last = outcome.ends(name)
    return f"{first:.0f} → {last:.0f}"


def cells(outcome):
    """A row of the table."""
    failures = ", ".join(f"{count:,} × {reason}" for reason, count in outcome.failures().most_common()) or "0"
    quantiles = [f"{outcome.latency(share):,.1f} ms" for share in (0.5, 0.99, 0.999)]
    return [outcome.name, f"{outcome.count():,}", failures, *quantiles, change(outcome, "memory"),
            f"{outcome.cores():.2f} cores", change(outcome, "descriptors"), change(outcome, "threads")]


def text(run, outcomes, picture):
    """The section without its markers."""
    intro = (
        f"{machine.today()}, commit {machine.commit(run.root)}, PostgreSQL {run.postgres.version()} (`fsync=on`); "
        f"{machine.hardware()}; load average {machine.load_average():.1f} at the end. {METRICS:,} metrics of 4 kB. "
        f"{BY_KEY} reads of single metrics a second by key, {BY_TOKEN} lists of 20 by token, {BY_PAGE} pages of a "
        "metric in a browser's session; 4 changes a second, 40 in the mixed scenario; the spike is "
        f"{SPIKE} times as many reads for 10 s. All protections are on; the rate limits count and refuse nothing, "
        "because all requests come from one address. Clients (oha, fixed rates, latencies from the moment at which "
        "a request was due), haproxy and PostgreSQL share the cores with the service. Latencies are those of the "
        "requests that were served. Memory, descriptors and threads: medians of the first and of the last quarter, "
        "of all processes together.")
    lines = [HEADS, ["---"] * len(HEADS), *map(cells, outcomes)]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    notes = [note for outcome in outcomes for note in outcome.notes]
    parts = [intro, *notes]
    return "\n\n".join([textwrap.fill(parts[0], 120), f"![Requests, latency and memory over time]({picture})", table,
                        *(textwrap.fill(note, 120) for note in parts[1:])])


def write(run, outcomes, is_whole):
    """Writes page and chart; prints the section if it has not all scenarios."""
    page = run.root / "docs/performance.md"
    picture = page.with_name("load.svg")
    written = text(run, outcomes, picture.name)
    if not is_whole:
        print(written)
        return
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{written}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
    picture.write_text(timeline.draw(outcomes), encoding="utf-8")
    progress(f"written: {page}, {picture}")


def judge(outcomes):
    """Fails if something happened that must not."""
    faults = [f"{outcome.name}: {fault}" for outcome in outcomes for fault in outcome.faults]
    if faults:
        raise Failure("\n".join(["not as it should be:", *faults]))
    print("As it should be: nothing failed outside the faults, and nothing grew during the soak.")
