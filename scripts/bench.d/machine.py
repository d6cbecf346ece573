"""What the figures depend on: the machine, the versions, the commit."""

import datetime
import os
import platform
import subprocess

from processes import output


def _first(path, name):
    with open(path, encoding="utf-8") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith(name)), "unknown")


def hardware():
    """Cores, model and memory in one sentence."""
    memory = int(_first("/proc/meminfo", "MemTotal").split()[0]) / 1024 ** 2
    model = _first("/proc/cpuinfo", "model name")
    return f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB of memory, Linux {platform.release()}"


def commit(root):
    """The commit of the sources, marked if they have changes."""
    try:
        revision = output("git", "-C", root, "rev-parse", "--short", "HEAD").strip()
        changed = output("git", "-C", root, "status", "--porcelain", "--untracked-files=no", "--", "src",
                         "Cargo.toml", "Cargo.lock", "migrations").strip()
        return revision + (" with changes" if changed else "")
    except Exception:  # A tree without git is measured, too.
        return "unknown"


def compiler():
    """The version of rustc."""
    found = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False)
    return " ".join(found.stdout.split()[:2]) or "rustc unknown"


def today():
    """The date as the pages write it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return f"{now.day} {now:%B %Y}"


def load_average():
    """The load of the last minute, which shows whether the machine was quiet."""
    return os.getloadavg()[0]
