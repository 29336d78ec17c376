"""Everything that can go wrong around incoming mail, done to a desk of real processes while mail arrives, and the ledger.

`python -m tests.scenarios.trouble` (`make soak`) does it for long, in a random order whose seed is printed, with as many
mails as wished; `test_trouble.py` does each fault once.
"""

import argparse
import hashlib
import random
import re
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import psycopg

from helpdesk.database import db
from helpdesk.models import EmailAccount
from tests import factories
from tests.conftest import make_app, migrate_to_head
from tests.scenarios.desk import SECRET_KEY, Desk, wait_for
from tests.scenarios.inbox import Inbox, smtp_settings
from tests.servers.certificates import Authority
from tests.servers.dovecot import DovecotServer
from tests.servers.fault_proxy import FaultProxy
from tests.servers.postgres import PostgresServer, binaries
from tests.servers.smtp_sink import SmtpSink
from tests.servers.store import ValkeyServer

SECOND = "sales@desk.example"
WAITS = "state IN ('received', 'processing', 'queued', 'sending')"


class Post:
    """Writes mails and knows what has to become of them."""

    def __init__(self, inboxes, rng):
        self.inboxes, self.rng = inboxes, rng
        self.deliveries = Counter()  # sha256 of the bytes: how often they lie on a server
        self.subjects = Counter()
        self.digests = set()
        self.replies = 0
        self.count = 0

    def ordinary(self):
        """One mail of somebody new; each tenth with a file too large for the database's small ones."""
        self.count += 1
        subject, files = f"Matter {self.count}", []
        if self.count % 10 == 0:
            data = self.rng.randbytes(300_000)
            self.digests.add(hashlib.sha256(data).hexdigest())
            files = [("data.bin", "application/octet-stream", data)]
        self.subjects[subject] += 1
        to = ", ".join(inbox.address for inbox in self.inboxes)
        sender = f"Customer {self.count} <c{self.count}@customer.example>"
        return factories.make_mail(
            sender, to=to, subject=subject, text=f"Words {self.count}\n", files=files,
            message_id=f"<m{self.count}@customer.example>",
        )  # fmt: skip

    def reply(self):
        """The customer of the mail before writes again, citing his own."""
        self.replies += 1
        cited = f"<m{self.count}@customer.example>"
        sender = f"Customer {self.count} <c{self.count}@customer.example>"
        return factories.make_mail(
            sender, subject=f"Re: Matter {self.count}", text=f"More {self.replies}\n", In_Reply_To=cited
        )

    def poison(self):
        """Bytes no mail has, but for a sender and a subject: still a ticket."""
        self.count += 1
        self.subjects[f"Matter {self.count}"] += 1
        head = f"From: c{self.count}@customer.example\r\nSubject: Matter {self.count}\r\n"
        nested = "".join(
            f'Content-Type: multipart/mixed; boundary="{n}"\r\n\r\n--{n}\r\n' for n in range(300)
        )
        return head.encode() + nested.encode() + bytes(self.rng.randrange(1, 256) for _ in range(2000))

    def deliver(self, raw, *, times=1, everywhere=False):
        raw = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)  # as IMAP hands it out
        for inbox in self.inboxes if everywhere else self.inboxes[:1]:
            for _ in range(times):
                inbox.deliver(raw)
                self.deliveries[hashlib.sha256(raw).hexdigest()] += 1

    def some(self, count):
        """Mail as it comes: a tenth answers, a tenth twice, a tenth to both accounts, now and then poison."""
        for n in range(count):
            kind = n % 10
            if kind == 3 and self.count:
                self.deliver(self.reply())
            elif kind == 7:
                self.deliver(self.poison())
            else:
                self.deliver(self.ordinary(), times=2 if kind == 5 else 1, everywhere=kind == 8)


class Trouble:
    """A desk with two accounts, its servers, and the ways to hurt it."""

    def __init__(self, folder, database_url, imap, *, seed=1, away_s=5.0):
        self.rng, self.away_s = random.Random(seed), away_s
        self.imap, self.database_url = imap, database_url
        self.proxy = FaultProxy(imap.tls_port, host="localhost").start()
        self.sink, self.store = SmtpSink().start(), ValkeyServer().start()
        self.inboxes = [Inbox(imap, factories.SUPPORT), Inbox(imap, SECOND)]
        self.post = Post(self.inboxes, self.rng)
        self.desk = Desk(
            folder, database_url=database_url, redis_url=self.store.url,
            **self.inboxes[0].settings() | {"IMAP_PORT": self.proxy.port}, **smtp_settings(self.sink),
        )  # fmt: skip
        self.desk.flask("poll-emails", "--all-accounts")
        self._add_second_account(folder)
        self.desk.flask("poll-emails", "--all-accounts")
        self.desk.start("worker", "scheduler", "listener")

    def _add_second_account(self, folder):
        app = make_app(folder, self.database_url, SECRET_KEY=SECRET_KEY)
        with app.app_context():
            first = db.session.query(EmailAccount).one()
            columns = EmailAccount.__table__.columns.keys()
            values = {
                name: getattr(first, name) for name in columns if name.startswith(("incoming_", "outgoing_"))
            }
            factories.make_account(
                SECOND, **values | {"incoming_username": self.inboxes[1].user}, poll_frequency_s=2
            )
            db.engine.dispose()

    def close(self):
        self.desk.remove()
        self.proxy.stop()
        self.sink.remove()
        self.store.remove()

    def execute(self, statement):
        if self.database_url.startswith("sqlite"):
            with sqlite3.connect(self.database_url.removeprefix("sqlite:///"), timeout=30) as connection:
                rows = connection.execute(statement).fetchall()
            connection.close()
            return rows
        with psycopg.connect(self.database_url.replace("+psycopg", ""), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    # the faults, each while mail arrives

    def worker_killed(self):
        self.post.some(10)
        time.sleep(self.rng.uniform(0.2, 2.0))
        self.desk.kill("worker")
        self.post.some(5)
        self.desk.start("worker")

    def scheduler_and_listener_killed(self):
        for name in ("scheduler", "listener"):
            self.desk.kill(name)
        self.post.some(10)
        self.desk.start("scheduler", "listener")

    def connection_cut_in_the_middle(self):
        self.proxy.cut_after = self.rng.randrange(5_000, 40_000)
        self.post.some(10)
        time.sleep(self.away_s)
        self.proxy.heal()

    def mail_server_restarted(self):
        self.post.some(5)
        self.proxy.cut_all()
        self.post.some(5)

    def folder_numbered_anew(self):
        """A new UIDVALIDITY: the server has forgotten every number it gave."""
        self.post.some(5)
        for inbox in self.inboxes:
            for index in self.imap.maildir(inbox.user).glob("dovecot*"):
                index.unlink()
        self.proxy.cut_all()
        self.post.some(5)

    def redis_flushed(self):
        self.post.some(5)
        self.store.client().flushall()
        self.post.some(5)
        self.store.client().flushall()

    def redis_gone(self):
        self.store.kill()
        self.post.some(10)
        time.sleep(self.away_s)
        self.store.start()

    def database_locked(self):
        self.post.some(10)
        with self._lock():
            time.sleep(self.away_s + 8)  # longer than anybody waits for it

    @contextmanager
    def _lock(self):
        if self.database_url.startswith("sqlite"):
            connection = sqlite3.connect(
                self.database_url.removeprefix("sqlite:///"), timeout=30, isolation_level=None
            )
            connection.execute("BEGIN IMMEDIATE")
        else:
            connection = psycopg.connect(self.database_url.replace("+psycopg", ""))
            connection.execute("LOCK TABLE email_message, email_account, ticket IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()
        connection.close()

    def two_fetchers_at_once(self):
        self.post.some(10)
        for _ in range(2):
            self.desk.flask("poll-emails", "--all-accounts", "--force", check=False)

    def backlog(self, count=60):
        """All of it arrives while nobody is there."""
        self.desk.kill("worker")
        self.post.some(count)
        self.desk.start("worker")

    FAULTS = (
        worker_killed, scheduler_and_listener_killed, connection_cut_in_the_middle, mail_server_restarted,
        folder_numbered_anew, redis_flushed, redis_gone, database_locked, two_fetchers_at_once, backlog,
    )  # fmt: skip

    # afterwards

    def wait_until_quiet(self, seconds):
        """Until every delivery has its row and nothing waits; say how long that took."""
        began, expected = time.monotonic(), len(self.post.deliveries)
        taken = "SELECT count(DISTINCT raw_sha256) FROM email_message WHERE direction = 'in'"

        def is_quiet():
            waiting = self.execute(f"SELECT count(*) FROM email_message WHERE {WAITS}")[0][0]
            return not waiting and self.execute(taken)[0][0] >= expected

        wait_for(is_quiet, seconds=seconds, what="quiet", every=0.5)
        return time.monotonic() - began

    def ledger(self):
        """What there is and what there should be, by name."""
        execute, post = self.execute, self.post
        tickets = Counter(subject for (subject,) in execute("SELECT subject FROM ticket"))
        rows = Counter(
            sha for (sha,) in execute("SELECT raw_sha256 FROM email_message WHERE direction = 'in'")
        )
        more = execute("SELECT count(*) FROM comment WHERE text LIKE 'More %'")[0][0]
        copies = Counter(mail.recipients for mail in self.sink.mails())
        by_bytes = Counter((mail.recipients, mail.raw) for mail in self.sink.mails())
        files = {sha for (sha,) in execute("SELECT sha256 FROM attachment WHERE filename = 'data.bin'")}
        words = Counter(word for (word,) in execute("SELECT state FROM email_message WHERE direction = 'in'"))
        repeated = sum(count - 1 for count in copies.values())
        return {
            "words": (sum(words.values()), sum(words[w] for w in ("opened", "appended", "duplicate"))),
            "one ticket per matter": (tickets, post.subjects),
            "mails without a row": (sorted(set(post.deliveries) - set(rows)), []),
            "answers of customers": (more, post.replies),
            "whole files": (files, post.digests),
            "acknowledged": (len(copies), sum(post.subjects.values())),
            "repeated mails are the same bytes": (len(by_bytes), len(copies)),
            "few are repeated": (repeated <= 2 * len(self.FAULTS), True),
            "doctor": (self.desk.flask("doctor"), "All is well.\n"),
        }


def print_ledger(ledger):
    for name, (found, wanted) in ledger.items():
        size = len(found) if hasattr(found, "__len__") and not isinstance(found, str) else found
        print(f"  {'ok' if found == wanted else 'WRONG':<6}{name}: {str(size).strip()}", flush=True)
        if found != wanted:
            too_much, missing = (
                (found - wanted, wanted - found) if isinstance(found, Counter) else (found, wanted)
            )
            print(f"        found {str(too_much)[:2000]}\n        wanted {str(missing)[:2000]}")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--mails", type=int, default=10_000, help="how many wait when the last fault begins")
    options.add_argument("--rounds", type=int, default=3, help="how often each fault happens")
    options.add_argument(
        "--away", type=float, default=60.0, help="seconds Redis is gone, and the database locked"
    )
    options.add_argument("--seed", type=int, default=random.randrange(10_000))
    options.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hd-soak-", dir="/tmp"))
    imap = DovecotServer(Authority(folder)).start()
    postgres = PostgresServer().start() if options.database == "postgresql" and binaries() else None
    instance = folder / "desk"
    instance.mkdir()
    url = postgres.url(postgres.create()) if postgres else f"sqlite:///{instance}/helpdesk.sqlite3"
    migrate_to_head(make_app(instance, url, SECRET_KEY=SECRET_KEY))
    print(f"seed {options.seed}, {url.partition(':')[0]}", flush=True)
    trouble = Trouble(instance, url, imap, seed=options.seed, away_s=options.away)
    try:
        for fault in trouble.rng.sample(
            trouble.FAULTS * options.rounds, len(trouble.FAULTS) * options.rounds
        ):
            fault(trouble)
            seconds = trouble.wait_until_quiet(600)
            print(f"{fault.__name__:<34} quiet after {seconds:6.1f} s", flush=True)
        began = time.monotonic()
        trouble.backlog(options.mails)
        print(f"{options.mails} mails delivered in {time.monotonic() - began:.0f} s", flush=True)
        print(f"backlog of {options.mails} worked off after {trouble.wait_until_quiet(options.mails):.0f} s")
        ledger = trouble.ledger()
    finally:
        trouble.close()
        imap.stop()
        if postgres:
            postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print_ledger(ledger)
    sys.exit(any(found != wanted for found, wanted in ledger.values()))


if __name__ == "__main__":
    main()
