"""The clients: wrk for as many requests as possible, the yardstick's own client for a fixed rate."""

import json
import re
import subprocess
from pathlib import Path

from processes import Failure, output

SCRIPT = Path(__file__).parent / "requests.lua"


def wrk(address, seconds, path, headers, script=(), connections=16):
    """Returns requests, requests per second and failures of a run of wrk. `script` has the arguments of
    requests.lua."""
    command = ["wrk", f"-t{min(2, connections)}", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    command += ["-s", str(SCRIPT)] if script else []
    command += [f"http://{address}{path}"] + (["--", *map(str, script)] if script else [])
    text = output(*command)

    def number(pattern):
        found = re.search(pattern, text)
        return float(found.group(1)) if found else 0.0

    requests = number(r"(\d+) requests in")
    errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", text)))
    failed = number(r"Non-2xx or 3xx responses: (\d+)") + errors
    if not requests:
        raise Failure(f"wrk measured nothing:\n{text}")
    return {"requests": requests, "rate": number(r"Requests/sec:\s+([\d.]+)"), "failed": failed}


def lines(method, path, headers, body=""):
    """A request for the paced client, which replaces {unique} by as many digits as that has letters."""
    length = f"Content-Length: {len(body.encode())}\n" if body else ""
    fields = "".join(f"{name}: {value}\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\nHost: x\n{fields}{length}\n{body}"


class Pace:
    """A paced client, which runs beside this script."""

    def __init__(self, bench, address, rate, seconds, request, connections=16, values=1, first=1):
        command = [str(bench.programs.yardstick), "pace", address, str(rate), str(seconds),
                   str(connections), str(first), str(values), request]
        self._processes = bench.processes
        self._process = bench.processes.start(command, stdout=subprocess.PIPE, text=True)

    @classmethod
    def each_once(cls, bench, address, request, values, first=1):
        """A client that sends the request once with each value, as fast as it is answered."""
        return cls(bench, address, 0, 0, request, values=values, first=first)

    def result(self):
        """Waits for the end, and returns the rate that was reached, failures and latencies."""
        text, _ = self._process.communicate()
        self._processes.stop(self._process)
        if self._process.returncode != 0:
            raise Failure("the paced client failed")
        return json.loads(text)
