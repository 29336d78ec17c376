"""How fast mail becomes tickets: mixed mails from a local IMAP server to committed tickets, answers queued.

`make bench`. Each database gets its own run in a process of its own; CPU counts that process alone, so not the mail
server and not PostgreSQL. Prints one table; nothing is asserted here, since the numbers belong to the machine.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.mails import mixed_mails
from tests.scenarios.desk import PROJECT, Desk
from tests.scenarios.inbox import Inbox
from tests.servers.certificates import Authority
from tests.servers.dovecot import DovecotServer
from tests.servers.postgres import PostgresServer, binaries


def child():
    """Fetch and process everything; print seconds and CPU seconds of each half."""
    from config import load_config
    from helpdesk.app import create_app
    from helpdesk.services import accounts, environment, fetch
    from helpdesk.services.ingest import process

    def used():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return time.perf_counter(), usage.ru_utime + usage.ru_stime

    app = create_app(load_config(ENV_FILE=None))
    with app.app_context():
        environment.sync_account()
        (account,) = accounts.all_accounts()
        account_id, started = account.id, used()
        result = fetch.fetch_account(account_id, force=True)
        assert not result.error, result.error
        fetched = used()
        process.drain()
        done = used()
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        fetched[0] - started[0],
        done[0] - fetched[0],
        fetched[1] - started[1],
        done[1] - fetched[1],
        memory_mb,
    )


def run(desk, count):
    output = subprocess.run(
        [sys.executable, "-m", "tests.bench.ingest", "--child"], cwd=PROJECT, env=desk.env | {"LOG_LEVEL": "WARNING"},
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    fetch_s, process_s, fetch_cpu, process_cpu, memory_mb = map(float, output.split())
    tickets = len(desk.tickets())
    rate = count / (fetch_s + process_s)
    cpu_ms = 1000 * (fetch_cpu + process_cpu) / count
    print(
        f"{desk.name:<12}{count:>6}{tickets:>9}{rate:>10.0f}{count / fetch_s:>10.0f}{count / process_s:>11.0f}"
        f"{cpu_ms:>10.1f}{memory_mb:>9.0f}",
        flush=True,
    )


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=1000)
    options.add_argument("--child", action="store_true")
    options = options.parse_args()
    if options.child:
        return child()
    folder = Path(tempfile.mkdtemp(prefix="hd-bench-", dir="/tmp"))
    server = DovecotServer(Authority(folder)).start()
    postgres = PostgresServer().start() if binaries() else None
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    print("database     mails  tickets   mails/s   fetch/s  process/s   CPU ms   max MB")
    try:
        for name in ("SQLite", "PostgreSQL"):
            if name == "PostgreSQL" and postgres is None:
                print("PostgreSQL   not installed")
                continue
            inbox = Inbox(server, "support@desk.example")
            instance = folder / name
            instance.mkdir()
            desk = Desk(
                instance,
                database_url=postgres.url(postgres.create()) if name == "PostgreSQL" else None,
                redis_url=f"unix://{folder}/none.sock",
                **inbox.settings() | {"EMAIL_MAX_EMAILS_PER_POLL": 100, "SMTP_HOST": "127.0.0.1"},
            )
            desk.name = name
            desk.migrate()
            for raw in mixed_mails(options.count, to=inbox.address):
                inbox.deliver(raw)
            run(desk, options.count)
    finally:
        server.stop()
        if postgres:
            postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
