"""What happens to a ticket within a minute is one mail to each person, with what is still so when it is made."""

import threading
from datetime import timedelta

import pytest

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailMessage, Ticket, User
from helpdesk.policy.audience import Kind
from helpdesk.policy.status import Category, Disposition, Priority, Status
from helpdesk.services import members, people, preferences, replies
from helpdesk.services.tickets import changing, comments, opening
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.services.outbox.mails import outgoing
from tests.services.outbox.told_mails import of_person, send_gathered, text_of, to_whom

COPY = "maria@copy.example"


@pytest.fixture
def admin(account):
    return factories.make_admin()


@pytest.fixture
def ticket(account, nora):
    """Nora's ticket, and nothing left to tell about it."""
    factories.make_customer()
    ticket = factories.make_ticket(account)
    with transaction():
        changing.assign(ticket, nora, actor=nora)
    assert not outgoing()
    return ticket


def told():
    return sorted(email.recipients["to"][0] for email in outgoing(state="queued", purpose="notification"))


def test_facts_of_one_minute_are_one_mail_in_their_order(account, ticket, tom):
    with transaction():
        changing.set_priority(ticket, Priority.HIGH, actor=tom)
        comments.add_note(ticket, Words("First note."), actor=tom)
    with transaction():
        changing.set_category(ticket, Category.BILLING, actor=tom)
        comments.add_note(ticket, Words("Second note."), actor=tom)
    mail = of_person(send_gathered(account.id), factories.AGENT)
    for kind in ("plain", "html"):
        text = text_of(mail, kind)
        places = [text.index(words) for words in ("High", "First note.", "Billing", "Second note.")]
        assert places == sorted(places)


def test_nothing_leaves_before_the_minute_is_over(account, ticket, tom):
    with transaction():
        changing.set_status(ticket, Status.IN_PROGRESS, actor=tom)
    (email,) = outgoing()
    assert timedelta(seconds=50) < email.due_at - utcnow() < timedelta(seconds=61)


def test_an_acknowledgement_and_an_answer_leave_at_once(context, tom):
    account = factories.make_account("sales@desk.example")
    with transaction():
        people.set_grants(tom, [account.id], actor=None)
    ticket = factories.make_ticket(account)
    prepared = replies.prepare(ticket, "Yes.", actor=tom)
    with transaction():
        replies.send(ticket, prepared, actor=tom)
    assert [(e.purpose, e.due_at <= utcnow()) for e in outgoing()] == [
        ("ticket_created", True),
        ("reply", True),
    ]


@pytest.mark.parametrize(
    "steps", [[Status.PENDING, Status.OPEN], [Status.RESOLVED, Status.CLOSED, Status.OPEN]]
)
def test_a_status_that_went_back_is_no_news(account, ticket, tom, steps):
    with transaction():
        changing.set_status(ticket, Status.OPEN, actor=None)
    send_gathered(account.id)
    with transaction():
        for status in steps:
            changing.set_status(ticket, status, actor=tom)
    assert factories.CUSTOMER in told()
    assert not [mail for mail in send_gathered(account.id) if to_whom(mail) == factories.CUSTOMER]
    (email,) = [email for email in outgoing() if email.recipients["to"] == [factories.CUSTOMER]]
    assert email.state == "cancelled"


def test_of_several_steps_only_beginning_and_end_are_told(account, ticket, tom):
    with transaction():
        changing.set_priority(ticket, Priority.LOW, actor=tom)
        changing.set_priority(ticket, Priority.URGENT, actor=tom)
    text = text_of(of_person(send_gathered(account.id), factories.AGENT))
    assert "Priority: Medium → Urgent" in text
    assert "Low" not in text


def test_what_the_reader_has_changed_since_is_not_told_to_him(account, ticket, nora, tom):
    with transaction():
        changing.set_status(ticket, Status.IN_PROGRESS, actor=tom)
        changing.set_status(ticket, Status.OPEN, actor=nora)
    assert not [mail for mail in send_gathered(account.id) if to_whom(mail) == factories.AGENT]


def test_a_customer_is_told_of_no_step_within_open(account, ticket, tom):
    with transaction():
        changing.set_status(ticket, Status.IN_PROGRESS, actor=tom)
    assert told() == [factories.AGENT]


def test_what_was_resolved_and_opened_again_by_an_answer_is_not_told(account, ticket, tom):
    """The customer wrote before the mail was made: it would tell him what is no longer so."""
    with transaction():
        changing.set_status(ticket, Status.RESOLVED, actor=tom)
        address = ticket.requester_address
        comments.add_incoming(ticket, Words("Wait!"), address=address, actor=address.user)
    assert [to_whom(mail) for mail in send_gathered(account.id)] == [factories.AGENT]


def test_a_customer_is_told_of_nothing_his_page_does_not_show(account, ticket, tom):
    with transaction():
        changing.set_priority(ticket, Priority.URGENT, actor=tom)
        changing.set_category(ticket, Category.BILLING, actor=tom)
        changing.set_due(ticket, utcnow() + timedelta(days=2), actor=tom)
    (mail,) = send_gathered(account.id)
    assert to_whom(mail) == factories.AGENT


def test_an_assignment_is_told_unless_he_took_it_himself(account, ticket, nora, tom):
    with transaction():
        changing.assign(ticket, None, actor=nora)
        changing.assign(ticket, tom, actor=tom)
    assert send_gathered(account.id) == []
    with transaction():
        changing.assign(ticket, nora, actor=tom)
    (mail,) = send_gathered(account.id)
    assert to_whom(mail) == factories.AGENT
    assert "Tom Hale assigned this ticket to you." in text_of(mail)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert f"/tickets/{ticket.number}" in text_of(mail)


def test_an_assignment_queued_by_an_earlier_version_is_told(account, ticket, nora, tom):
    with transaction():
        changing.assign(ticket, tom, actor=nora)
        (email,) = db.session.query(EmailMessage).filter_by(purpose="notification")
        email.purpose, email.payload = "ticket_assigned", {"assignee_id": tom.id, "actor_id": nora.id}
    (mail,) = send_gathered(account.id)
    assert "Nora Keller assigned this ticket to you." in text_of(mail)


def test_an_assignment_that_was_taken_back_is_not_told(account, ticket, nora, tom):
    with transaction():
        changing.assign(ticket, tom, actor=nora)
        changing.assign(ticket, None, actor=nora)
    assert send_gathered(account.id) == []
    assert outgoing()[-1].state == "cancelled"


def test_who_has_no_access_any_more_is_told_nothing_that_waited(account, ticket, nora, tom):
    with transaction():
        comments.add_note(ticket, Words("Psst."), actor=tom)
    assert told() == [factories.AGENT]
    with transaction():
        people.set_grants(nora, [], actor=None)
    assert send_gathered(account.id) == []


def test_who_was_deactivated_is_told_nothing_that_waited(account, ticket, nora, tom, admin):
    with transaction():
        comments.add_note(ticket, Words("Psst."), actor=admin)
    with transaction():
        members.deactivate(db.session.get(User, nora.id), actor=db.session.get(User, admin.id))
    assert [to_whom(mail) for mail in send_gathered(account.id)] == [factories.OTHER_AGENT]


@pytest.mark.parametrize("when", ["before", "while it waits"])
def test_what_somebody_has_switched_off_is_not_told_to_him(account, ticket, nora, tom, when):
    def switch_off():
        with transaction():
            preferences.choose(db.session.get(User, nora.id), [Kind.ASSIGNED, Kind.COMMENT])

    if when == "before":
        switch_off()
    with transaction():
        comments.add_note(ticket, Words("Psst."), actor=tom)
        changing.set_priority(ticket, Priority.HIGH, actor=tom)
    if when != "before":
        switch_off()
    assert send_gathered(account.id) == []
    with transaction():
        address = ticket.requester_address
        comments.add_incoming(ticket, Words("Hello?"), address=address, actor=address.user)
    assert [to_whom(mail) for mail in send_gathered(account.id)] == [factories.AGENT]


def test_nothing_is_told_about_a_ticket_that_was_put_away(account, ticket, tom):
    with transaction():
        changing.set_priority(ticket, Priority.HIGH, actor=tom)
        ticket.disposition = Disposition.SPAM
    assert send_gathered(account.id) == []
    with transaction():
        changing.set_priority(db.session.merge(ticket), Priority.LOW, actor=tom)
    assert told() == []


def test_the_customer_behind_an_alarm_is_told_nothing(account, tom):
    ticket = factories.make_ticket(account, automatic="generated")
    with transaction():
        changing.set_status(ticket, Status.CLOSED, actor=tom)
    assert not outgoing()


def answer(ticket, actor, **options):
    prepared = replies.prepare(db.session.merge(ticket), "Yes.", actor=actor, **options)
    with transaction():
        replies.send(ticket, prepared, actor=actor)


@pytest.mark.parametrize(
    ("status", "says"),
    [(None, None), (Status.RESOLVED, "Your ticket is resolved."), (Status.CLOSED, "Your ticket is closed.")],
)
def test_an_answer_that_ends_a_ticket_says_so_itself_and_is_the_only_mail(account, ticket, tom, status, says):
    answer(ticket, tom, status=status)
    mails = [mail for mail in send_gathered(account.id) if to_whom(mail) == factories.CUSTOMER]
    assert [mail["Auto-Submitted"] for mail in mails] == [None]
    for kind in ("plain", "html"):
        text = text_of(mails[0], kind)
        assert says in text if says else "Your ticket is" not in text
    assert not outgoing(state="cancelled")


def test_who_did_not_get_the_answer_is_told_that_the_ticket_is_resolved(account, ticket, tom):
    with transaction():
        opening.join(ticket, people.address_for(COPY), role="cc")
    answer(ticket, tom, cc=[], status=Status.RESOLVED)
    mails = {to_whom(mail): mail for mail in send_gathered(account.id)}
    assert mails[factories.CUSTOMER]["Auto-Submitted"] is None
    assert "Your ticket is resolved." in text_of(mails[COPY])


def test_an_answer_within_the_minute_takes_the_place_of_the_notice(account, ticket, tom):
    with transaction():
        changing.set_status(ticket, Status.RESOLVED, actor=tom)
    assert factories.CUSTOMER in told()
    answer(ticket, tom, status=Status.RESOLVED)
    (mail,) = [mail for mail in send_gathered(account.id) if to_whom(mail) == factories.CUSTOMER]
    assert mail["Auto-Submitted"] is None
    assert "Your ticket is resolved." in text_of(mail)


def test_a_ticket_resolved_again_later_is_told_whatever_an_answer_said_before(account, ticket, tom):
    answer(ticket, tom, status=Status.RESOLVED)
    for status in (Status.OPEN, Status.RESOLVED):
        send_gathered(account.id)
        with transaction():
            changing.set_status(db.session.merge(ticket), status, actor=tom)
    assert "Your ticket is resolved." in text_of(of_person(send_gathered(account.id), factories.CUSTOMER))


def test_a_persons_mails_about_a_ticket_are_one_thread_and_nobody_else_sees_their_ids(account, ticket, tom):
    mails = []
    for status in (Status.PENDING, Status.IN_PROGRESS):
        with transaction():
            changing.set_status(db.session.merge(ticket), status, actor=tom)
        mails += send_gathered(account.id)
    first, second = (mail for mail in mails if to_whom(mail) == factories.AGENT)
    assert first["Subject"] == second["Subject"]
    assert second["In-Reply-To"] == first["Message-ID"]
    theirs = [mail for mail in mails if to_whom(mail) == factories.CUSTOMER]
    assert theirs[1]["In-Reply-To"] == theirs[0]["Message-ID"]
    prepared = replies.prepare(ticket, "Yes.", actor=tom)
    with transaction():
        replies.send(ticket, prepared, actor=tom)
    answer = next(mail for mail in send_gathered(account.id) if not mail["Auto-Submitted"])
    assert not {first["Message-ID"], second["Message-ID"]} & set((answer["References"] or "").split())


def test_a_fact_that_comes_while_the_mail_is_sent_begins_another(account, ticket, tom):
    class Sender:
        def send(self, envelope_from, recipients, raw):
            from helpdesk.transports.base import Delivery

            with transaction():
                comments.add_note(
                    db.session.get(Ticket, ticket.id), Words("Late."), actor=db.session.get(User, tom.id)
                )
            return Delivery("250 taken", {})

        def close(self):
            pass

    with transaction():
        comments.add_note(ticket, Words("Early."), actor=tom)
    send_gathered(account.id, Sender())
    first, second = outgoing(purpose="notification")
    assert (first.state, second.state) == ("sent", "queued")
    assert "Late." in text_of(of_person(send_gathered(account.id), factories.AGENT))


def test_two_processes_at_once_tell_both_facts_in_one_mail(app, account, ticket, tom):
    start, ids = threading.Barrier(2), (ticket.id, tom.id)
    db.session.rollback()

    def note(text):
        with app.app_context():
            start.wait()
            for _ in range(5):
                with transaction():
                    who = db.session.get(User, ids[1])
                    comments.add_note(db.session.get(Ticket, ids[0]), Words(text), actor=who)
            db.session.remove()

    threads = [threading.Thread(target=note, args=[text]) for text in ("One.", "Two.")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    (mail,) = send_gathered(account.id)
    assert (text_of(mail).count("One."), text_of(mail).count("Two.")) == (5, 5)


def test_a_long_text_is_cut_and_says_so(account, ticket, tom):
    with transaction():
        comments.add_note(ticket, Words("x" * 100_000), actor=tom)
    text = text_of(of_person(send_gathered(account.id), factories.AGENT))
    assert len(text) < 60_000
    assert "The rest stands on the ticket" in text
