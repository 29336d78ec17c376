"""Delivery reports: linked by ids of ours alone; who cannot be reached is left alone, until something speaks for him."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from helpdesk import storage
from helpdesk.database import db, transaction
from helpdesk.errors import NotFound
from helpdesk.models import DeliveryFailure, EmailMessage, Event, Ticket
from helpdesk.models.trays import Tray
from helpdesk.policy.inbox import Kind
from helpdesk.services import inbox, links, notifications, people, replies, trays, waiting_mail
from helpdesk.services.ingest import process
from helpdesk.services.ingest.trace import reason_of
from helpdesk.services.links import Purpose
from helpdesk.services.outbox import deliver, queue, unreachable
from helpdesk.transports.base import Delivery
from tests import factories
from tests.factories import CUSTOMER, OTHER_CUSTOMER, make_mail
from tests.fakes import FakeSender
from tests.services.arrivals import receive
from tests.services.outbox.mails import let_time_pass, outgoing

REPORT = """From: MAILER-DAEMON@relay.example
To: support@desk.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <{key}@relay.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b

It did not work.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example

{blocks}
--b
Content-Type: text/rfc822-headers

Message-ID: <{about}>

--b--
"""
BLOCK = "Final-Recipient: rfc822; {to}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {words}\n"


@pytest.fixture
def account(context):
    return factories.make_account()


@pytest.fixture
def agent(account):
    return factories.make_agent(accounts=[account])


def report(about, *, key="r1", to=CUSTOMER, action="failed", status="5.1.1", words="550 no such user"):
    blocks = "\n".join(
        BLOCK.format(to=one, action=action, status=status, words=words) for one in to.split(",")
    )
    return REPORT.format(key=key, about=about, blocks=blocks).replace("\n", "\r\n").encode()


def send(account):
    """Send what waits; return the recipients of each mail."""
    with transaction() as session:
        session.execute(
            update(EmailMessage).where(EmailMessage.state == "queued").values(due_at=EmailMessage.created_at)
        )
    sender = FakeSender()
    deliver.drain(account.id, sender=sender)
    db.session.rollback()
    return [list(mail.recipients) for mail in sender.sent]


@pytest.fixture
def sent(account):
    """The acknowledgement of a customer's ticket, on its way."""
    receive(account, make_mail())
    send(account)
    return outgoing()[-1]


def answer(ticket_id, agent, cc=()):
    prepared = replies.prepare(db.session.get(Ticket, ticket_id), "We look into it.", actor=agent, cc=cc)
    with transaction():
        replies.send(db.session.get(Ticket, ticket_id), prepared, actor=agent)


def test_an_address_that_does_not_exist_is_written_to_no_more(account, sent):
    (row,) = receive(account, report(sent.message_id))
    sent = db.session.get(EmailMessage, sent.id)
    assert (row.state, row.tray, row.ticket_id) == ("bounced", None, sent.ticket_id)
    assert (sent.state, sent.recipients.get("accepted")) == ("bounced", None)
    assert "no such user" in unreachable.among([CUSTOMER.upper()])[CUSTOMER.upper()]
    assert any("any more" in step["text"] for step in row.trace)


def test_who_has_the_ticket_is_told_that_a_mail_came_back(account, agent, sent):
    with transaction() as session:
        session.get(Ticket, sent.ticket_id).assignee_id = agent.id
    receive(account, report(sent.message_id))
    assert [item.kind for item in inbox.page(agent)[0]] == [Kind.MAIL_FAILED]


def test_nothing_automatic_is_sent_to_him_and_an_answer_says_why_it_did_not_go(account, agent, sent):
    receive(account, report(sent.message_id))
    factories.make_ticket(account, CUSTOMER, text="Is anybody there?")
    assert send(account) == [] and outgoing()[-1].state == "cancelled"
    answer(sent.ticket_id, agent)
    assert send(account) == []
    mail = outgoing(purpose="reply")[-1]
    assert (mail.state, str(reason_of(mail))) == ("failed", f"Not delivered to {CUSTOMER}.")
    assert "no such user" in mail.detail
    with transaction():
        queue.retry(mail.id, actor=agent)
    assert [CUSTOMER] in send(account)  # beside what tells the agent that it had failed


def test_who_writes_to_us_is_written_to_again(account, agent, sent):
    receive(account, report(sent.message_id))
    receive(account, make_mail(subject="It was my server", text="Back again"))
    assert unreachable.among([CUSTOMER]) == {}
    answer(sent.ticket_id, agent)
    assert send(account)[-1] == [CUSTOMER]


def test_other_lasting_refusals_count_three_mails_within_a_fortnight(account, agent, sent):
    def bounce(number):
        answer(sent.ticket_id, agent)
        send(account)
        about = outgoing()[-1].message_id
        for again in "ab":  # a server that repeats itself counts once
            key = f"k{number}{again}"
            receive(account, report(about, key=key, status="5.2.2", words="552 full"))
        return bool(unreachable.among([CUSTOMER]))

    assert not bounce(1)
    with transaction() as session:
        failure = session.scalars(select(DeliveryFailure)).one()
        failure.created_at -= timedelta(days=15)
    assert [bounce(n) for n in (2, 3, 4)] == [False, False, True]


@pytest.mark.parametrize(
    ("action", "status"), [("delayed", "4.4.1"), ("delayed", "5.0.0"), ("relayed", "2.0.0")]
)
def test_a_mail_that_is_late_is_a_quiet_line(account, sent, action, status):
    (row,) = receive(account, report(sent.message_id, action=action, status=status))
    assert db.session.get(EmailMessage, sent.id).state == "sent" and not unreachable.among([CUSTOMER])
    assert row.tray is None
    kinds = list(db.session.scalars(select(Event.type).where(Event.email_id == sent.id)))
    assert "email.delayed" in kinds and "email.bounced" not in kinds


def test_a_report_silences_only_whom_the_mail_was_sent_to(account, agent, sent):
    receive(account, make_mail(message_id="<two@x.example>", subject="Two", Cc=OTHER_CUSTOMER))
    ticket_id = receive(account, make_mail(subject="Three"))[0].ticket_id
    answer(ticket_id, agent, cc=[OTHER_CUSTOMER])
    send(account)
    mail = outgoing()[-1]
    receive(account, report(mail.message_id, to=f"victim@bank.example,{OTHER_CUSTOMER}"))
    assert list(unreachable.among(["victim@bank.example", CUSTOMER, OTHER_CUSTOMER])) == [OTHER_CUSTOMER]
    with transaction():
        queue.retry(mail.id, actor=agent)
    assert send(account) == [[OTHER_CUSTOMER]]


def test_a_forwarded_mail_speaks_for_the_one_it_was_sent_to(account, sent):
    receive(
        account, report(sent.message_id, to="elsewhere@home.example", status="5.0.0", words="550 5.1.1 gone")
    )
    assert list(unreachable.among([CUSTOMER, "elsewhere@home.example"])) == [CUSTOMER]


def test_a_report_about_nothing_of_ours_goes_into_its_tray(account, sent):
    forged = report("hd.1.abc.def@support.example")
    (row,) = receive(account, forged)
    assert (row.state, row.tray, row.ticket_id) == ("bounced", Tray.UNDELIVERABLE, None)
    assert not unreachable.among([CUSTOMER])


def test_a_link_to_sign_in_goes_to_whoever_asks_for_one(account, sent):
    receive(account, report(sent.message_id))
    with transaction():
        queue.add(account, purpose="sign_in_link", to=[CUSTOMER], blob=None)
    assert people.find_user(CUSTOMER) is not None
    email = outgoing()[-1]
    assert queue.unreachable_of(email) == {}


@pytest.mark.parametrize(
    ("kind", "part", "event"),
    [
        ("disposition-notification", "Original-Message-ID: <{}>\r\n", "email.read"),
        ("feedback-report", "Feedback-Type: abuse\r\n", "email.complained"),
        ("feedback-report", "Feedback-Type: not-spam\r\n", "email.reported"),
    ],
)
def test_receipts_and_complaints_are_noted_on_the_ticket_of_their_mail(account, sent, kind, part, event):
    def told(about, key):
        return (
            f"From: jonas@customer.example\r\nTo: support@desk.example\r\nSubject: Read\r\nMessage-ID: <{key}@x.example>\r\n"
            f'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type={kind}; boundary="b"\r\n\r\n--b\r\n\r\nWords.\r\n'
            f"--b\r\nContent-Type: message/{kind}\r\n\r\n{part.format(about)}\r\n"
            f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{about}>\r\n\r\nx\r\n--b--\r\n"
        ).encode()

    ours, foreign = receive(account, told(sent.message_id, "1"), told("nothing@of.ours", "2"))
    assert (ours.state, ours.ticket_id, ours.tray) == ("ignored", sent.ticket_id, None)
    assert (foreign.ticket_id, foreign.tray) == (None, Tray.AUTOMATIC)
    receive(account, told(sent.message_id, "3"))
    rows = select(Event.type).where(Event.ticket_id == sent.ticket_id, Event.email_id == sent.id)
    assert list(db.session.scalars(rows)).count(event) == 1
    assert bool(unreachable.among([CUSTOMER])) == (event == "email.complained")


def test_a_vacation_answer_stands_folded_on_its_ticket_and_changes_nothing(account, agent, sent):
    ticket = db.session.get(Ticket, sent.ticket_id)
    before = (ticket.status, ticket.waiting_since)
    (row,) = receive(
        account,
        make_mail(
            subject="Out of office: x", Auto_Submitted="auto-replied", In_Reply_To=f"<{sent.message_id}>"
        ),
    )
    ticket = db.session.get(Ticket, sent.ticket_id)
    assert (row.state, row.tray, ticket.comments[-1].is_automatic) == ("appended", None, True)
    assert (ticket.status, ticket.waiting_since) == before
    assert inbox.page(agent)[0] == []


def returned(original, key):
    head, _, rest = report("gone@desk.example", key=key).partition(b"Content-Type: text/rfc822-headers")
    assert rest
    return head + b"Content-Type: message/rfc822\r\n\r\n" + original + b"\r\n--b--\r\n"


@pytest.mark.parametrize("how", ["given back by a server", "quoted by a person"])
def test_a_link_that_comes_back_by_mail_signs_nobody_in(account, how):
    with transaction():
        address = people.address_for("ada@desk.example")
        token = links.issue(Purpose.INVITATION, address.user, address)
        other = links.issue(Purpose.INVITATION, address.user, address)
        mail = notifications.queue_link_mail(Purpose.INVITATION, address, token)
    raw = storage.read(mail.raw_sha256)
    if how == "given back by a server":
        (row,) = receive(account, returned(raw, "secret"))
        assert row.state == "bounced"
    else:
        link = f"http://localhost/invitation/{token}"
        receive(account, factories.make_mail(sender="ada@desk.example", text=f"What is this?\n> {link}\n"))
    assert links.find(token, Purpose.INVITATION) is None
    assert links.find(other, Purpose.INVITATION) is not None


def test_a_copy_of_a_mail_with_a_link_is_read_by_nobody_else(account):
    with transaction():
        address = people.address_for("ada@desk.example")
        token = links.issue(Purpose.PASSWORD, address.user, address)
        mail = notifications.queue_link_mail(Purpose.PASSWORD, address, token)
    (row,) = receive(account, storage.read(mail.raw_sha256))
    assert (row.tray, links.find(token, Purpose.PASSWORD) is None) == (Tray.AUTOMATIC, False)
    assert trays.preview(row) is None
    with pytest.raises(NotFound):
        waiting_mail.raw(row)
    admin = factories.make_admin("grace@desk.example")
    with transaction():
        trays.make_ticket(row, actor=admin)
    process.drain()
    assert links.find(token, Purpose.PASSWORD) is None


@pytest.fixture
def to_two(account, agent):
    """An answer to two people, of whom the server takes it for the first only."""

    def sent(code):
        ticket = factories.make_ticket(account)
        prepared = replies.prepare(ticket, "Hello.", actor=agent, cc=[OTHER_CUSTOMER])
        with transaction():
            replies.send(ticket, prepared, actor=agent)
        no = Delivery("250 ok", {OTHER_CUSTOMER: (code, "no")})
        deliver.drain(account.id, sender=FakeSender(no))
        return outgoing(purpose="reply")[-1]

    return sent


def test_what_comes_back_is_noted_though_another_reader_was_refused_before(account, to_two):
    sent = to_two(550)
    assert sent.state == "failed"
    receive(account, report(sent.message_id))
    (mail,) = outgoing(purpose="reply")
    assert (mail.state, mail.recipients["refused"]) == ("bounced", [OTHER_CUSTOMER, CUSTOMER])
    assert str(reason_of(mail)) == f"Not delivered to {OTHER_CUSTOMER}, {CUSTOMER}."
    assert unreachable.among([CUSTOMER])


def test_what_comes_back_from_one_reader_is_still_sent_to_the_one_who_waits(account, to_two):
    sent = to_two(450)
    receive(account, report(sent.message_id))
    receive(account, report(sent.message_id, key="r2"))
    (mail,) = outgoing(purpose="reply")
    assert (mail.state, mail.recipients["refused"]) == ("queued", [CUSTOMER])
    let_time_pass(hours=1)
    sender = FakeSender()
    deliver.drain(account.id, sender=sender)
    assert [one.recipients for one in sender.sent if OTHER_CUSTOMER in one.recipients] == [(OTHER_CUSTOMER,)]
    (mail,) = outgoing(purpose="reply")
    assert (mail.state, str(reason_of(mail))) == ("failed", f"Not delivered to {CUSTOMER}.")
    told = select(Event.type).where(Event.email_id == sent.id, Event.type == "email.bounced")
    assert len(db.session.scalars(told).all()) == 1
