"""What was made for somebody before his right to it ended, and strangers' words in the mails of others."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import TransientError
from helpdesk.models import Comment, Participant, ScheduledReply, User
from helpdesk.policy.status import CommentKind, Role, Status
from helpdesk.services import (
    participants,
    people,
    scheduled,
    scheduled_delivery,
    sign_in_links,
)
from helpdesk.services.links import Purpose
from helpdesk.services.outbox import queue
from helpdesk.services.outbox.deliver import drain
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.fakes import FakeSender
from tests.services.outbox.mails import let_time_pass, outgoing
from tests.services.outbox.told_mails import send_gathered, text_of, to_whom

SECRET = "The customer is about to be sued."
COLLEAGUE = "colleague@customer.example"
KEY = "a-form-key-of-the-tests"


class AwaySender(FakeSender):
    """A server that wants every mail later: their bytes exist by then."""

    def send(self, envelope_from, recipients, raw):
        raise TransientError("The mail server asks to try again later.", detail="450 4.2.0 later")


def note_for(ticket, reader, author):
    with transaction():
        changing.assign(ticket, reader, actor=None)
        comments.add_note(ticket, Words(SECRET), actor=author)


def withdraw_grant(user):
    with transaction():
        people.set_grants(user, [], actor=None)


def deactivate(user):
    with transaction():
        user.is_active = False


def demote(user):
    with transaction():
        user.role = Role.CUSTOMER


@pytest.mark.parametrize("lose", [withdraw_grant, deactivate, demote])
def test_note_made_into_a_mail_does_not_go_to_who_lost_his_access_while_it_waited(ticket, nora, tom, lose):
    note_for(ticket, nora, tom)
    send_gathered(ticket.account_id, AwaySender())
    assert any(mail.raw_sha256 for mail in outgoing(purpose="notification"))
    lose(nora)
    let_time_pass(hours=1)
    assert [to_whom(mail) for mail in send_gathered(ticket.account_id)] == []
    assert {mail.state.value for mail in outgoing(purpose="notification")} == {"cancelled"}


def test_mail_made_before_goes_to_who_kept_his_access(ticket, nora, tom):
    note_for(ticket, nora, tom)
    send_gathered(ticket.account_id, AwaySender())
    let_time_pass(hours=1)
    (mail,) = send_gathered(ticket.account_id)
    assert SECRET in text_of(mail)


def test_retrying_a_mail_by_hand_gives_no_access_back(ticket, nora, tom):
    note_for(ticket, nora, tom)
    send_gathered(ticket.account_id, AwaySender())
    withdraw_grant(nora)
    (mail,) = outgoing(purpose="notification")
    with transaction():
        queue.retry(mail.id, actor=None)
    sender = FakeSender()
    drain(ticket.account_id, sender=sender)
    assert sender.sent == []


def test_participant_taken_out_is_not_sent_what_was_made_for_him(ticket, nora):
    with transaction():
        participants.add(ticket, COLLEAGUE, actor=nora)
        changing.set_status(ticket, Status.RESOLVED, actor=nora)
    send_gathered(ticket.account_id, AwaySender())
    with transaction():
        (gone,) = [p.id for p in ticket.participants if p.address.email == COLLEAGUE]
        participants.remove(ticket, gone, actor=nora)
    let_time_pass(hours=1)
    assert [to_whom(mail) for mail in send_gathered(ticket.account_id)] == [factories.CUSTOMER]


# an answer is changed while its mail is being made


def press_send(ticket, agent, text="The first text.", cc=None):
    ready = scheduled.prepare(ticket, text, actor=agent, cc=cc)
    with transaction():
        return scheduled.schedule(ticket, ready, actor=agent, form_key=KEY)


def let_it_be_due(reply_id):
    with transaction():
        db.session.get_one(ScheduledReply, reply_id).due_at = utcnow() - timedelta(seconds=1)


def deliver_with(app, reply_id, meanwhile):
    """Deliver while another process does something: between the making of the mail and its transaction."""
    done = threading.Event()

    def run():
        with app.app_context():
            meanwhile()
            db.session.remove()

    def when_the_mail_is_composed(_session):
        if not done.is_set():
            done.set()
            other = threading.Thread(target=run)
            other.start()
            other.join(30)

    db.session.rollback()
    event.listen(Session, "after_rollback", when_the_mail_is_composed)
    try:
        return scheduled_delivery.deliver(reply_id)
    finally:
        event.remove(Session, "after_rollback", when_the_mail_is_composed)
        assert done.is_set()


def test_answer_taken_back_and_sent_again_with_other_words_goes_out_with_those(app, ticket, nora):
    reply_id, ticket_id, nora_id = press_send(ticket, nora).id, ticket.id, nora.id
    let_it_be_due(reply_id)

    def change_it():
        again, author = db.session.get(type(ticket), ticket_id), db.session.get(User, nora_id)
        with transaction():
            scheduled.undo(again, reply_id, actor=author)
        press_send(again, author, "The second text.")

    assert not deliver_with(app, reply_id, change_it)
    assert outgoing() == []
    let_it_be_due(reply_id)
    assert scheduled_delivery.deliver(reply_id)
    rows = select(Comment.text).where(Comment.kind == CommentKind.REPLY)
    assert list(db.session.scalars(rows)) == ["The second text."]
    assert len(outgoing(purpose="reply")) == 1


def test_who_is_taken_out_while_the_mail_is_made_neither_gets_it_nor_joins_again(app, ticket, nora):
    with transaction():
        participants.add(ticket, COLLEAGUE, actor=nora)
    reply_id, ticket_id, nora_id = press_send(ticket, nora).id, ticket.id, nora.id
    let_it_be_due(reply_id)

    def take_out():
        again, author = db.session.get(type(ticket), ticket_id), db.session.get(User, nora_id)
        (gone,) = [p.id for p in again.participants if p.address.email == COLLEAGUE]
        with transaction():
            participants.remove(again, gone, actor=author)

    went_out = deliver_with(app, reply_id, take_out)
    assert went_out or scheduled_delivery.deliver(reply_id)
    (mail,) = outgoing(purpose="reply")
    assert mail.recipients == {"to": [factories.CUSTOMER], "cc": []}
    assert db.session.query(Participant).count() == 1


# names are words of strangers too

ADVERT = "Win now at www.casino.example or https://casino.example/x"


def test_one_time_link_mail_repeats_no_advertising_name(account):
    factories.make_customer(name=ADVERT)
    with transaction():
        sign_in_links.send(Purpose.SIGN_IN, factories.CUSTOMER)
    (mail,) = send_gathered(account.id)
    assert "casino" not in mail.as_string()
    assert "casino" not in str(mail["To"])
    assert "casino" not in text_of(mail, "html")


def test_name_a_customer_gives_himself_advertises_nothing_to_others_in_copy(account, nora):
    customer = factories.make_customer(name=ADVERT)
    victim = factories.make_customer("victim@elsewhere.example", ADVERT)
    ticket = factories.make_ticket(account, cc=list(victim.addresses))
    with transaction():
        changing.move(ticket, Status.CLOSED, actor=customer)
        changing.set_priority(ticket, ticket.priority.__class__.URGENT, actor=None)
        comments.release(_held(ticket), actor=nora)
    mails = [mail for mail in send_gathered(account.id) if to_whom(mail) == "victim@elsewhere.example"]
    assert len(mails) == 1
    for mail in mails:
        assert "casino" not in mail.as_string() + text_of(mail) + text_of(mail, "html") + str(mail["To"])


def _held(ticket):
    words = Words("Held words", is_released=False)
    return comments.write(ticket, CommentKind.INCOMING, words, author=None)


# links asked for at once


def test_links_asked_for_at_once_are_three_an_hour(app, account):
    factories.make_customer()
    start = threading.Barrier(6)
    db.session.rollback()

    def run():
        with app.app_context():
            start.wait()
            with transaction():
                sign_in_links.send(Purpose.SIGN_IN, factories.CUSTOMER)
            db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(outgoing(purpose="sign_in_link")) == 3
