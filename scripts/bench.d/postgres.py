"""A private PostgreSQL on loopback with the settings of production: every commit waits for the disk."""

import os
import shutil
import socket
from pathlib import Path

from processes import Failure, output

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "max_connections": "100",
    "listen_addresses": "localhost",
    # Counts the statements of a request.
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_utility": "on",
}


def programs():
    """Finds the folder of the server's programs, of the newest version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    if not initdb:
        raise Failure("PostgreSQL is not installed; scripts/test does it")
    return Path(initdb).parent


def free_port():
    """Returns a port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Postgres:
    """The server, in a folder of the run."""

    def __init__(self, folder):
        self._bin = programs()
        self._data = folder / "postgresql"
        self._data.mkdir(mode=0o700)
        # The server refuses to run as root.
        self._user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self._user:
            os.chmod(folder, 0o755)
            shutil.chown(self._data, "postgres")
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        self.port = free_port()

    def _run(self, program, *arguments):
        return output(*self._user, str(self._bin / program), *map(str, arguments), cwd="/")

    def start(self):
        """Starts the server."""
        settings = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        options = f"-p {self.port} -k {self._data} {settings}"
        # A file for the log, because a pipe would stay open as long as the server runs.
        self._run("pg_ctl", "-D", self._data, "-l", self._data / "log", "-w", "-o", options, "start")
        self.sql("postgres", "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

    def stop(self):
        """Stops the server if it runs; its own pid is in its folder."""
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def url(self, database):
        """The URL of a database, without TLS on both sides of each comparison."""
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def sql(self, database, statement):
        """Runs a statement and returns its rows as text."""
        return self._run("psql", "-h", "127.0.0.1", "-p", self.port, "-U", "postgres", "-d", database,
                         "-qAt", "-v", "ON_ERROR_STOP=1", "-c", statement).strip()

    def create(self, database, template="template0"):
        """Creates a database."""
        self.sql("postgres", f"CREATE DATABASE {database} TEMPLATE {template}")

    def drop(self, database):
        """Removes a database and the connections to it."""
        self.sql("postgres", f"DROP DATABASE {database} WITH (FORCE)")

    def statements(self, database):
        """Counts the statements that a database has run, those of this script not included."""
        return int(self.sql("postgres", "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements "
                            "JOIN pg_database d ON d.oid = dbid WHERE toplevel "
                            f"AND d.datname = '{database}'"))

    def version(self):
        """The version of the server."""
        return self.sql("postgres", "SHOW server_version").split()[0]
