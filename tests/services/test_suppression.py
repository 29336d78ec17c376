"""Who complained, or is on the list by hand, is mailed nothing by the desk itself; and nobody is silenced by a forger."""

import re

import pytest
from sqlalchemy import func, select

from helpdesk import storage
from helpdesk.database import db, transaction
from helpdesk.errors import Conflict, Forbidden, InvalidInput, NotFound
from helpdesk.mail.parse import parse
from helpdesk.models import DeliveryFailure, EmailMessage, Event, Notification, Ticket
from helpdesk.models.senders import Cause
from helpdesk.policy.search_query import parse as parse_query
from helpdesk.policy.status import Status
from helpdesk.services import people, suppression, ticket_rows
from helpdesk.services.ingest.trace import reason_of
from helpdesk.services.outbox import queue, unreachable
from helpdesk.services.tickets import changing
from tests import factories
from tests.factories import CUSTOMER, OTHER_CUSTOMER, SUPPORT, make_mail
from tests.services.arrivals import receive
from tests.services.outbox.mails import outgoing
from tests.services.test_unreachable import account, agent, answer, report, send, sent  # noqa: F401

ARF = """From: {sender}
To: support@desk.example
Subject: FW: complaint
Message-ID: <{key}@provider.example>
MIME-Version: 1.0
{more}Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b

This is an email abuse report.
--b
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Provider/1.0
Version: 1
Original-Mail-From: <support@desk.example>
{people}
--b
Content-Type: message/rfc822

From: support@desk.example
To: <redacted>
Message-ID: <{about}>
Subject: x

x
--b--
"""


def complaint(about, *, key="c1", kind="abuse", to=(CUSTOMER,), sender="fbl@provider.example", more=""):
    lines = "".join(f"Original-Rcpt-To: {one}\n" for one in to)
    text = ARF.format(key=key, kind=kind, people=lines, about=about, sender=sender, more=more)
    return text.replace("\n", "\r\n").encode()


def test_a_complaint_stops_what_the_desk_mails_by_itself_and_no_answer(account, agent, sent):  # noqa: F811
    (row,) = receive(account, complaint(sent.message_id))
    assert (row.state, row.ticket_id) == ("ignored", sent.ticket_id)
    assert unreachable.left_alone([CUSTOMER.upper()])[CUSTOMER.upper()].cause is Cause.COMPLAINT
    receive(account, make_mail(subject="Another question", text="Other words"))  # lifts no complaint
    assert send(account) == []
    assert "called a mail of the desk spam" in str(reason_of(outgoing()[-1]))
    answer(sent.ticket_id, agent)
    assert send(account) == [[CUSTOMER]]


@pytest.mark.parametrize("to", [(), ("redacted@provider.example",)])
def test_providers_black_out_who_complained(account, sent, to):  # noqa: F811
    receive(account, complaint(sent.message_id, to=to))
    assert list(unreachable.among([CUSTOMER, "redacted@provider.example"])) == [CUSTOMER]


def test_nobody_is_silenced_by_a_complaint_about_no_mail_of_ours(account, agent, sent):  # noqa: F811
    """Forged ids; a true one only in what anybody writes; and a person in copy, who knows the id, against the others."""
    ticket_id = receive(account, make_mail(subject="Three", message_id="<three@x.example>"))[0].ticket_id
    answer(ticket_id, agent, cc=[OTHER_CUSTOMER])
    send(account)
    copied = outgoing()[-1]
    right = sent.message_id
    forged = right[:-20] + "a" + right[-19:] if right[-20] != "a" else right[:-20] + "b" + right[-19:]
    receive(
        account,
        complaint(forged, key="f1"),
        complaint("anything@of.theirs", key="f2", more=f"In-Reply-To: <{right}>\nReferences: <{right}>\n"),
        complaint(f"{right.partition('@')[0]}x@desk.example", key="f3"),
        complaint(copied.message_id, key="f4", sender=OTHER_CUSTOMER),
        complaint(right, key="f5", kind="not-spam"),
        complaint(right, key="f6", kind="auth-failure"),
    )
    assert unreachable.among([CUSTOMER, OTHER_CUSTOMER]) == {}
    kinds = list(db.session.scalars(select(Event.type).where(Event.email_id == copied.id)))
    assert "email.complained" in kinds  # said on the ticket all the same


def test_what_was_sent_once_more_to_somebody_else_silences_nobody_by_guess(account, agent, sent):  # noqa: F811
    """The same bytes bear the same id: a report that names neither of the two could be about either."""
    with transaction() as session:
        row = session.get(EmailMessage, sent.id)
        again = queue.add(
            account, purpose=queue.RESENT, to=[OTHER_CUSTOMER], ticket=session.get(Ticket, sent.ticket_id)
        )
        again.message_id, again.message_id_hash, again.raw_sha256 = (
            row.message_id,
            row.message_id_hash,
            row.raw_sha256,
        )
        again.state = "sent"
    both = [CUSTOMER, OTHER_CUSTOMER]
    receive(account, complaint(sent.message_id, to=()), report(sent.message_id, to="elsewhere@home.example"))
    assert unreachable.among(both) == {}
    receive(account, report(sent.message_id, key="b", to=OTHER_CUSTOMER))
    assert list(unreachable.among(both)) == [OTHER_CUSTOMER]
    assert set(unreachable.among([OTHER_CUSTOMER, OTHER_CUSTOMER.upper()])) == {
        OTHER_CUSTOMER,
        OTHER_CUSTOMER.upper(),
    }


def test_many_reports_of_one_mail_are_told_once_and_unknown_ones_cause_nothing(account, agent, sent):  # noqa: F811
    with transaction() as session:
        session.get(Ticket, sent.ticket_id).assignee_id = agent.id
    tickets = db.session.scalar(select(func.count(Ticket.id)))
    ours = [report(sent.message_id, key=f"o{n}") for n in range(12)]
    late = [report(sent.message_id, key=f"d{n}", action="delayed", status="4.4.1") for n in range(4)]
    others = [report(f"hd.1.abc{n}.def@support.example", key=f"u{n}") for n in range(12)]
    complaints = [complaint(sent.message_id, key=f"c{n}") for n in range(4)]
    rows = receive(account, *late, *ours, *others, *complaints)
    assert {row.state for row in rows} == {"bounced", "ignored"}
    assert db.session.scalar(select(func.count(Ticket.id))) == tickets
    kinds = list(db.session.scalars(select(Event.type).where(Event.email_id == sent.id)))
    assert [kinds.count(f"email.{word}") for word in ("delayed", "bounced", "complained")] == [1, 1, 1]
    assert db.session.scalar(select(func.count(Notification.id))) == 1
    assert db.session.scalar(select(func.count(DeliveryFailure.id))) == 2
    assert send(account) == [[agent.email]]  # once, too


def test_a_ticket_whose_mail_came_back_is_flagged_until_it_was_sent_again(account, agent, sent):  # noqa: F811
    def is_flagged():
        (row,) = ticket_rows.rows([sent.ticket_id], agent, parse_query(""))
        return row.ticket.is_undelivered

    assert not is_flagged()
    receive(account, report(sent.message_id))
    assert is_flagged()
    with transaction() as session:
        session.get(EmailMessage, sent.id).state = "sent"
    assert not is_flagged()


def test_an_admin_puts_addresses_on_the_list_and_takes_them_off(account, sent):  # noqa: F811
    admin = factories.make_admin()
    with transaction():
        suppression.add(f" {CUSTOMER.upper()} ", note="asked by phone", actor=admin)
    receive(account, make_mail(subject="Another", text="Other words"))
    assert send(account) == [] and "administrator" in str(reason_of(outgoing()[-1]))
    rows, _ = suppression.page(text="phone")
    assert [(row.address, row.cause) for row in rows] == [(CUSTOMER, Cause.BY_HAND)]
    assert suppression.page(text="%")[0] == []
    with transaction():
        unreachable.lift([CUSTOMER])
        assert unreachable.among([CUSTOMER])
        suppression.release(rows[0].id, actor=admin)
    assert not unreachable.among([CUSTOMER]) and suppression.page()[0] == []
    with pytest.raises(NotFound), transaction():
        suppression.release(rows[0].id, actor=admin)
    names = select(Event.data).where(Event.type.startswith("suppression."))
    assert all(CUSTOMER not in str(data) for data in db.session.scalars(names))


def test_releasing_takes_every_reason_off_and_the_page_shows_one_line(account, sent):  # noqa: F811
    admin = factories.make_admin()
    receive(account, report(sent.message_id), complaint(sent.message_id))
    assert unreachable.left_alone([CUSTOMER])[CUSTOMER].holds_answers
    (row,), _ = suppression.page()
    with transaction():
        suppression.release(row.id, actor=admin)
    assert not unreachable.among([CUSTOMER])


def test_what_is_no_address_ours_or_listed_is_refused_and_agents_may_not(account, agent):  # noqa: F811
    admin = factories.make_admin()
    for typed, error in (("x", InvalidInput), (SUPPORT, InvalidInput)):
        with pytest.raises(error), transaction():
            suppression.add(typed, actor=admin)
    with transaction():
        row = suppression.add(CUSTOMER, actor=admin)
    with pytest.raises(Conflict), transaction():
        suppression.add(CUSTOMER, actor=admin)
    for act in (
        lambda: suppression.add(OTHER_CUSTOMER, actor=agent),
        lambda: suppression.release(row.id, actor=agent),
    ):
        with pytest.raises(Forbidden), transaction():
            act()
    assert people.find_user(OTHER_CUSTOMER) is None


@pytest.mark.parametrize("what", ["reply address", "mark"])
def test_a_report_is_linked_by_what_we_signed_where_the_service_put_its_own_id(context, what):
    """Amazon SES does; the forged ones differ by a letter."""
    account = factories.make_account(takes_plus_addresses=what == "reply address")  # noqa: F811
    receive(account, make_mail())
    send(account)
    ours = outgoing()[-1]
    raw = storage.read(ours.raw_sha256).replace(ours.message_id.encode(), b"0100018f-abc@email.amazonses.com")
    if what == "reply address":
        raw = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\nx\r\n"
        forged = raw.replace(b"support+t", b"support+t9")
    else:
        head, _, _ = raw.partition(b"\r\n\r\n")
        mark = re.search(r"hd:\S+?(?=\])", parse(raw).text)[0]
        kept = [
            line
            for line in head.split(b"\r\n")
            if line.startswith((b"From", b"To", b"Subject", b"Message-ID"))
        ]
        raw = b"\r\n".join(kept) + f"\r\n\r\nWords\r\n[{mark}]\r\n".encode()
        forged = raw.replace(b"hd:1.", b"hd:2.")
    assert forged != raw
    reports_ = [
        report("x@email.amazonses.com", key=key).replace(
            b"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <x@email.amazonses.com>",
            b"Content-Type: message/rfc822\r\n\r\n" + body,
        )
        for key, body in (("f", forged), ("r", raw))
    ]
    false, true = receive(account, *reports_)
    assert (false.ticket_id, true.ticket_id) == (None, ours.ticket_id)
    assert list(unreachable.among([CUSTOMER])) == [CUSTOMER]


def test_who_joined_later_speaks_for_nobody_with_an_id_he_read_in_an_answer(account, agent, sent):  # noqa: F811
    """The References of our answers name earlier mails to whoever gets the answer, not to their readers alone."""
    answer(sent.ticket_id, agent, cc=[OTHER_CUSTOMER])
    send(account)
    assert sent.message_id in parse(storage.read(outgoing()[-1].raw_sha256)).references
    (row,) = receive(account, complaint(sent.message_id, sender=OTHER_CUSTOMER))
    assert unreachable.among([CUSTOMER, OTHER_CUSTOMER]) == {}
    assert any("Others have been told" in step["text"] for step in row.trace)


def test_a_notification_is_named_to_its_reader_alone_so_he_complained(account, agent, sent):  # noqa: F811
    answer(sent.ticket_id, agent, cc=[OTHER_CUSTOMER])
    with transaction():
        changing.set_status(db.session.get(Ticket, sent.ticket_id), Status.CLOSED, actor=agent)
    send(account)
    (told,) = [one for one in outgoing(purpose="notification") if one.addressed == [CUSTOMER]]
    receive(account, complaint(told.message_id))
    assert list(unreachable.among([CUSTOMER, OTHER_CUSTOMER])) == [CUSTOMER]


def test_a_returned_header_proves_who_complained_though_others_know_the_mail(context):
    account = factories.make_account(takes_plus_addresses=True)  # noqa: F811
    agent = factories.make_agent(accounts=[account])  # noqa: F811
    receive(account, make_mail())
    send(account)
    sent = outgoing()[-1]  # noqa: F811
    answer(sent.ticket_id, agent, cc=[OTHER_CUSTOMER])
    reply_to = parse(storage.read(sent.raw_sha256)).header("Reply-To")
    raw = complaint(sent.message_id).replace(b"To: <redacted>", b"Reply-To: " + reply_to.encode())
    receive(account, raw)
    assert list(unreachable.among([CUSTOMER])) == [CUSTOMER]
