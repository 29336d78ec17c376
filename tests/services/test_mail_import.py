"""Old mail is taken over once, at its own dates, in its own threads, and nobody is told."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from sqlalchemy import select, update

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailAccount, EmailMessage, Notification, Ticket
from helpdesk.models.mail import Direction
from helpdesk.policy.status import Status
from helpdesk.services import mail_import
from helpdesk.services.ingest import process, store
from helpdesk.services.mail_import import MailImport
from tests import factories
from tests.factories import CUSTOMER, SUPPORT

STAFF = "nora@desk.example"


@pytest.fixture
def account(context):
    account = factories.make_account()
    agent = factories.make_agent(email=STAFF, name="Nora Lind", accounts=[account])
    with transaction() as session:
        session.get(EmailAccount, account.id).default_assignee_id = agent.id
    return account


def old(subject, message_id, date, *, sender=CUSTOMER, cites="", to=SUPPORT, text="Words.\n", **headers):
    raw = factories.make_mail(
        sender=sender, to=to, subject=subject, text=text, message_id=f"<{message_id}>", **headers
    )
    lines = [line for line in raw.splitlines() if not line.startswith(b"Date:")]
    fields = [f"Date: {date}".encode()] + ([f"In-Reply-To: <{cites}>".encode()] if cites else [])
    return b"\n".join([*fields, *lines]) + b"\n"


QUESTION = old("Printer", "q@customer.example", "Mon, 2 Mar 2015 10:00:00 +0000")
ANSWER = old("Re: Printer", "a@desk.example", "Tue, 3 Mar 2015 10:00:00 +0000", sender=f"Support <{SUPPORT}>",
             to=CUSTOMER, cites="q@customer.example", text="Try the other tray.\n")  # fmt: skip
THANKS = old("Re: Printer", "t@customer.example", "Wed, 1 Apr 2015 10:00:00 +0000", cites="a@desk.example")
THREAD = (THANKS, ANSWER, QUESTION)  # as a mail program may have kept them


def mbox(tmp_path, *raws):
    path = tmp_path / "old.mbox"
    path.write_bytes(b"".join(b"From a@b Mon Feb  2 09:00:00 2026\n" + raw + b"\n" for raw in raws))
    return path


def take_over(account, path, status=Status.CLOSED):
    return MailImport(account.id, path).run(status, lambda done: None)


def tickets():
    db.session.rollback()
    return db.session.scalars(select(Ticket).order_by(Ticket.id)).all()


def said(ticket):
    return [(c.kind.value, c.author_name, c.created_at) for c in sorted(ticket.comments, key=lambda c: c.id)]


def test_a_conversation_is_one_ticket_at_its_own_dates(account, tmp_path):
    summary = take_over(account, mbox(tmp_path, *THREAD))
    (ticket,) = tickets()
    asked, answered, thanked = (datetime(2015, *day, 10, tzinfo=UTC) for day in ((3, 2), (3, 3), (4, 1)))
    assert said(ticket) == [
        ("incoming", CUSTOMER, asked),
        ("reply", "Support", answered),
        ("incoming", CUSTOMER, thanked),
    ]
    assert (ticket.created_at, ticket.last_activity_at, ticket.closed_at) == (asked, thanked, thanked)
    assert (ticket.status, summary.states, summary.settled) == (
        Status.CLOSED,
        {"opened": 1, "appended": 2},
        1,
    )


def test_nobody_is_told_of_history_and_everybody_of_news(account, tmp_path):
    take_over(account, mbox(tmp_path, *THREAD), status=None)
    db.session.rollback()
    assert db.session.scalars(select(EmailMessage).where(EmailMessage.direction == Direction.OUT)).all() == []
    assert db.session.scalars(select(Notification)).all() == []
    assert tickets()[0].status is Status.OPEN
    store.store_raw(account, factories.make_mail(subject="New matter"))
    process.drain()
    outgoing = db.session.scalars(select(EmailMessage).where(EmailMessage.direction == Direction.OUT)).all()
    assert {mail.purpose for mail in outgoing} == {"ticket_created", "notification"}


def test_taken_over_twice_is_taken_once(account, tmp_path):
    path = mbox(tmp_path, *THREAD)
    take_over(account, path)
    again = take_over(account, path)
    assert (again.known, again.states, len(tickets()), len(tickets()[0].comments)) == (3, {}, 1, 3)


def test_what_was_fetched_before_is_not_doubled(account, tmp_path):
    store.store_raw(account, QUESTION)
    process.drain()
    summary = take_over(account, mbox(tmp_path, *THREAD))
    assert (len(tickets()), summary.states["duplicate"]) == (1, 1)


class Killed(BaseException):
    """The process ends here."""


def test_a_killed_import_goes_on(account, tmp_path, monkeypatch):
    monkeypatch.setattr(mail_import, "BATCH", 2)
    others = [
        old(f"Matter {n}", f"{n}@customer.example", f"Mon, {n} Jun 2015 10:00:00 +0000") for n in range(1, 8)
    ]
    path = mbox(tmp_path, *THREAD, *others)

    def die(done):
        raise Killed

    with pytest.raises(Killed):
        MailImport(account.id, path).run(Status.CLOSED, die)
    assert len(tickets()) == 1
    summary = take_over(account, path)
    assert (summary.known, len(tickets())) == (2, 8)
    assert {ticket.status for ticket in tickets()} == {Status.CLOSED}
    assert sum(len(ticket.comments) for ticket in tickets()) == 10


def test_a_member_of_the_team_answers_by_name(account, tmp_path):
    reply = old("Re: Printer", "n@desk.example", "Tue, 3 Mar 2015 10:00:00 +0000", sender=f"Nora <{STAFF}>",
                cites="q@customer.example")  # fmt: skip
    take_over(account, mbox(tmp_path, QUESTION, reply))
    assert [(kind, name) for kind, name, _ in said(tickets()[0])][1] == ("reply", "Nora Lind")


def test_what_makes_no_ticket_says_why(account, tmp_path):
    date = "Mon, 2 Mar 2015 10:00:00 +0000"
    take_over(account, mbox(
        tmp_path,
        old("Offer", "o@desk.example", date, sender=SUPPORT, to=CUSTOMER),
        old("Away", "v@customer.example", date, Auto_Submitted="auto-replied"),
    ))  # fmt: skip
    rows = db.session.scalars(select(EmailMessage).order_by(EmailMessage.id)).all()
    assert (tickets(), [row.state for row in rows]) == ([], ["ignored", "ignored"])
    assert {row.reason for row in rows} == {
        "Written by the desk, and the mail it answers is on no ticket.",
        "An automatic answer to no ticket: %(because)s.",
    }


def test_a_stranger_who_cites_a_mail_does_not_join_its_ticket(account, tmp_path):
    intruder = old("Re: Printer", "i@evil.example", "Tue, 3 Mar 2015 10:00:00 +0000", sender="eve@evil.example",
                   cites="q@customer.example")  # fmt: skip
    take_over(account, mbox(tmp_path, QUESTION, intruder))
    assert len(tickets()) == 2


def test_a_ticket_that_lives_again_is_left_alone(account, tmp_path):
    path = mbox(tmp_path, *THREAD)
    take_over(account, path)
    with transaction() as session:
        session.execute(update(Ticket).values(status=Status.OPEN, last_activity_at=utcnow()))
    assert (take_over(account, path).settled, tickets()[0].status) == (0, Status.OPEN)


def test_a_live_ticket_whose_mail_lies_in_the_archive_too_stays_open(account, tmp_path):
    """Its author's clock runs fast, so the copy seems to be newer than all that happened on the ticket."""
    live = old("News", "n@customer.example", format_datetime(utcnow() + timedelta(hours=3)))
    store.store_raw(account, live)
    process.drain()
    summary = take_over(account, mbox(tmp_path, live))
    assert (summary.states["duplicate"], summary.settled) == (1, 0)
    assert tickets()[0].status is not Status.CLOSED
