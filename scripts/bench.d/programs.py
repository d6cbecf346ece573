"""The programs of a run: wrk, and the release builds of the service and of the yardstick."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from processes import Failure, output, progress


@dataclass(frozen=True)
class Programs:
    """Paths of the programs that are built here."""

    service: Path
    yardstick: Path


def install_wrk():
    """Installs Debian's package of wrk if it is missing."""
    if shutil.which("wrk"):
        return
    if not shutil.which("apt-get"):
        raise Failure("wrk is not installed: https://github.com/wg/wrk")
    progress("installing wrk")
    sudo = [] if os.getuid() == 0 else ["sudo"]
    output(*sudo, "apt-get", "update", "-q")
    output(*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q", "wrk")


def build(root):
    """Builds both programs, unless they are named by the environment."""
    given = [os.environ.get(name) for name in ("MDL_BENCH_BINARY", "MDL_BENCH_YARDSTICK")]
    if all(given):
        return Programs(*(Path(path).resolve() for path in given))
    progress("building the release")
    # The features of the container image. Both at once: a benchmark's build contains the program.
    command = ["cargo", "build", "--release", "--locked", "--no-default-features", "--features",
               "cloudwatch,elasticsearch,otlp", "--bin", "mdl", "--bench", "yardstick", "--message-format", "json-render-diagnostics"]
    built = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode != 0:
        raise Failure("the build failed")
    paths = {}
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable"):
            paths[message["target"]["name"]] = Path(message["executable"])
    service, yardstick = (given[at] or paths[name] for at, name in enumerate(("mdl", "yardstick")))
    return Programs(Path(service).resolve(), Path(yardstick).resolve())
