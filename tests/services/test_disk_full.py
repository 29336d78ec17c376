"""A disk that is really full, under the blobs and under the database: mail waits, and goes on when there is room."""

import contextlib
import random
import shutil
import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError

from helpdesk import storage
from helpdesk.database import db, transaction, utcnow
from helpdesk.models import Attachment, EmailAccount, EmailMessage, Ticket
from helpdesk.services import doctor, fetch
from helpdesk.services.ingest import process
from helpdesk.services.outbox import deliver, queue
from tests import factories
from tests.conftest import make_app
from tests.factories import make_mail
from tests.fakes import FakeSender, FakeSource

AT_ONCE = timedelta(0)
MAILS = 6


def mail(n, size=300_000):
    data = random.Random(n).randbytes(size)
    return make_mail(
        f"p{n}@customer.example", subject=f"Matter {n}", files=[("a.bin", "application/zip", data)]
    )


def count(table):
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table))


def seen(source):
    return [uid for uid, mail in source.mails.items() if mail.is_seen]


def stored_uids():
    db.session.rollback()
    return [
        int(key.rpartition("/")[2])
        for key in db.session.scalars(
            select(EmailMessage.transport_key).where(EmailMessage.direction == "in")
        )
    ]


def let_time_pass():
    past = utcnow() - timedelta(minutes=1)
    with transaction() as session:
        session.execute(
            update(EmailAccount).values(fetch_lease_until=past, send_lease_until=past, fetch_again_at=None)
        )
        session.execute(
            update(EmailMessage).where(EmailMessage.claimed_until.is_not(None)).values(claimed_until=past)
        )
        session.execute(update(EmailMessage).where(EmailMessage.due_at.is_not(None)).values(due_at=past))


@pytest.fixture
def source():
    source = FakeSource()
    for n in range(MAILS):
        source.add(mail(n))
    return source


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # only there large ones are files
def test_mail_whose_file_finds_no_room_stays_on_the_server_and_comes_later(
    context, tmp_path, small_disk, source
):
    disk = small_disk(tmp_path / "blobs", 8_000)
    disk.fill(leave=1_400_000)
    account = factories.make_account(start_at=utcnow() - timedelta(minutes=1))
    result = fetch.fetch_account(account.id, source=source)
    assert 0 < result.taken < MAILS
    assert result.error == "A file could not be stored: the disk of the desk is full."
    db.session.rollback()
    health = db.session.get(EmailAccount, account.id, populate_existing=True)
    assert (health.consecutive_failures, health.last_error) == (1, result.error)
    assert sorted(seen(source)) == sorted(stored_uids())
    assert not list((tmp_path / "blobs").rglob(".new-*")), "what was half written must not take the room"
    again = fetch.fetch_account(account.id, source=source, force=True)
    assert (again.taken, bool(again.error)) == (0, True)

    process.drain(backoff=AT_ONCE, limit=5)
    assert set(db.session.scalars(select(EmailMessage.attempts).where(EmailMessage.state == "received"))) <= {
        0
    }
    disk.free()
    assert fetch.fetch_account(account.id, source=source, force=True).error == ""
    let_time_pass()
    process.drain()
    assert (count(Ticket), count(Attachment), sorted(stored_uids())) == (MAILS, MAILS, sorted(source.mails))
    assert seen(source) == sorted(source.mails)
    assert doctor.examine() == []


@pytest.fixture
def full_desk(tmp_path, small_disk, sqlite_template):
    """A desk whose folder lies on a small disk, with one account and one agent."""
    disk = small_disk(tmp_path / "desk", 16_000)
    shutil.copy(sqlite_template, disk.path / "helpdesk.sqlite3")
    app = make_app(disk.path)
    with app.app_context():
        account = factories.make_account(start_at=utcnow() - timedelta(minutes=1))
        yield disk, account
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize(("size", "leave"), [(300_000, 100_000), (50_000, 100_000), (50_000, 0)])
def test_a_full_disk_under_the_database_costs_no_mail_and_marks_none_as_read(full_desk, size, leave):
    disk, account = full_desk
    assert fetch.fetch_account(account.id, source=FakeSource()).error == ""
    source = FakeSource(*[mail(n, size) for n in range(MAILS)])
    disk.fill(leave=leave)
    result = fetch.fetch_account(account.id, source=source, force=True)
    assert "disk" in result.error and "full" in result.error
    assert (seen(source), stored_uids()) == ([], [])
    disk.free()
    let_time_pass()
    assert fetch.fetch_account(account.id, source=source, force=True).taken == MAILS
    process.drain()
    assert (count(Ticket), count(Attachment)) == (MAILS, MAILS)
    assert doctor.examine() == []


def test_mail_is_processed_once_although_the_disk_ran_full_in_the_middle(full_desk, source):
    disk, account = full_desk
    fetch.fetch_account(account.id, source=source)
    disk.fill(leave=400_000)
    for _ in range(3):
        with contextlib.suppress(SQLAlchemyError):
            process.drain(backoff=AT_ONCE)
    disk.free()
    let_time_pass()
    process.drain()
    assert {
        row.state for row in db.session.scalars(select(EmailMessage).where(EmailMessage.direction == "in"))
    } == {"opened"}
    assert max(db.session.scalars(select(EmailMessage.attempts).where(EmailMessage.direction == "in"))) <= 2
    assert (count(Ticket), count(Attachment)) == (MAILS, MAILS)
    assert doctor.examine() == []


def test_answers_wait_for_room_and_go_out_once(full_desk):
    disk, account = full_desk
    with transaction():
        for n in range(5):
            queue.add(
                account,
                purpose="test",
                to=[f"p{n}@customer.example"],
                blob=storage.stage(make_mail(text=str(n))),
            )
    disk.fill()
    sender = FakeSender()
    with contextlib.suppress(SQLAlchemyError):
        deliver.drain(account.id, sender=sender)
    sent_while_full = len(sender.sent)
    disk.free()
    let_time_pass()
    deliver.drain(account.id, sender=sender)
    deliver.drain(account.id, sender=sender)
    assert sorted(m.recipients for m in sender.sent) == [(f"p{n}@customer.example",) for n in range(5)], (
        sent_while_full
    )


class FillingSender(FakeSender):
    """The disk runs full while the server takes the mail; there is room again a moment later."""

    def __init__(self, disk, seconds):
        super().__init__()
        self.disk, self.seconds = disk, seconds

    def send(self, envelope_from, recipients, raw):
        done = super().send(envelope_from, recipients, raw)
        if len(self.sent) == 1:
            self.disk.fill()
            threading.Timer(self.seconds, self.disk.free).start()
        return done


def test_a_mail_the_server_took_just_before_the_disk_was_full_is_not_sent_again(full_desk, caplog):
    disk, account = full_desk
    with transaction():
        for n in range(2):
            queue.add(
                account,
                purpose="test",
                to=[f"p{n}@customer.example"],
                blob=storage.stage(make_mail(text=str(n))),
            )
    sender = FillingSender(disk, 2.0)
    deliver.drain(account.id, sender=sender)
    assert "not written" in caplog.text
    assert [m.recipients[0] for m in sender.sent] == ["p0@customer.example", "p1@customer.example"]
    states = set(db.session.scalars(select(EmailMessage.state).where(EmailMessage.direction == "out")))
    assert states == {"sent"}
