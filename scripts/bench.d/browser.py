"""A headless chromium, driven by chromedriver with the WebDriver protocol."""

import http.client
import json
import time

from postgres import free_port
from processes import Failure

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


class Browser:
    """A browser with an empty profile."""

    def __init__(self, processes, folder):
        self._port, self._session = free_port(), ""
        with open(folder / "chromedriver.log", "wb") as log:
            self._driver = processes.start(["chromedriver", f"--port={self._port}"], stdout=log, stderr=log)
        options = {"args": [*FLAGS, f"--user-data-dir={folder / 'profile'}"]}
        wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
        for _ in range(100):
            try:
                self._session = f"/session/{self._send('POST', '/session', wanted)['sessionId']}"
                return
            except ConnectionError:
                time.sleep(0.1)
        raise Failure("chromedriver does not start")

    def _send(self, method, path, body=None):
        connection = http.client.HTTPConnection(f"127.0.0.1:{self._port}", timeout=60)
        try:
            connection.request(method, path, json.dumps(body or {}), {"Content-Type": "application/json"})
            response = connection.getresponse()
            value = json.loads(response.read())["value"]
            if response.status != 200:
                raise Failure(f"chromedriver: {value}")
            return value
        finally:
            connection.close()

    def open(self, url):
        """Opens a page and waits until it is loaded."""
        self._send("POST", f"{self._session}/url", {"url": url})

    def run(self, script, *arguments):
        """Runs a script in the page, and returns what it returns."""
        return self._send("POST", f"{self._session}/execute/sync", {"script": script, "args": arguments})

    def close(self):
        """Ends the browser; its driver is ended with the other processes."""
        self._send("DELETE", self._session)
