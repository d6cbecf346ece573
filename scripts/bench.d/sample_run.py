"""A run of one of the smaller measurements: a private PostgreSQL, the release build, and a command line."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import catalogue
from postgres import Postgres
from processes import Failure, Processes, output, progress
from programs import Programs
from service import environment


def build(root):
    """Builds the release with the features of the container image, unless it is named by the environment."""
    given = os.environ.get("MDL_BENCH_BINARY")
    if given:
        return Path(given).resolve()
    progress("building the release")
    subprocess.run(["cargo", "build", "--release", "--locked", "--no-default-features", "--features",
                    "cloudwatch,elasticsearch,otlp", "--bin", "mdl"], cwd=root, check=True)
    return (Path(os.environ.get("CARGO_TARGET_DIR", root / "target")) / "release/mdl").resolve()


class SampleRun:
    """What `Service` and `catalogue` need of a run."""

    def __init__(self, folder, root):
        self.folder, self.root, self.processes = folder, root, Processes()
        self.programs = Programs(build(root), Path())
        self.postgres = Postgres(folder)

    def start(self):
        """Starts PostgreSQL, and reads the domains and the metric of which catalogues are made."""
        self.postgres.start()
        self.postgres.create("sample")
        self.domains, self.metric = catalogue.sample(self, "sample")

    def fill(self, database, count):
        """Makes a database with a catalogue of so many metrics."""
        progress(f"importing {count:,} metrics")
        file = self.folder / "catalogue.json"
        catalogue.write(file, self.domains, self.metric, count)
        self.postgres.create(database)
        variables = environment(self.postgres.url(database))
        output(self.programs.service, "migrate", env=variables)
        output(self.programs.service, "import", file, env=variables)

    def close(self):
        """Ends everything."""
        self.processes.stop_all()
        self.postgres.stop()


def main(description, options, measure):
    """Runs `measure(run, options)`. `options` adds what it needs to the parser of the command line."""
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    options(parser)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mdl-bench-") as folder:
        run = SampleRun(Path(folder), Path(__file__).resolve().parents[2])
        try:
            run.start()
            measure(run, chosen)
        except Failure as failure:
            sys.exit(f"{Path(sys.argv[0]).name}: {failure}")
        finally:
            run.close()
