"""oha, the client: one process for each kind of request, each with a fixed rate."""

import json
import os
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path

from processes import Failure, output, progress

VERSION = "1.16.0"
# Seconds until a client gives up.
PATIENCE = 10


def find(root):
    """The path of oha. Builds it into target/tools if it is missing."""
    tools = Path(os.environ.get("MDL_TOOLS", root / "target/tools"))
    found = shutil.which("oha") or tools / "bin/oha"
    if not Path(found).exists():
        progress("building oha")
        output("cargo", "install", "oha", "--version", VERSION, "--locked", "--quiet",
               "--root", tools, "--target-dir", tools / "build")
        shutil.rmtree(tools / "build", ignore_errors=True)
    return str(found)


@dataclass(frozen=True)
class Requests:
    """One kind of request: its name, where it goes, who sends it, how many a second."""

    name: str
    path: str
    headers: dict
    rate: int
    connections: int = 16
    method: str = "GET"
    # A file of bodies, one a line.
    bodies: Path | None = None


@dataclass(frozen=True)
class Answer:
    """When a request was due (seconds since the clients began), how long it took, and its status."""

    due: float
    seconds: float
    status: int


class Client:
    """A running oha."""

    def __init__(self, run, program, address, requests, seconds):
        self._records = run.folder / f"{requests.name}.db"
        self._records.unlink(missing_ok=True)
        self._report = run.folder / f"{requests.name}.json"
        command = [program, "--no-tui", "-z", f"{seconds}s", "-q", str(requests.rate), "-c",
                   str(requests.connections), "-t", f"{PATIENCE}s", "-m", requests.method, "--latency-correction",
                   "-w", "--redirect", "0", "--rand-regex-url", "--worker-threads", "1", "--db-url",
                   str(self._records), "--output-format", "json", "-o", str(self._report)]
        for name, value in requests.headers.items():
            command += ["-H", f"{name}: {value}"]
        if requests.bodies:
            command += ["-Z", str(requests.bodies)]
        # An expression, in which oha takes dots for themselves.
        command.append(f"http://{address}{requests.path}")
        self._processes = run.processes
        # Nothing of the caller's environment: it may name a proxy.
        self._process = run.processes.start(command, env={}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers(self):
        """Waits for the end. Returns the answers, and how often there was none, by the reason."""
        code = self._process.wait()
        self._processes.stop(self._process)
        if code != 0:
            raise Failure(f"oha: exit code {code}")
        report = json.loads(self._report.read_text())
        if not self._records.exists():
            return [], report["errorDistribution"]
        with sqlite3.connect(self._records) as records:
            rows = records.execute("SELECT coalesce(start_latency_correction, start), end, status FROM oha")
            answers = [Answer(due, end - due, status) for due, end, status in rows]
        records.close()
        return answers, report["errorDistribution"]
