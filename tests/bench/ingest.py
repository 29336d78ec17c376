"""How fast mail becomes tickets: mixed mails from a local IMAP server to committed tickets, answers queued.

`make bench`. Each database gets its own runs, with one worker and with two, every worker a process of its own; CPU counts
these processes alone, so not the mail server and not PostgreSQL. The share of the wall time is what reading from the mail
server (and storing the bytes) took, taking mails apart, and waiting for the database. The last lines are one mail of 34
MB. Nothing is asserted here, since the numbers belong to the machine.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import factories
from tests.bench.mails import mixed_mails
from tests.scenarios.desk import PROJECT, Desk
from tests.scenarios.inbox import Inbox
from tests.servers.certificates import Authority
from tests.servers.dovecot import DovecotServer
from tests.servers.postgres import PostgresServer, binaries

HEAD = (
    f"{'database':<12}{'workers':>8}{'mails':>7}{'tickets':>9}{'mails/s':>9}{'fetch/s':>9}{'process/s':>11}"
    f"{'CPU ms':>8}{'IMAP':>7}{'parse':>7}{'db':>6}{'rest':>6}{'max MB':>8}"
)
LARGE = 25_000_000  # bytes of a file: 34 MB as base64


class Clock:
    """Adds up the wall time spent in what it is put around."""

    def __init__(self):
        self.seconds = 0.0

    def around(self, function):
        def timed(*arguments, **options):
            began = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


def cpu_s():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def max_mb():
    """The most memory this program held; what `getrusage` says on Linux includes that of the process it began as."""
    status = Path("/proc/self/status")
    if status.exists():
        return (
            next(int(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line) / 1024
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def child(step):
    """Do one half of the work when told to, and print what it took."""
    from config import load_config
    from helpdesk.app import create_app
    from helpdesk.database import db
    from helpdesk.services import accounts, environment, fetch
    from helpdesk.services.ingest import process

    app = create_app(load_config(ENV_FILE=None))
    with app.app_context():
        environment.sync_account()
        (account,) = accounts.all_accounts()
        parsing, database = Clock(), Clock()
        process.read = parsing.around(process.read)
        for name in ("do_execute", "do_executemany", "do_commit"):
            setattr(db.engine.dialect, name, database.around(getattr(db.engine.dialect, name)))
        print("ready", flush=True)
        sys.stdin.readline()
        began, cpu = time.time(), cpu_s()
        if step == "fetch":
            result = fetch.fetch_account(account.id, force=True)
            assert not result.error, result.error
        else:
            process.drain()
        print(json.dumps({
            "began": began, "ended": time.time(), "cpu_s": cpu_s() - cpu, "parse_s": parsing.seconds,
            "database_s": database.seconds, "max_mb": max_mb(),
        }))  # fmt: skip


def work(desk, step, processes):
    """Run one half in so many processes that begin together; what each of them says."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.ingest", "--child", step], cwd=PROJECT,
            env=desk.env | {"LOG_LEVEL": "ERROR"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(processes)
    ]  # fmt: skip
    for one in running:
        assert one.stdout.readline() == "ready\n"
    for one in running:
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [json.loads(one.communicate(timeout=3600)[0]) for one in running]
    assert not any(one.returncode for one in running)
    return said


def wall_s(said):
    return max(one["ended"] for one in said) - min(one["began"] for one in said)


def run(desk, name, count, workers):
    fetched, processed = work(desk, "fetch", 1), work(desk, "process", workers)
    fetch_s, process_s = wall_s(fetched), wall_s(processed)
    everybody = fetched + processed
    worked_s = fetch_s + sum(one["ended"] - one["began"] for one in processed)
    parse_s = sum(one["parse_s"] for one in processed)
    database_s = sum(one["database_s"] for one in processed)
    shares = [fetch_s, parse_s, database_s, worked_s - fetch_s - parse_s - database_s]
    print(
        f"{name:<12}{workers:>8}{count:>7}{len(desk.tickets()):>9}{count / (fetch_s + process_s):>9.0f}"
        f"{count / fetch_s:>9.0f}{count / process_s:>11.0f}"
        f"{1000 * sum(one['cpu_s'] for one in everybody) / count:>8.1f}"
        f"{shares[0] / worked_s:>7.0%}{shares[1] / worked_s:>7.0%}{shares[2] / worked_s:>6.0%}{shares[3] / worked_s:>6.0%}"
        f"{max(one['max_mb'] for one in everybody):>8.0f}",
        flush=True,
    )


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=5000)
    options.add_argument("--child", choices=["fetch", "process"])
    options = options.parse_args()
    if options.child:
        return child(options.child)
    folder = Path(tempfile.mkdtemp(prefix="hd-bench-", dir="/tmp"))
    server = DovecotServer(Authority(folder)).start()
    postgres = PostgresServer().start() if binaries() else None

    def measure(name, mails, count, workers):
        inbox = Inbox(server, "support@desk.example")
        instance = Path(tempfile.mkdtemp(dir=folder))
        desk = Desk(
            instance,
            database_url=postgres.url(postgres.create()) if name == "PostgreSQL" else None,
            redis_url=f"unix://{folder}/none.sock",
            **inbox.settings() | {"EMAIL_MAX_EMAILS_PER_POLL": 100, "SMTP_HOST": "127.0.0.1"},
        )
        desk.migrate()
        for raw in mails(inbox.address):
            inbox.deliver(raw)
        run(desk, name, count, workers)

    def large(address):
        yield factories.make_mail(to=address, files=[("film.mov", "video/quicktime", os.urandom(LARGE))])

    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}\n{HEAD}", flush=True)
    try:
        for name in ("SQLite", "PostgreSQL"):
            if name == "PostgreSQL" and postgres is None:
                print("PostgreSQL   not installed")
                continue
            for workers in (1, 2):
                measure(name, lambda to: mixed_mails(options.count, to=to), options.count, workers)
            measure(name, large, 1, 1)
    finally:
        server.stop()
        if postgres:
            postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
