"""The catalogue that is measured: copies of one metric of examples/catalogue.yaml, with 4 kB of JSON each."""

import json

from processes import output
from service import environment


# Metrics that measurements change. Their history is full from the beginning, so that a response does not
# grow from round to round; they are not on the first page of the list.
CHANGED_FIRST, CHANGED = 1001, 1000
FILL_HISTORY = (
    "UPDATE metrics SET change_history = (SELECT jsonb_agg(entry) FROM "
    "(SELECT change_history -> 0 AS entry FROM generate_series(1, 20)) AS entries) "
    f"WHERE metric_id BETWEEN 'm{CHANGED_FIRST:06}' AND 'm{CHANGED_FIRST + CHANGED - 1:06}'")


def identifier(number):
    """The id of a copy; all are of one length, so that requests are, too."""
    return f"m{number:06}"


def sample(bench, database):
    """Imports the sample catalogue into an empty database, and returns its domains and one metric."""
    variables = environment(bench.postgres.url(database))
    root = bench.root
    output(bench.programs.service, "migrate", env=variables)
    output(bench.programs.service, "import", root / "examples/catalogue.yaml", env=variables)
    text = output(bench.programs.service, "export", "--format", "json", env=variables)
    document = json.loads(text[text.index("{"):])
    metric = next(metric for metric in document["metrics"] if metric["metric_id"] == "mrr")
    return document["domains"], related(metric, [])


def related(metric, upstream):
    """Returns a metric that derives from these, and nothing from it: ids must exist."""
    ids = {"upstream_metric_ids": upstream, "downstream_metric_ids": []}
    return {**metric, "relationships": {**metric["relationships"], **ids}}


def copy(metric, number):
    """Returns a copy of a metric, with values distributed as in a real catalogue."""
    governance = {**metric["governance"], "owner_team": f"Team {number % 40}"}
    derived = related(metric, [metric["metric_id"]])
    return {**derived, "metric_id": identifier(number), "name": f"Metric {number:06}",
            "category": f"Category {number % 50}", "tier": f"Tier-{1 + number % 3}",
            "tags": [f"t{number % 100}", "benchmark"], "governance": governance}


def write(path, domains, metric, count):
    """Writes a catalogue of so many copies, and the metric itself, for `mdl import`."""
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"domains":' + json.dumps(domains) + ',"metrics":[')
        file.write(json.dumps(metric))
        for number in range(1, count + 1):
            file.write(",\n" + json.dumps(copy(metric, number)))
        file.write("]}\n")
