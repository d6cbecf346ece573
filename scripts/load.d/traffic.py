"""What people and programs ask of the service: by key, by token, and in a browser; and changes."""

import json
from dataclasses import replace

from oha import Requests

METRICS = 2000
# Metrics that are read, and others that are changed: so reads find responses in the cache, as most do.
READ, CHANGED = "m000[1-9][0-9][0-9]", "m001[0-9][0-9][0-9]"
BODIES = 5000
# Requests a second, and how much a spike multiplies the reads.
BY_KEY, BY_TOKEN, BY_PAGE, SPIKE = 400, 100, 20, 10


class Traffic:
    """The requests of each kind, with the credentials of one service; they hold at each of its processes."""

    def __init__(self, run, service):
        self._token = {"Authorization": f"Bearer {service.log_in()}"}
        self._key = {"X-API-Key": service.create_key(service.log_in())}
        self._cookie = {"Cookie": service.sign_in()}
        self._bodies = run.folder / "bodies"
        lines = (json.dumps({"description": f"Changed under load, text {number}."}) for number in range(BODIES))
        self._bodies.write_text("\n".join(lines))

    def by_key(self, rate=BY_KEY):
        """A program reads metrics."""
        return Requests("by key", f"/api/v1/metrics/{READ}", self._key, rate)

    def reads(self):
        """All kinds of reads."""
        return [
            self.by_key(),
            Requests("by token", r"/api/v1/metrics\?limit=20&page=[1-9]", self._token, BY_TOKEN),
            Requests("by page", f"/dashboard/metrics/{READ}", self._cookie, BY_PAGE, connections=4),
        ]

    def changes(self, rate):
        """A program changes metrics."""
        headers = {**self._key, "Content-Type": "application/merge-patch+json"}
        return Requests("changes", f"/api/v1/metrics/{CHANGED}", headers, rate, 8, "PATCH", self._bodies)

    def mix(self, changes):
        """All kinds of reads, and so many changes a second."""
        return [*self.reads(), self.changes(changes)]

    def spike(self):
        """What comes in addition during a spike."""
        return [replace(kind, name=f"{kind.name}, spike", rate=kind.rate * (SPIKE - 1), connections=48)
                for kind in self.reads()[:2]]
