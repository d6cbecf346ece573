"""One run: options, benchmark, report."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import cases
import machine
import report
from benchmark import Bench
from processes import Failure


def options(description):
    """Parses the command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="scripts/bench", description=description, formatter_class=form)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds (default 5)")
    parser.add_argument("--seconds", type=int, default=4, metavar="N",
                        help="seconds of each measurement of a rate (default 4)")
    parser.add_argument("--metrics", type=int, metavar="N",
                        help="metrics of the catalogue (default 20,000; memory needs 10,000)")
    parser.add_argument("--full", action="store_true", help="100,000 metrics, and 200 against them")
    parser.add_argument("--only", metavar="NAME",
                        help="only measurements whose name contains this, and what they are compared with")
    parser.add_argument("--output", type=Path, metavar="FILE",
                        help="page to write the section into (default docs/performance.md; with --only "
                             "stdout)")
    return parser.parse_args()


def main(description):
    """Runs the benchmark; exits with 1 and a message if that is not possible."""
    chosen_options = options(description)
    chosen = cases.selected(chosen_options.only, chosen_options.full)
    if not chosen:
        sys.exit("bench: no measurement has this name")
    folder = Path(tempfile.mkdtemp(prefix="mdl-bench."))
    bench = None
    try:
        bench = Bench(chosen_options, folder)
        bench.prepare()
        before = machine.load_average()
        bench.measure(chosen)
        report.write(bench, chosen, before)
    except Failure as failure:
        sys.exit(f"bench: {failure}")
    finally:
        if bench:
            bench.close()
        shutil.rmtree(folder, ignore_errors=True)
