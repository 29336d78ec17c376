"""From a stored mail to a ticket, a comment, or a word that says why neither."""

import pytest
from sqlalchemy import func, select, update

from helpdesk.database import db, transaction
from helpdesk.errors import Conflict, NotFound
from helpdesk.mail.thread import INSTANCE_HEADER
from helpdesk.models import Comment, EmailMessage, Event, MailClaim, Ticket
from helpdesk.policy.status import Status
from helpdesk.services import access, attachments, people, settings
from helpdesk.services.ingest import process, store
from helpdesk.services.ingest.reading import UNVERIFIED_EMAIL
from helpdesk.services.ingest.trace import reason_of, sentence_of
from helpdesk.services.tickets import changing
from tests import factories
from tests.factories import CUSTOMER, OTHER_CUSTOMER, STRANGER, SUPPORT, make_mail
from tests.services.arrivals import receive


@pytest.fixture
def account(context):
    return factories.make_account()


def tickets():
    db.session.rollback()
    return db.session.scalars(select(Ticket).order_by(Ticket.id)).all()


def participants(ticket):
    return {(p.address.email, p.role) for p in ticket.participants}


# a new matter


def test_a_mail_opens_a_ticket_with_its_words_files_and_sender(account):
    raw = make_mail(
        subject="Drucker zeigt Fehler 49 — bitte helfen",
        text="Er druckt nicht.\n",
        html="<p>Er druckt <b>nicht</b>.</p>",
        files=[("log.txt", "text/plain", b"49.4C02")],
        message_id="<first@customer.example>",
    )
    (row,) = receive(account, raw)
    (ticket,) = tickets()
    (comment,) = ticket.comments
    assert (row.state, row.ticket_id, row.comment_id, row.reason) == ("opened", ticket.id, comment.id, "")
    assert (row.from_address, row.from_name, row.message_id) == (
        CUSTOMER,
        "Jonas Berg",
        "first@customer.example",
    )
    assert ticket.subject == row.subject == "Drucker zeigt Fehler 49 — bitte helfen"
    assert (ticket.status, ticket.created_from_email, ticket.email_from) == ("new", True, CUSTOMER)
    assert participants(ticket) == {(CUSTOMER, "requester")}
    assert ticket.requester.name == "Jonas Berg"
    assert "Er druckt nicht." in comment.text and "<b>nicht</b>" in comment.html
    assert (comment.is_from_email, comment.author_email) == (True, CUSTOMER)
    assert attachments.contents(comment.attachments[0]) == b"49.4C02"


def test_the_trace_tells_every_step(account, caplog):
    caplog.set_level("INFO", logger="helpdesk")
    (row,) = receive(account, make_mail())
    assert f"incoming={row.id} ticket={settings.tag_of(tickets()[0])} outcome=opened" in caplog.messages
    assert [step["step"] for step in row.trace] == ["sender", "decision", "ticket", "outcome"]
    assert CUSTOMER in str(sentence_of(row.trace[0]))


def test_a_new_ticket_shows_the_whole_mail_a_reply_only_what_is_new(account):
    quoted = "My answer.\n\n> an older line\n> another\n"
    opened = receive(account, make_mail(subject="Fwd: see below", text=quoted, message_id="<a@x.example>"))[
        -1
    ]
    appended = receive(account, make_mail(text=quoted, In_Reply_To="<a@x.example>"))[-1]
    (ticket,) = tickets()
    for row, is_folded in ((opened, False), (appended, True)):
        assert ("history" in [step["step"] for step in row.trace]) is is_folded
    first, second = ticket.comments
    assert "an older line" in first.text
    assert "an older line" not in second.text and "an older line" in second.full_text


def test_the_people_copied_in_take_part_from_the_beginning(account):
    cc = f"{OTHER_CUSTOMER}, {SUPPORT}, no-reply@shop.example, Jonas <{CUSTOMER.upper()}>, not an address"
    receive(account, make_mail(to=f"{SUPPORT}, Tim <tim@other.example>", Cc=cc))
    (ticket,) = tickets()
    assert participants(ticket) == {
        (CUSTOMER, "requester"), (OTHER_CUSTOMER, "cc"), ("tim@other.example", "cc"),
    }  # fmt: skip
    assert all(p.since is None for p in ticket.participants)


def test_at_most_twenty_people_are_taken_over(account):
    receive(account, make_mail(Cc=", ".join(f"p{n}@other.example" for n in range(60))))
    assert len(tickets()[0].participants) == 21


def test_lists_and_machines_bring_nobody_along(account):
    receive(account, make_mail(Cc=OTHER_CUSTOMER, List_Id="<news.example>"))
    assert len(tickets()[0].participants) == 1


@pytest.mark.parametrize(
    "sender",
    ["alice@victim.example, bob@evil.example", "alice@victim.example <evil@x.example>", ""],
)
def test_a_sender_that_cannot_be_told_is_nobody(account, sender):
    factories.make_customer("alice@victim.example", "Alice")
    (row,) = receive(
        account, make_mail(sender=sender or "x@x.example").replace(b"From: x@x.example", b"From: ")
    )
    (ticket,) = tickets()
    assert row.state == "opened"
    assert ticket.requester_address.email == UNVERIFIED_EMAIL
    assert "(unverified)" in ticket.comments[0].author_name
    assert access.visible_comments(ticket, people.find_user("alice@victim.example")) == []


def test_a_role_is_never_made_by_mail(account):
    receive(account, make_mail(sender="New <new@admin.example>", X_Role="admin"))
    assert people.find_user("new@admin.example").role == "customer"


def test_a_mail_without_subject_and_words_is_still_a_ticket(account):
    (row,) = receive(account, b"From: a@b.example\r\n\r\n")
    assert row.state == "opened"
    assert tickets()[0].subject == "(no subject)"


def test_a_mail_stored_in_part_says_so(account, context):
    mail = store.StagedMail("INBOX/1/1", process.storage.stage(make_mail()), 40_000_000, is_partial=True)
    with transaction():
        store.insert(account.id, mail)
    process.drain()
    assert "larger than 35 MB" in tickets()[0].comments[0].text


# copies


def copies_of(message_id="<one@x.example>"):
    raw = make_mail(to=f"sales@desk.example, {SUPPORT}", message_id=message_id)
    return raw, b"Received: from a by b; Sat, 21 Nov 2026 08:00:00 +0000\r\n" + raw


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_mail_to_two_accounts_is_one_ticket_of_the_first_addressed(account, order):
    sales = factories.make_account("sales@desk.example")
    deliveries = [(account, copies_of()[0]), (sales, copies_of()[1])]
    # the same Date and text in both copies
    raw = deliveries[0][1]
    deliveries[1] = (sales, b"Received: from a by b; Sat, 21 Nov 2026 08:00:00 +0000\r\n" + raw)
    rows = [receive(deliveries[i][0], deliveries[i][1])[0] for i in order]
    (ticket,) = tickets()
    assert [row.state for row in rows] == ["opened", "duplicate"]
    assert ticket.account_id == sales.id
    assert rows[1].ticket_id == ticket.id
    first_account = deliveries[order[0]][0]
    assert str(reason_of(rows[1])) == f"The same mail was also delivered to {first_account.email}."
    assert any(step["step"] == "copy" for step in rows[0].trace)


def test_the_same_mail_twice_in_one_account_is_taken_once(account):
    raw = make_mail()
    rows = receive(account, raw, b"X-Way: other\r\n" + raw)
    assert [row.state for row in rows] == ["opened", "duplicate"]
    assert len(tickets()) == 1


def test_the_same_id_with_other_words_is_another_mail(account):
    rows = receive(
        account,
        make_mail(message_id="<a@b.example>", subject="One", text="one"),
        make_mail(message_id="<a@b.example>", subject="Two", text="two"),
    )
    assert [row.state for row in rows] == ["opened", "opened"]


def test_the_same_bytes_are_no_second_ticket_however_they_were_read_before(account):
    """A server numbers its mails anew after an update that reads some of them in another way."""
    raw = make_mail()
    (first,) = receive(account, raw)
    with transaction():
        db.session.execute(update(MailClaim).values(body_digest="as an earlier version had it"))
    again = store.store_raw(account, raw, "INBOX/2/9")
    process.drain()
    db.session.rollback()
    copy = db.session.get(EmailMessage, again)
    assert (copy.state, copy.ticket_id, len(tickets())) == ("duplicate", first.ticket_id, 1)


def test_mails_without_id_differ_by_their_words(account):
    date = b"Date: Sat, 21 Nov 2026 08:00:00 +0000\r\n"
    rows = receive(
        account,
        date + b"From: a@b.example\r\nSubject: x\r\n\r\none",
        date + b"From: a@b.example\r\nSubject: x\r\n\r\ntwo",
    )
    assert [row.state for row in rows] == ["opened", "opened"]
    again = store.store_raw(account, date + b"From: a@b.example\r\nSubject: x\r\n\r\ntwo", "INBOX/2/9")
    process.drain()
    db.session.rollback()
    assert db.session.get(EmailMessage, again).state == "duplicate"


# machines, loops, reports


@pytest.mark.parametrize(
    ("headers", "state"),
    [
        ({"Auto_Submitted": "auto-replied"}, "ignored"),
        ({"Auto_Submitted": "auto-generated"}, "opened"),
        ({"Precedence": "bulk"}, "opened"),
        ({"Auto_Submitted": "no"}, "opened"),
    ],
)
def test_machines_open_tickets_but_vacation_answers_do_not(account, headers, state):
    (row,) = receive(account, make_mail(**headers))
    assert row.state == state
    assert (row.reason != "") == (state == "ignored")


def test_the_event_says_that_a_machine_wrote(account):
    receive(account, make_mail(Auto_Submitted="auto-generated"))
    event = db.session.scalars(select(Event).where(Event.type == "ticket.opened")).one()
    assert event.data["automatic"] == "generated"


def test_a_vacation_answer_on_a_ticket_neither_reopens_it_nor_starts_the_clock(account):
    agent = factories.make_agent(accounts=[account])
    receive(account, make_mail(message_id="<a@x.example>"))
    (ticket,) = tickets()
    with transaction():
        changing.set_status(ticket, Status.RESOLVED, actor=agent)
    (row,) = receive(account, make_mail(In_Reply_To="<a@x.example>", Auto_Submitted="auto-replied"))
    (ticket,) = tickets()
    assert (row.state, ticket.status, ticket.waiting_since) == ("appended", "resolved", None)
    assert ticket.comments[1].is_automatic


def test_an_answer_of_the_customer_reopens(account):
    agent = factories.make_agent(accounts=[account])
    receive(account, make_mail(message_id="<a@x.example>"))
    with transaction():
        changing.set_status(tickets()[0], Status.RESOLVED, actor=agent)
    receive(account, make_mail(In_Reply_To="<a@x.example>", text="Not solved."))
    assert tickets()[0].status == "open"


def test_our_own_mail_coming_back_is_ignored_with_the_reason(account):
    with transaction():
        instance = settings.instance_id()
    rows = receive(
        account,
        make_mail(**{INSTANCE_HEADER: instance}),
        make_mail(sender=f"Support <{SUPPORT}>"),
        make_mail(sender="Support <support+x@desk.example>"),
        b"Received: by x\r\n" * 41 + make_mail(),
    )
    assert [row.state for row in rows] == ["ignored"] * 4
    assert all(row.reason for row in rows)
    assert tickets() == []


def test_another_desks_mark_is_an_ordinary_mail(account):
    (row,) = receive(account, make_mail(**{INSTANCE_HEADER: "somebody-elses"}))
    assert row.state == "opened"


def test_the_same_sender_is_held_after_ten_tickets_an_hour_with_one_notice(account):
    rows = receive(account, *[make_mail(subject=f"Alarm {n}", text=f"{n}") for n in range(13)])
    assert [row.state for row in rows] == ["opened"] * 10 + ["held"] * 3
    assert CUSTOMER in str(reason_of(rows[-1]))
    held = select(func.count()).select_from(Event).where(Event.type == "email.held")
    assert db.session.scalar(held) == 1
    (other,) = receive(account, make_mail(sender=STRANGER))
    assert other.state == "opened"


def test_the_same_words_are_held_after_three_times(account):
    rows = receive(account, *[make_mail() for _ in range(4)])
    assert [row.state for row in rows] == ["opened"] * 3 + ["held"]


def test_a_flood_does_not_stop_answers_to_a_ticket(account):
    receive(account, make_mail(message_id="<a@x.example>"))
    receive(account, *[make_mail(subject=f"Alarm {n}", text=f"{n}") for n in range(12)])
    (row,) = receive(account, make_mail(In_Reply_To="<a@x.example>", text="An answer"))
    assert row.state == "appended"


def test_a_held_mail_is_taken_when_a_person_says_so(account):
    admin = factories.make_admin()
    rows = receive(account, *[make_mail() for _ in range(4)])
    with transaction():
        process.retry(rows[3].id, admin)
    assert process.drain().created == 1
    db.session.rollback()
    assert db.session.get(EmailMessage, rows[3].id).state == "opened"
    assert len(tickets()) == 4


DSN = """\
From: Mail Delivery System <mailer-daemon@mx.example>
To: support@desk.example
Subject: Undelivered Mail
Message-ID: <dsn-{n}@mx.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; jonas@customer.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 no such user

--b
Content-Type: text/rfc822-headers

Message-ID: <{original}>
Subject: Re: Printer

--b--
"""


def sent_mail(account, ticket, message_id="hd.1.abc.def@desk.example"):
    from helpdesk.services.outbox import queue

    with transaction() as session:
        row = queue.add(account, purpose="reply", to=[CUSTOMER], ticket=ticket, message_id=message_id)
        row.state = "sent"
        session.flush()
        return row.id


@pytest.mark.parametrize(
    ("action", "status", "after", "event"),
    [("failed", "5.1.1", "bounced", "email.bounced"), ("delayed", "4.4.1", "sent", "email.delayed")],
)
def test_a_delivery_report_tells_its_mail_and_opens_no_ticket(account, action, status, after, event):
    ticket = factories.make_ticket(account)
    sent_id = sent_mail(account, ticket)
    raw = DSN.format(n=1, action=action, status=status, original="hd.1.abc.def@desk.example").encode()
    (row,) = receive(account, raw)
    sent = db.session.get(EmailMessage, sent_id)
    assert (row.state, row.ticket_id, sent.state) == ("bounced", ticket.id, after)
    assert db.session.scalars(select(Event).where(Event.type == event)).one().ticket_id == ticket.id
    assert len(tickets()) == 1 and len(tickets()[0].comments) == 1


def test_a_delivery_report_about_nothing_of_ours_changes_nothing(account):
    raw = DSN.format(n=2, action="failed", status="5.1.1", original="someone@else.example").encode()
    (row,) = receive(account, raw)
    assert (row.state, tickets()) == ("bounced", [])
    assert "no such user" in str(reason_of(row))


# what a person may do


def test_a_discarded_mail_is_gone_from_the_list_but_not_lost(account):
    admin = factories.make_admin()
    rows = receive(account, *[make_mail() for _ in range(4)])
    with transaction():
        process.discard(rows[3].id, admin)
    db.session.rollback()
    row = db.session.get(EmailMessage, rows[3].id)
    assert row.state == "discarded" and row.raw_sha256
    assert process.drain().email_ids == []


@pytest.mark.parametrize("act", [process.retry, process.discard])
def test_what_became_a_ticket_is_not_taken_again(account, act):
    admin = factories.make_admin()
    (row,) = receive(account, make_mail())
    with pytest.raises(Conflict), transaction():
        act(row.id, admin)
    with pytest.raises(NotFound), transaction():
        act(4711, admin)


# saying what would happen


def test_an_explanation_tells_the_outcome_and_leaves_nothing_behind(account):
    account_id = account.id
    raw = make_mail(Cc=OTHER_CUSTOMER, files=[("a.txt", "text/plain", b"x")])
    explanation = process.explain(account_id, raw)
    assert (explanation.outcome, explanation.files) == ("opened", ("a.txt",))
    assert "Opened TKT-" in str(explanation) and "Printer shows error 49" in str(explanation)
    db.session.rollback()
    for table in (Ticket, Comment, EmailMessage, MailClaim, Event):
        assert db.session.scalar(select(func.count()).select_from(table)) == 0
    assert people.find_address(CUSTOMER) is None


def test_an_explanation_of_a_known_mail_says_so(account):
    raw = make_mail()
    receive(account, raw)
    explanation = process.explain(account.id, raw)
    assert (explanation.outcome, explanation.ticket) == ("duplicate", settings.tag_of(tickets()[0]))


def test_processing_a_new_mail_needs_few_statements(account):
    from sqlalchemy import event

    receive(account, make_mail(sender=STRANGER))
    store.store_raw(account, make_mail())
    statements = []

    def count(_c, _cursor, statement, *_):
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    process.drain()
    event.remove(db.engine, "before_cursor_execute", count)
    work = statements[next(i for i, s in enumerate(statements) if "FROM blob" in s) :]
    per_mail = work[: next(i for i, s in enumerate(work) if s.startswith("UPDATE email_message SET")) + 1]
    assert len(per_mail) < 30, "\n".join(per_mail)
