"""haproxy in front of several processes, with the configuration that operators are given."""

import os
import shutil
import time
import urllib.error
import urllib.request

from postgres import free_port
from processes import Failure, output, progress


def find():
    """The path of haproxy. Installs Debian's package if it is missing."""
    found = os.environ.get("MDL_TEST_HAPROXY") or shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
    if not found:
        if not shutil.which("apt-get"):
            raise Failure("haproxy is not installed: https://www.haproxy.org")
        progress("installing haproxy")
        sudo = [] if os.getuid() == 0 else ["sudo"]
        output(*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q", "haproxy")
        found = "/usr/sbin/haproxy"
    return found


class Front:
    """A running haproxy."""

    def __init__(self, run, ports):
        port = free_port()
        self.address, folder = f"127.0.0.1:{port}", run.folder / f"front-{port}"
        folder.mkdir()
        lines = (run.root / "deploy/haproxy/haproxy.cfg").read_text().splitlines()
        kept = [line for line in lines if not line.strip().startswith("server mdl")]
        kept += [f"    server mdl{at} 127.0.0.1:{port}" for at, port in enumerate(ports, 1)]
        text = "\n".join(kept).replace("bind :80", f"bind {self.address}")
        text = text.replace("/run/haproxy/admin.sock", str(folder / "admin.sock"))
        (folder / "haproxy.cfg").write_text(text + "\n")
        with open(folder / "log", "wb") as log:
            self.process = run.processes.start([find(), "-db", "-f", str(folder / "haproxy.cfg")],
                                               stdout=log, stderr=log)
        self._processes = run.processes
        self._wait(folder)

    def _wait(self, folder):
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://{self.address}/health/ready", timeout=2).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise Failure(f"haproxy does not start:\n{(folder / 'log').read_text()[-2000:]}")

    def stop(self):
        """Stops it."""
        self._processes.stop(self.process)
