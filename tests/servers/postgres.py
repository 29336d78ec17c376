"""A private PostgreSQL server for one test process, when Debian's binaries are there.

PostgreSQL refuses to run as root, so root starts it as the user `postgres`.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
ALONE = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
# what a changed table would change
SHAPE = """SELECT
    (SELECT md5(string_agg(concat(c.oid, relname, attname, atttypid, attnotnull), ' ' ORDER BY c.oid, attnum))
        FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid WHERE relnamespace = 'public'::regnamespace),
    (SELECT md5(string_agg(concat(oid, conname), ' ' ORDER BY oid)) FROM pg_constraint),
    (SELECT md5(string_agg(concat(oid, tgname, tgenabled), ' ' ORDER BY oid)) FROM pg_trigger),
    (SELECT max(oid::bigint) FROM pg_proc)"""
# no trigger fires meanwhile: neither foreign keys nor "append only" stand in the way
EMPTY = """SET LOCAL session_replication_role = replica;
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
        PERFORM setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S';
    END $$"""


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
        self.clean = []  # databases given back, as the template is
        self.rows = {}  # what stands in the tables of a template, as COPY writes it
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

    def borrow(self, template):
        """A database as `template` is: one that was given back, else a new copy, which takes a quarter of a second."""
        if not self.rows:
            self.rows, self.shape = self._look(template)
        return self.clean.pop() if self.clean else self.create(template)

    def give_back(self, name):
        """Empty it for the next test; where a test changed the tables themselves, throw it away."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(ALONE)
            is_whole = connection.execute(SHAPE).fetchone() == self.shape
            if is_whole:
                self._empty(connection)
        if is_whole:
            self.clean.append(name)
        else:
            self.drop(name)

    def _look(self, template):
        with psycopg.connect(self.url(template)) as connection:
            tables = [row[0] for row in connection.execute(TABLES)]
            rows = {table: self._copied(connection, table) for table in tables}
            return {table: kept for table, kept in rows.items() if kept}, connection.execute(SHAPE).fetchone()

    def _copied(self, connection, table):
        with connection.cursor().copy(f'COPY "{table}" TO STDOUT') as copy:
            return b"".join(copy)

    def _empty(self, connection):
        with connection.transaction():
            connection.execute(EMPTY)
            for table, kept in self.rows.items():
                with connection.cursor().copy(f'COPY "{table}" FROM STDIN') as copy:
                    copy.write(kept)

    def drop(self, name):
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
