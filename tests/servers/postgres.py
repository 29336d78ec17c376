"""A private PostgreSQL server for one test process, when Debian's binaries are there.

PostgreSQL refuses to run as root, so root starts it as the user `postgres`.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg


def binaries():
    """The newest installed bin folder, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parent.parent.name))
    return found[-1].parent if found else None


class PostgresServer:
    """Durability is off: the tests' data is worth nothing."""

    def __init__(self):
        self.bin = binaries()
        self.folder = Path(tempfile.mkdtemp(prefix="hd-pg-", dir="/tmp"))
        self.count = 0
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")

    def _run(self, *command):
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run(
            [*as_user, *map(str, command)], check=True, capture_output=True, timeout=60, cwd=self.folder
        )

    def start(self):
        self._run(
            self.bin / "initdb",
            "-D",
            self.folder / "data",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
        )
        options = (
            f"-k {self.folder} -c listen_addresses= -c fsync=off -c synchronous_commit=off "
            "-c full_page_writes=off -c max_connections=200 -c shared_buffers=64MB -c timezone=America/New_York"
        )
        self._run(
            self.bin / "pg_ctl",
            "-D",
            self.folder / "data",
            "-w",
            "-l",
            self.folder / "log",
            "-o",
            options,
            "start",
        )
        return self

    def stop(self):
        self._run(self.bin / "pg_ctl", "-D", self.folder / "data", "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name):
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def _execute(self, statement):
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def create(self, template="template0"):
        """Make a new database from `template` and return its name.

        Through the log, not by copying files: that would wait for two checkpoints, five times as long as the rest.
        """
        self.count += 1
        name = f"t{self.count}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
        return name

    def drop(self, name):
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
