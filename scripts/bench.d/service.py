"""The service: the real program on loopback, as in production but for limits that refuse nothing."""

import http.client
import json
import os
import time
import urllib.parse
import urllib.request

from postgres import free_port
from processes import Failure

PASSWORD = "an horse of correct battery"
SCOPES = ["metrics:read", "metrics:write", "domains:read", "domains:write"]
SETTINGS = {
    "HOST": "127.0.0.1",
    "PORT": "0",
    "SHUTDOWN_DELAY": "0",
    "JWT_SECRET": "only-for-benchmarks-0123456789abcdef-access",
    "JWT_REFRESH_SECRET": "only-for-benchmarks-0123456789abcdef-refresh",
    "JWT_ACCESS_TOKEN_EXPIRY": "86400",
    "ADMIN_PASSWORD": PASSWORD,
    "LOG_FORMAT": "json",
    # The largest values: each request is counted, none is refused.
    "RATE_LIMIT_GENERAL_MAX": "100000",
    "RATE_LIMIT_GENERAL_WINDOW": "1000",
    "RATE_LIMIT_BURST_PER_SECOND": "100000",
    "RATE_LIMIT_AUTH_MAX": "1000",
    "RATE_LIMIT_AUTH_WINDOW": "1000",
}


def environment(database_url, **settings):
    """The environment of the program: nothing of the caller's but PATH."""
    return {"PATH": os.environ["PATH"], "DATABASE_URL": database_url, **SETTINGS, **settings}


class Service:
    """A running service."""

    def __init__(self, bench, name, database, **settings):
        folder = bench.folder / name
        folder.mkdir(exist_ok=True)
        self._bench = bench
        self.name = name
        self.database = database
        self.log = folder / "access.log"
        self.log.write_bytes(b"")
        self._metrics_port = free_port()
        values = environment(bench.postgres.url(database), METRICS_PORT=str(self._metrics_port), **settings)
        # Appending, so that the log can be emptied while the service writes to it.
        with open(self.log, "ab") as log, open(folder / "errors", "wb") as errors:
            self.process = bench.processes.start([str(bench.programs.service), "serve"], env=values,
                                                 cwd=folder, stdout=log, stderr=errors)
        self.address = self._wait()

    def _wait(self):
        address = None
        for _ in range(600):
            for line in self.log.read_text().splitlines():
                event = json.loads(line) if line.endswith("}") else {}
                if event.get("message") == "listening":
                    address = urllib.parse.urlparse(event["address"]).netloc
                if event.get("message") == "ready" and address:
                    return address
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise Failure(f"the service {self.name} does not start:\n{self.log.read_text()[-3000:]}")

    def stop(self):
        """Stops the service."""
        self._bench.processes.stop(self.process)

    def empty_log(self):
        """Empties the access log; a run writes many gigabytes."""
        os.truncate(self.log, 0)

    def request(self, method, path, body=None, **headers):
        """Sends one request. Returns status, headers and body."""
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            if body is not None:
                sent.setdefault("Content-Type", "application/json")
                body = json.dumps(body)
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def call(self, method, path, body=None, **headers):
        """Sends a request that has to succeed, and returns its body."""
        status, _, text = self.request(method, path, body, **headers)
        if status not in (200, 201):
            raise Failure(f"{method} {path}: {status} {text[:500]!r}")
        return json.loads(text)

    def log_in(self, name="admin"):
        """Returns an access token."""
        body = {"username": name, "password": PASSWORD}
        return self.call("POST", "/api/auth/login", body)["tokens"]["access_token"]

    def sign_in(self):
        """Signs in on the page, and returns the cookie of the session."""
        connection = http.client.HTTPConnection(self.address, timeout=30)
        form = urllib.parse.urlencode({"username": "admin", "password": PASSWORD})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        connection.request("POST", "/dashboard/sign-in", form, headers)
        response = connection.getresponse()
        found = response.getheader("Set-Cookie")
        connection.close()
        if response.status != 303 or not found:
            raise Failure(f"the sign-in was answered {response.status}")
        return found.split(";")[0]

    def create_key(self, token):
        """Returns a new API key."""
        body = {"name": "benchmark", "scopes": SCOPES}
        return self.call("POST", "/api/auth/api-keys", body, Authorization=f"Bearer {token}")["api_key"]

    def resident(self):
        """Returns resident memory in MiB, and the part of it that belongs to no file."""
        status = dict(line.split(":", 1) for line in open(f"/proc/{self.process.pid}/status"))
        return tuple(int(status[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))

    def access_log(self):
        """Returns how many events were written to the log, and how many were dropped."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/metrics", timeout=10) as response:
            lines = response.read().decode().splitlines()
        values = [float(next((line.rsplit(" ", 1)[1] for line in lines
                              if line.startswith("log_events_total") and 'sink="stdout"' in line
                              and f'outcome="{outcome}"' in line), 0)) for outcome in ("shipped", "dropped")]
        return tuple(values)
