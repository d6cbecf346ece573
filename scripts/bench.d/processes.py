"""Starts programs, and ends each of them by its own pid however the run ends."""

import signal
import subprocess
import sys
import time


class Failure(Exception):
    """The run cannot go on; the message says why."""


def progress(text):
    """Prints a line about what is being done."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def output(*command, **options):
    """Runs a command to its end and returns what it prints."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


class Processes:
    """The programs that run beside this one."""

    def __init__(self):
        self._running = []
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, self._interrupted)

    @staticmethod
    def _interrupted(number, _frame):
        # One is enough: a second one would interrupt the cleaning up.
        signal.signal(number, signal.SIG_IGN)
        raise Failure(f"interrupted by signal {number}")

    def start(self, command, **options):
        """Starts a program in a session of its own, so that Ctrl-C reaches only this script."""
        process = subprocess.Popen(command, start_new_session=True, **options)
        self._running.append(process)
        return process

    def stop(self, process, patience=60):
        """Ends a program and waits for that."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self._running:
            self._running.remove(process)

    def stop_all(self):
        """Ends all programs, the newest first."""
        for process in reversed(self._running[:]):
            self.stop(process)
