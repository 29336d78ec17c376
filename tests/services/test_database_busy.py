"""The database says no again and again, for longer than anybody waits: work is repeated, never lost, never doubled."""

import contextlib
import subprocess
import sys
import threading
import time
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from helpdesk import storage
from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailAccount, EmailMessage, Ticket
from helpdesk.services import doctor, fetch
from helpdesk.services.ingest import process
from helpdesk.services.outbox import deliver, queue, settling
from tests import factories
from tests.factories import make_mail
from tests.fakes import FakeSender, FakeSource

MAILS = 12
# Holds the database, as a backup or a forgotten shell does, until its standard input says otherwise.
HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
for line in sys.stdin:
    connection.execute("BEGIN IMMEDIATE" if line == "hold\\n" else "ROLLBACK")
    print("done", flush=True)
"""


class Holder:
    """Another process with the one write lock of a SQLite file."""

    def __init__(self, path):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def say(self, word):
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class BusySqlite:
    """Mostly locked: free for a moment now and then."""

    def __init__(self, url):
        self.holder = Holder(url.removeprefix("sqlite:///"))

    def trouble(self):
        self.holder.say("hold")
        time.sleep(0.15)
        self.holder.say("release")
        time.sleep(0.02)

    def close(self):
        self.holder.close()


class BusyPostgres:
    """Ends every connection again and again, as a restart does."""

    def __init__(self, url):
        self.connection = psycopg.connect(url, autocommit=True)

    def trouble(self):
        self.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        time.sleep(0.12)

    def close(self):
        self.connection.close()


@pytest.fixture
def trouble(context, database_url):
    """A context manager: while it is open the database refuses most of what is asked of it."""
    if database_url.startswith("sqlite"):
        event.listen(db.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=60"))
    db.session.remove()
    db.engine.dispose()
    source = (BusySqlite if database_url.startswith("sqlite") else BusyPostgres)(database_url)

    @contextlib.contextmanager
    def opened():
        over = threading.Event()

        def run():
            while not over.is_set():
                source.trouble()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    yield opened
    source.close()


@pytest.fixture
def account(trouble):
    return factories.make_account(start_at=utcnow() - timedelta(minutes=1), is_acknowledging=False)


def let_time_pass():
    past = utcnow() - timedelta(minutes=1)
    with transaction() as session:
        leases = {"fetch_lease_until": past, "send_lease_until": past, "fetch_again_at": None}
        session.execute(update(EmailAccount).values(**leases))
        held = update(EmailMessage).where(EmailMessage.claimed_until.is_not(None))
        session.execute(held.values(claimed_until=past))
        session.execute(update(EmailMessage).where(EmailMessage.due_at.is_not(None)).values(due_at=past))


def states(direction):
    db.session.rollback()
    rows = select(EmailMessage.state, func.count()).where(EmailMessage.direction == direction)
    return {state.value: count for state, count in db.session.execute(rows.group_by(EmailMessage.state))}


def in_trouble(trouble, work, times=6):
    """Do the work while the database refuses, so often that it did at least once; then once more in peace."""
    failures = rounds = 0
    while rounds < times or (not failures and rounds < 100):
        rounds += 1
        with trouble():
            try:
                failures += bool(work())
            except SQLAlchemyError:
                failures += 1
        with contextlib.suppress(SQLAlchemyError):
            db.session.rollback()
        db.engine.dispose()  # among the connections kept are some that were ended
        let_time_pass()
    work()
    return failures


def test_every_mail_is_fetched_and_none_is_marked_before_it_is_stored(account, trouble):
    account_id = account.id
    source = FakeSource(*[make_mail(f"p{n}@customer.example") for n in range(MAILS)])

    def mark_seen(uids, mark=source.mark_seen):
        stored = set(db.session.scalars(select(EmailMessage.transport_key)))
        db.session.rollback()
        assert {f"INBOX/1/{uid}" for uid in uids} <= stored
        mark(uids)

    source.mark_seen = mark_seen
    failures = in_trouble(trouble, lambda: fetch.fetch_account(account_id, source=source, force=True).error)
    assert failures, "the trouble was none"
    assert states("in") == {"received": MAILS}
    assert all(mail.is_seen for mail in source.mails.values())
    health = db.session.get(EmailAccount, account_id, populate_existing=True)
    assert (health.consecutive_failures, health.last_error) == (0, "")


def test_every_mail_becomes_one_ticket_and_none_is_given_up(account, trouble):
    account_id = account.id
    source = FakeSource(*[make_mail(f"p{n}@customer.example") for n in range(MAILS)])
    fetch.fetch_account(account_id, source=source)
    failures = in_trouble(trouble, lambda: process.drain(backoff=timedelta(0)).errors)
    assert failures, "the trouble was none"
    assert states("in") == {"opened": MAILS}
    assert db.session.scalar(select(func.count()).select_from(Ticket)) == MAILS
    assert doctor.examine() == []


def test_every_answer_is_sent_once(account, trouble, monkeypatch):
    account_id = account.id
    with transaction():
        for n in range(MAILS):
            blob = storage.stage(make_mail(text=str(n)))
            queue.add(account, purpose="test", to=[f"p{n}@customer.example"], blob=blob)
    sender = FakeSender()
    monkeypatch.setattr(settling, "PAUSES_S", (0.02,) * 50)
    failures = in_trouble(trouble, lambda: deliver.drain(account_id, sender=sender) and False)
    assert failures, "the trouble was none"
    assert sorted(m.recipients[0] for m in sender.sent) == sorted(
        f"p{n}@customer.example" for n in range(MAILS)
    )
    assert states("out") == {"sent": MAILS}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_lock_held_for_long_is_told_in_words(account, database_url):
    account_id = account.id
    holder = Holder(database_url.removeprefix("sqlite:///"))
    holder.say("hold")
    result = fetch.fetch_account(account_id, source=FakeSource(make_mail()), force=True)
    assert "busy for too long" in result.error
    holder.say("release")
    holder.close()
    assert fetch.fetch_account(account_id, source=FakeSource(make_mail()), force=True).taken == 1
