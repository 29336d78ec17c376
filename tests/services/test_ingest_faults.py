"""What goes wrong while mail is processed: one bad mail costs nobody else anything, and nothing is lost or doubled."""

import itertools
import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, text

from helpdesk import storage
from helpdesk.database import db, transaction, utcnow
from helpdesk.models import Attachment, Comment, EmailMessage, Event, Ticket
from helpdesk.models.mail import EmailState
from helpdesk.services import doctor, events, settings, sweep
from helpdesk.services.ingest import claims, process, store
from helpdesk.services.ingest.trace import sentence_of
from helpdesk.storage import BlobChunk
from tests import factories
from tests.factories import SUPPORT, make_mail

AT_ONCE = timedelta(0)


@pytest.fixture
def account(context):
    return factories.make_account()


@pytest.fixture
def poison(monkeypatch):
    """A mail whose subject begins so makes whoever listens to its event fail, after its ticket was made."""

    def explode(event, ticket):
        if ticket is not None and ticket.subject.startswith("Poison"):
            raise ValueError("the listener is broken")

    monkeypatch.setattr(events, "_listeners", {**events._listeners, explode: (("",), False)})


def stored(account, *raws):
    return [store.store_raw(account, raw) for raw in raws]


def row(email_id):
    db.session.rollback()
    return db.session.get(EmailMessage, email_id, populate_existing=True)


def count(table):
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table))


def good(n):
    return make_mail(sender=f"p{n}@customer.example", subject=f"Matter {n}")


def test_a_bad_mail_in_front_of_good_ones_holds_up_nobody(account, poison):
    ids = stored(account, make_mail(subject="Poison"), *[good(n) for n in range(30)])
    summary = process.drain()
    assert (summary.created, summary.errors, summary.more) == (30, 1, False)
    bad = row(ids[0])
    assert (bad.state, bad.attempts, bad.subject) == ("received", 1, "Poison")
    assert "ValueError" in bad.detail and bad.reason
    assert timedelta(seconds=30) < bad.due_at - utcnow() <= timedelta(seconds=60)
    assert count(Ticket) == 30


def test_after_five_tries_a_mail_is_failed_and_a_retry_makes_one_ticket(account, poison, monkeypatch):
    admin = factories.make_admin()
    (email_id,) = stored(account, make_mail(subject="Poison"))
    summary = process.drain(backoff=AT_ONCE)
    assert summary.errors == 5
    assert (row(email_id).state, row(email_id).attempts, count(Ticket)) == ("failed", 5, 0)
    assert db.session.scalars(select(Event).where(Event.type == "email.failed")).one().email_id == email_id
    assert storage.read(row(email_id).raw_sha256)
    monkeypatch.undo()
    with transaction():
        process.retry(email_id, admin)
    assert process.drain().created == 1
    assert (row(email_id).state, row(email_id).detail, count(Ticket)) == ("opened", "", 1)


def test_a_failed_mail_that_was_discarded_does_not_come_back_by_a_rescan(account, poison, monkeypatch):
    admin = factories.make_admin()
    raw = make_mail(subject="Poison")
    (email_id,) = stored(account, raw)
    process.drain(backoff=AT_ONCE)
    with transaction():
        process.discard(email_id, admin)
    monkeypatch.undo()
    again = store.store_raw(account, raw, "INBOX/2/1")
    process.drain()
    assert (row(again).state, count(Ticket)) == ("duplicate", 0)


def test_a_mail_whose_bytes_are_gone_fails_in_words(account):
    email_id, other = stored(account, make_mail(), good(1))
    with transaction():
        db.session.execute(delete(BlobChunk).where(BlobChunk.sha256 == row(email_id).raw_sha256))
    process.drain(backoff=AT_ONCE)
    assert (row(email_id).state, row(other).state) == ("failed", "opened")
    assert "missing" in row(email_id).reason or "changed" in row(email_id).reason


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # only there large ones are files
def test_a_full_disk_costs_a_mail_no_attempts(context, tmp_path):
    account = factories.make_account()
    with transaction():
        blob = storage.StagedBlob(*_put(make_mail(files=[("big.bin", "application/zip", b"x" * 600_000)])))
        email_id = store.insert(account.id, store.StagedMail("INBOX/1/1", blob, blob.size))
    blobs = tmp_path / "blobs"
    blobs.write_text("not a folder")
    for _ in range(7):
        process.drain(backoff=AT_ONCE, limit=1)
    assert (row(email_id).state, row(email_id).attempts, count(Ticket)) == ("received", 0, 0)
    assert "could not be stored" in row(email_id).reason
    blobs.unlink()
    process.drain()
    assert (row(email_id).state, count(Attachment)) == ("opened", 1)


def _put(raw):
    import hashlib

    return hashlib.sha256(raw).hexdigest(), len(raw), raw


# workers that die, sleep, meet


def expire(*email_ids):
    with transaction() as session:
        for email_id in email_ids:
            session.get(EmailMessage, email_id).claimed_until = utcnow() - timedelta(seconds=1)


def test_a_mail_that_kills_its_worker_costs_its_neighbours_one_attempt_at_most(account):
    ids = stored(account, *[good(n) for n in range(5)])
    assert claims.take(20, tried_first=False).email_ids == ids  # and the worker dies
    assert process.drain().created == 0  # nobody else may have them yet
    expire(*ids)
    assert ("process_incoming", ()) in sweep.sweep()
    for attempt in range(2, 6):  # the first one kills whoever takes it
        claim = claims.take(20, tried_first=False)
        assert claim.email_ids == ids[:1]
        assert row(ids[0]).attempts == attempt
        expire(ids[0])
    assert process.drain().created == 4
    assert [row(email_id).state for email_id in ids] == ["failed"] + ["opened"] * 4
    assert row(ids[0]).reason == claims.KILLED.template
    assert [row(email_id).attempts for email_id in ids[1:]] == [2] * 4
    assert doctor.examine() == []


def test_who_lost_his_claim_writes_nothing(account):
    (email_id,) = stored(account, make_mail())
    claim = claims.take(20, tried_first=False)
    with transaction() as session:
        settings.instance_id()
        session.get(EmailMessage, email_id).claim = "somebody else's"
    worker = process._Worker(AT_ONCE)
    worker.work_off(claim, lambda: False)
    assert (row(email_id).state, row(email_id).claim) == ("processing", "somebody else's")
    assert (count(Ticket), worker.summary.errors) == (0, 0)


def test_stopping_gives_back_what_was_not_begun(account):
    ids = stored(account, *[good(n) for n in range(5)])
    asked = []

    def should_stop():
        asked.append(1)
        return len(asked) > 2

    summary = process.drain(should_stop=should_stop)
    assert (summary.created, summary.more, bool(summary)) == (2, True, True)
    assert [(row(i).state, row(i).attempts) for i in ids[2:]] == [("received", 0)] * 3
    assert process.drain().created == 3


def test_a_limit_and_a_deadline_leave_the_rest(account):
    stored(account, *[good(n) for n in range(5)])
    assert (process.drain(limit=2).created, process.drain(deadline=time.monotonic() - 1).created) == (2, 0)
    summary = process.drain(limit=3)
    assert (summary.created, summary.more) == (3, False)


def test_many_workers_and_three_accounts_make_each_mail_one_ticket(context):
    addresses = [SUPPORT, "sales@desk.example", "office@desk.example"]
    accounts = [factories.make_account(address) for address in addresses]
    for n in range(20):
        raw = make_mail(sender=f"p{n}@customer.example", to=", ".join(addresses), subject=f"Matter {n}")
        for position, account in enumerate(accounts):
            store.store_raw(account, b"Received: by %d\r\n" % position + raw)
    ids = [account.id for account in accounts]
    db.session.rollback()
    errors, barrier = [], threading.Barrier(4)

    def work():
        with context.app_context():
            barrier.wait()
            try:
                while process.drain(backoff=AT_ONCE).email_ids:
                    pass
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    states = db.session.scalars(select(EmailMessage.state)).all()
    assert (states.count(EmailState.OPENED), states.count(EmailState.DUPLICATE)) == (20, 40)
    assert count(Ticket) == count(Comment) == 20
    assert set(db.session.scalars(select(Ticket.account_id))) == {ids[0]}
    assert doctor.examine() == []


# mails made to hurt


BOMBS = {
    "nested parts": b"From: a@b.example\r\n" + b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(1000)),
    "nested messages": b"From: a@b.example\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 2000,
    "nested comments": b"From: a@b.example\r\nTo: " + b"(" * 3000 + b")" * 3000 + b" x@y.example\r\n\r\nhello",
    "many addresses": b"From: a@b.example\r\nTo: " + b", ".join(b"p%d@x.example" % n for n in range(20000)) + b"\r\n\r\nhello",
    "many parts": b'From: a@b.example\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * 100_000,
    "long subject": b"From: a@b.example\r\nSubject: " + b"x" * 1_000_000 + b"\r\n\r\nhello",
    "many quotes": b"From: a@b.example\r\nIn-Reply-To: <a@b>\r\n\r\n" + b"On x wrote\r\n" * 5000,
    "zeros": b"\0" * 10_000,
    "no line end": b"x" * 10_000,
    "unknown charset": b"From: a@b.example\r\nContent-Type: text/plain; charset=klingon\r\n\r\nnuqneH \xff\xfe",
}  # fmt: skip


def test_bombs_in_front_of_good_mails_are_tickets(account):
    ids = stored(account, *BOMBS.values(), *[good(n) for n in range(5)])
    summary = process.drain(backoff=AT_ONCE)
    assert {name: row(email_id).state for name, email_id in zip(BOMBS, ids, strict=False)} == dict.fromkeys(
        BOMBS, "opened"
    )
    assert (summary.created, summary.errors) == (len(BOMBS) + 5, 0)


def test_the_last_try_takes_the_source_of_a_mail_that_never_could_be_read(account):
    raw = make_mail(text="Words.\n", files=[("a.zip", "application/zip", b"x")])
    (email_id,) = stored(account, raw)
    with transaction() as session:
        session.get(EmailMessage, email_id).attempts = claims.MAX_ATTEMPTS - 1
    assert process.drain().created == 1
    (comment,) = db.session.get(Ticket, row(email_id).ticket_id).comments
    assert "Words." in comment.text
    assert [(a.filename, storage.read(a.sha256)) for a in comment.attachments] == [("message.eml", raw)]
    assert any("read in time" in str(sentence_of(step)) for step in row(email_id).trace)


def test_a_mail_that_takes_too_long_to_read_is_left_at_its_source(account):
    parts = b"".join(b"--b\r\nContent-Type: text/html\r\n\r\n<p>words %d\r\n" % n for n in range(100))
    raw = b'From: a@b.example\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n' + parts
    with transaction():
        settings.instance_id()
    ticks = itertools.count()
    found = process.read(raw, budget_s=30, clock=lambda: float(next(ticks)))
    assert (found.is_partial, found.parsed.files[-1].filename) == (True, "message.eml")
    assert "words 1" in found.visible_text


@pytest.mark.parametrize(
    "header",
    [
        b"Subject: =?UTF-8?Q?=0A?=Bcc: x@y.example",
        b"Subject: a\x00b",
        b"From: =?utf-8?q?x=0D=0ABcc:_y@z.example?= <a@b.example>",
        b"Message-ID: =?utf-8?q?=3Cx=40y=3E=0D=0AEVIL?=",
        b"In-Reply-To: <a@b>\r\n\tEVIL <c@d>",
        b"References: " + b"<x@y> " * 10_000,
        b"Date: Mon, 99 Foo 9999999 99:99:99 +9999",
        b"X-Helpdesk-Ticket: 1",
        b"To: \xff\xfe\xfd <\xff@\xfe>",
        b"Message-ID: <" + b"x" * 5000 + b"@y.example>",
        b"From: " + b"n" * 2000 + b" <" + b"l" * 300 + b"@y.example>",
        b'Content-Type: text/plain; name="../../\xe2\x80\x8b.htaccess"\r\nContent-Disposition: attachment; filename="../../.htaccess"',
    ],
)  # fmt: skip
def test_hostile_headers_make_an_ordinary_ticket(account, header):
    name = header.partition(b":")[0]
    raw = b"".join(
        line
        for line in make_mail().splitlines(keepends=True)
        if not line.startswith(name + b":") or line.startswith(b"\t")
    )
    (email_id,) = stored(account, header + b"\n" + raw)
    process.drain(backoff=AT_ONCE)
    found = row(email_id)
    assert found.state == "opened", found.detail
    ticket = db.session.get(Ticket, found.ticket_id)
    assert all(c.isprintable() for c in ticket.subject)
    assert all("/" not in file.filename for file in ticket.comments[0].attachments)


def test_a_database_that_refuses_for_a_while_costs_no_attempts(account):
    (email_id,) = stored(account, make_mail())
    with transaction() as session:
        session.execute(text("ALTER TABLE participant RENAME TO away"))
    for _ in range(2):
        process.drain(backoff=AT_ONCE, limit=1)
    assert row(email_id).state == "received"
    with transaction() as session:
        session.execute(text("ALTER TABLE away RENAME TO participant"))
    process.drain(backoff=AT_ONCE)
    assert (row(email_id).state, count(Ticket)) == ("opened", 1)
