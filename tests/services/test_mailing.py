"""What other code calls: a fact told once however often it is said, and mails that obey what every mail obeys."""

import threading

import pytest

from helpdesk import storage
from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import Conflict, Forbidden, InvalidInput, NotFound
from helpdesk.mail.parse import parse
from helpdesk.models import Comment, DeliveryFailure, EmailMessage, Event, Ticket
from helpdesk.models.mail import Direction, EmailState
from helpdesk.policy.audience import Kind
from helpdesk.policy.status import CommentKind, Disposition, Status
from helpdesk.services import events, mailing, people, preferences
from helpdesk.services.mailing import MailTemplate
from helpdesk.services.outbox import deliver, queue, unreachable
from helpdesk.services.tickets import changing, opening
from helpdesk.services.tickets.comments import Words, write
from tests import factories
from tests.factories import CUSTOMER, OTHER_CUSTOMER, make_mail
from tests.services.arrivals import receive
from tests.services.outbox.mails import let_time_pass, outgoing


@pytest.fixture
def account(context):
    return factories.make_account(outgoing_protocol="dummy")


@pytest.fixture
def ticket(account):
    """As a program would write it beside the services: no event says that it is there."""
    with transaction():
        address = people.address_for(CUSTOMER)
        ticket = opening.new_row(account, address, None, "Printer shows error 49", from_email=False)
        ticket.priority, ticket.category = account.default_priority, account.default_category
        db.session.add(ticket)
        db.session.flush()
        opening.join(ticket, address, role="requester")
        write(ticket, CommentKind.INCOMING, Words("It does not print."), author=address.user, address=address)
    return ticket


def told():
    """(who, what for) of every mail that came to be, in the order they were queued."""
    return [(mail.recipients["to"][0], mail.purpose) for mail in outgoing()]


def sent(account):
    """The mails the desk has sent, read."""
    let_time_pass(minutes=2)
    deliver.drain(account.id)
    return [parse(storage.read(mail.raw_sha256)) for mail in outgoing(state=EmailState.SENT)]


def twice(say, *arguments, **more):
    """Say it in two transactions; what each returned."""
    found = []
    for _ in range(2):
        with transaction():
            found.append(say(*arguments, **more))
    return found


def test_a_new_ticket_is_confirmed_once(ticket):
    assert twice(mailing.ticket_created, ticket) == [True, False]
    assert told() == [(CUSTOMER, "ticket_created")]


def test_what_the_services_did_is_told_already(account, agent):
    ticket = factories.make_ticket(account)
    with transaction():
        changing.assign(ticket, agent, actor=None)
        changing.set_status(ticket, Status.RESOLVED, actor=None)
    before = told()
    with transaction():
        done = [
            mailing.ticket_created(ticket), mailing.ticket_assigned(ticket, agent), mailing.ticket_resolved(ticket),
            mailing.status_changed(ticket, "new", "resolved"), mailing.comment_added(ticket, ticket.comments[0]),
        ]  # fmt: skip
    assert (done, told()) == ([False] * 5, before)


def test_history_that_was_taken_over_quietly_stays_quiet(account):
    with events.quietly():
        ticket = factories.make_ticket(account)
    assert twice(mailing.ticket_created, ticket) == [False, False]
    assert told() == []


def test_whom_a_ticket_was_given_by_other_code_is_told_once(ticket, agent):
    with transaction():
        mailing.ticket_created(ticket)
        ticket.assignee_id = agent.id
    assert twice(mailing.ticket_assigned, ticket, agent) == [True, False]
    assert (factories.AGENT, "notification") in told()
    with pytest.raises(InvalidInput), transaction():
        mailing.ticket_assigned(ticket, ticket.requester)


def test_who_has_a_new_ticket_from_the_beginning_is_not_told_twice(ticket, agent):
    with transaction():
        ticket.assignee_id = agent.id
        mailing.ticket_created(ticket)
        assert mailing.ticket_assigned(ticket, agent) is False
    assert told().count((factories.AGENT, "notification")) == 1


def test_a_status_is_told_each_time_it_is_reached_anew(account, ticket):
    with transaction():
        mailing.ticket_created(ticket)
    for before, after in (
        ("new", "resolved"),
        ("resolved", "open"),
        ("open", "resolved"),
        ("resolved", "closed"),
    ):
        with transaction():
            ticket.status = Status(after)
        assert twice(mailing.status_changed, ticket, before, after) == [True, False]
    assert twice(mailing.ticket_closed, ticket) == [False, False]
    assert [event.data["after"] for event in events_of(ticket, "ticket.status_changed")] == [
        "resolved",
        "open",
        "resolved",
        "closed",
    ]
    assert any("closed" in mail.text for mail in sent(account))


def events_of(ticket, type_):
    rows = db.session.query(Event).filter_by(ticket_id=ticket.id, type=type_)
    return rows.order_by(Event.id).all()


@pytest.mark.parametrize(
    "say",
    [
        mailing.ticket_resolved,
        mailing.ticket_closed,
        lambda ticket: mailing.status_changed(ticket, "open", "shut"),
    ],
)
def test_what_is_not_so_is_refused(ticket, say):
    with pytest.raises(InvalidInput), transaction():
        say(ticket)


def test_a_reply_written_by_other_code_is_mailed_once_and_a_note_never_leaves_the_team(
    account, ticket, agent
):
    with transaction():
        mailing.ticket_created(ticket)
        ticket.assignee_id = agent.id
        note = write(ticket, CommentKind.NOTE, Words("Between us."), author=agent)
        reply = write(ticket, CommentKind.REPLY, Words("Try the other tray."), author=agent)
    assert twice(mailing.comment_added, ticket, note) == [True, False]
    assert twice(mailing.comment_added, ticket, reply) == [True, False]
    assert told().count((CUSTOMER, "reply")) == 1
    mails = sent(account)
    assert sum("Try the other tray." in mail.text for mail in mails) == 1
    assert not any("Between us." in mail.text for mail in mails if mail.to[0].email == CUSTOMER)


def test_an_overdue_ticket_is_told_once_for_each_date(ticket, agent):
    with transaction():
        mailing.ticket_created(ticket)
        ticket.assignee_id, ticket.due_at = agent.id, utcnow()
    assert twice(mailing.overdue, ticket) == [True, False]
    with transaction():
        ticket.due_at = None
        assert mailing.overdue(ticket) is False


def test_four_processes_that_say_the_same_at_once_say_it_once(app, ticket):
    start, ticket_id, found = threading.Barrier(4), ticket.id, []
    db.session.rollback()

    def run():
        with app.app_context():
            start.wait()
            with transaction():
                said = mailing.ticket_created(db.session.get(Ticket, ticket_id))
            found.append(said)
            db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == [False, False, False, True]
    assert told() == [(CUSTOMER, "ticket_created")]


def test_what_is_rolled_back_was_never_said(ticket):
    with pytest.raises(RuntimeError), transaction():
        mailing.ticket_created(ticket)
        raise RuntimeError
    assert told() == []
    assert twice(mailing.ticket_created, ticket) == [True, False]


def test_switched_off_notifications_stay_off(ticket, agent):
    with transaction():
        mailing.ticket_created(ticket)
        ticket.assignee_id = agent.id
        preferences.choose(agent, [kind for kind in Kind if kind is not Kind.ASSIGNED])
    assert twice(mailing.ticket_assigned, ticket, agent) == [True, False]
    assert (factories.AGENT, "notification") not in told()


def test_a_mail_goes_to_everybody_it_names_with_its_files_and_both_bodies(account):
    with transaction():
        row = mailing.send_email(
            account, [CUSTOMER], "Your\r\ndocument", "See <below>.\n\nBye", "<p>See <b>below</b>.<script>x()</script></p>",
            cc=[OTHER_CUSTOMER, CUSTOMER], bcc=["hidden@other.example"], attachments=[("a.pdf", b"%PDF-1"), ("b", b"?")],
        )  # fmt: skip
    raw = storage.read(row.raw_sha256)
    mail = parse(raw)
    assert row.recipients == {"to": [CUSTOMER], "cc": [OTHER_CUSTOMER], "bcc": ["hidden@other.example"]}
    assert (mail.subject, [file.filename for file in mail.files]) == ("Your document", ["a.pdf", "b"])
    assert "See <below>." in mail.text and "<b>below</b>" in mail.html and "x()" not in mail.html
    assert b"hidden@" not in raw and b"Auto-Submitted: auto-generated" in raw
    deliver.drain(account.id)
    assert outgoing()[0].state is EmailState.SENT


def test_plain_text_is_never_read_as_html_nor_html_left_without_plain_text(account):
    with transaction():
        plain = mailing.send_email(account, [CUSTOMER], "a", "1 < 2 & <b>3</b>")
        html = mailing.send_email(account, [CUSTOMER], "b", html_body="<p>Hello <b>you</b></p>")
    assert "&lt;b&gt;3" in parse(storage.read(plain.raw_sha256)).html
    assert "Hello you" in parse(storage.read(html.raw_sha256)).text


@pytest.mark.parametrize("values", [
    {"to_emails": []}, {"to_emails": ["nobody"]}, {"to_emails": [factories.SUPPORT]}, {"subject": " \n"}, {"plain_body": " "},
    {"to_emails": ["a@b.example\r\nBcc: c@d.example"]}, {"cc": ["x@y.example"] * 1 + [f"p{n}@y.example" for n in range(60)]},
    {"attachments": [("large.bin", b"x" * (25 * 1024**2 + 1))]},
])  # fmt: skip
def test_what_cannot_be_sent_is_refused_and_nothing_is_queued(account, values):
    with pytest.raises(InvalidInput), transaction():
        mailing.send_email(account, **({"to_emails": [CUSTOMER], "subject": "s", "plain_body": "t"} | values))
    assert told() == []


def test_who_is_left_alone_gets_no_mail_of_a_program(account):
    with transaction():
        unreachable.note(CUSTOMER, status="5.1.1", words="550 unknown", email_id=None)
        mailing.send_email(account, [CUSTOMER], "s", "t")
        mailing.send_email(account, [CUSTOMER, OTHER_CUSTOMER], "s", "t")
    deliver.drain(account.id)
    (to_nobody, to_one) = outgoing()
    assert to_nobody.state is EmailState.FAILED and to_nobody.recipients.get("accepted", []) == []
    assert to_one.recipients["accepted"] == [OTHER_CUSTOMER]
    assert db.session.query(DeliveryFailure).count() == 1


def test_words_of_a_template_are_filled_once_and_escaped(account):
    welcome = MailTemplate("Welcome {{name}}!", "Hello {{name}}, {{n}} things.", "<h1>Welcome {{name}}</h1>")
    with transaction():
        row = mailing.send_template_email(account, welcome, [CUSTOMER], {"name": "<i>{{n}}</i>", "n": 3})
    mail = parse(storage.read(row.raw_sha256))
    assert mail.subject == "Welcome <i>{{n}}</i>!"
    assert "Hello <i>{{n}}</i>, 3 things." in mail.text
    assert "Welcome &lt;i&gt;{{n}}&lt;/i&gt;</h1>" in mail.html
    with pytest.raises(InvalidInput, match=r"\{\{n\}\}"), transaction():
        mailing.send_template_email(account, welcome, [CUSTOMER], {"name": "x"})


def test_a_value_is_no_placeholder_where_only_html_is_given(account):
    template = MailTemplate("{{name}}", "", "<p>Hello {{name}}, {{secret}}</p>")
    with transaction():
        mail = mailing.send_template_email(
            account, template, [CUSTOMER], {"name": "{{secret}}", "secret": "s3cret"}
        )
    sent = parse(storage.read(mail.raw_sha256))
    assert sent.subject == "{{secret}}"
    for body in (sent.text, sent.html):
        assert "Hello {{secret}}, s3cret" in body


def test_a_folder_of_templates_is_a_template_too(account):
    with transaction():
        row = mailing.send_template_email(
            account, "test", [CUSTOMER], {"account_email": "a@b.example"}, language="de"
        )
    assert "Mailkonto a@b.example" in parse(storage.read(row.raw_sha256)).text


def test_the_answer_to_a_mail_about_a_ticket_comes_back_to_it(account):
    ticket = factories.make_ticket(account)
    with transaction():
        row = mailing.send_email(account, [CUSTOMER], "One more thing", "Which model?", ticket=ticket)
    assert "TKT-" in row.subject and row.ticket_id == ticket.id
    (answer,) = receive(
        account,
        make_mail(sender=CUSTOMER, subject="Re: x", text="An LX-300.", In_Reply_To=f"<{row.message_id}>"),
    )
    assert (answer.state, answer.ticket_id) == (EmailState.APPENDED, ticket.id)


def test_whoever_takes_no_part_is_not_shown_the_ticket_s_mails(account):
    (row,) = receive(account, make_mail(message_id="<first@customer.example>"))
    ticket = db.session.get(Ticket, row.ticket_id)
    with transaction():
        to_stranger = mailing.send_email(account, [OTHER_CUSTOMER], "Please look", "Thanks", ticket=ticket)
        to_requester = mailing.send_email(account, [CUSTOMER], "Please look", "Thanks", ticket=ticket)
    assert b"first@customer" not in storage.read(to_stranger.raw_sha256)
    assert b"first@customer" in storage.read(to_requester.raw_sha256)


def test_a_person_speaks_only_where_he_may(account, agent):
    stranger = factories.make_agent(factories.OTHER_AGENT, "Tom Hale")
    ticket = factories.make_ticket(account)
    for say in (
        lambda who: mailing.send_email(account, [CUSTOMER], "s", "t", actor=who),
        lambda who: mailing.send_email(account, [CUSTOMER], "s", "t", actor=who, ticket=ticket),
        lambda who: mailing.send_reply(ticket, "t", actor=who),
    ):
        with pytest.raises((Forbidden, NotFound)), transaction():
            say(stranger)
        with transaction():
            assert b"Auto-Submitted" not in bytes_of(say(agent))


def bytes_of(row):
    return storage.read(row.raw_sha256) if row.raw_sha256 else b""


def test_a_reply_stands_on_the_ticket_and_leaves_in_its_thread(account, agent):
    (row,) = receive(account, make_mail(message_id="<first@customer.example>"))
    with transaction():
        mail = mailing.send_reply(
            row, "Try the other tray.", actor=agent, attachments=[("a.txt", b"x")], status=Status.PENDING
        )
    ticket = db.session.get(Ticket, row.ticket_id)
    assert (ticket.comments[-1].text, ticket.status, mail.purpose) == (
        "Try the other tray.",
        Status.PENDING,
        queue.REPLY,
    )
    (answer,) = [one for one in sent(account) if "other tray" in one.text]
    assert (answer.in_reply_to, [f.filename for f in answer.files]) == (
        ("first@customer.example",),
        ["a.txt"],
    )
    assert db.session.query(Comment).count() == 2


@pytest.mark.parametrize("disposition", [Disposition.MERGED, Disposition.SPAM])
def test_nobody_is_answered_on_a_ticket_that_was_put_away(ticket, agent, disposition):
    with transaction():
        ticket.disposition = disposition
    with pytest.raises(Conflict), transaction():
        mailing.send_reply(ticket, "Please restart it.", actor=agent)
    assert outgoing(purpose="reply") == []


def test_a_mail_on_no_ticket_is_answered_to_its_author(account, agent):
    with transaction():
        email = EmailMessage(
            account_id=account.id, direction=Direction.IN, state=EmailState.HELD, from_address=CUSTOMER, subject="Hello",
            message_id="x@customer.example", created_at=utcnow(),
        )  # fmt: skip
        db.session.add(email)
        db.session.flush()
        row = mailing.send_reply(email, "Who are you?", actor=agent)
    mail = parse(storage.read(row.raw_sha256))
    assert (row.recipients["to"], mail.subject, mail.in_reply_to) == (
        [CUSTOMER],
        "Re: Hello",
        ("x@customer.example",),
    )
    with pytest.raises(InvalidInput), transaction():
        mailing.send_reply(row, "And you?", actor=agent)


def test_a_connection_is_tried_and_its_fault_said(account):
    assert mailing.test_connection(account) == (True, "")
    broken = factories.make_account("broken@desk.example", outgoing_port=1)
    works, words = mailing.test_connection(broken)
    assert (works, bool(words)) == (False, True)
