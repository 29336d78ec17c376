"""What one is told of in the browser: made with the fact, once, and shown to whom may see it now."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import Conflict, Forbidden, NotFound
from helpdesk.models import EmailMessage, Notification, ScheduledReply
from helpdesk.models.mail import EmailState
from helpdesk.policy.inbox import Kind
from helpdesk.services import following, inbox, people, scheduled, scheduled_delivery
from helpdesk.services.outbox import queue
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.services.outbox.mails import outgoing
from tests.services.outbox.told_mails import send_gathered, text_of, to_whom


@pytest.fixture
def ticket(account, nora, tom):
    ticket = factories.make_ticket(account)
    with transaction():
        changing.assign(ticket, nora, actor=tom)
        following.follow(ticket, actor=tom)
    return ticket


def say(ticket, kind, actor=None, text="Words"):
    with transaction():
        if kind == "incoming":
            person = ticket.requester_address
            return comments.add_incoming(ticket, Words(text), address=person, actor=ticket.requester)
        add = comments.add_note if kind == "note" else comments.add_reply
        return add(ticket, Words(text), actor=actor)


def news(user):
    db.session.expire_all()
    items, _ = inbox.page(user)
    return [item.kind for item in items]


def test_assignee_and_followers_learn_what_happens(ticket, nora, tom):
    assert (news(nora), news(tom)) == ([Kind.ASSIGNED], [])
    say(ticket, "incoming")
    assert (news(nora)[0], news(tom)) == (Kind.ANSWERED, [Kind.ANSWERED])
    say(ticket, "note", nora, "@Tom please look")
    assert (len(news(nora)), news(tom)[0]) == (2, Kind.MENTION)
    say(ticket, "reply", tom)
    assert news(nora)[0] is Kind.REPLIED
    assert inbox.count_unread(nora) == 3


def test_the_lines_say_who_and_what(ticket, nora):
    say(ticket, "incoming", text="It  works\nnow")
    items, _ = inbox.page(nora)
    assert [(item.who, item.text, item.is_open) for item in items] == [
        (factories.CUSTOMER, "It works now", True),
        ("Tom Hale", "", True),
    ]


def test_a_lost_grant_hides_what_was_told_and_nothing_new_is_made(ticket, nora, tom):
    say(ticket, "incoming")
    with transaction():
        people.set_grants(nora, [], actor=None)
    assert (news(nora), inbox.count_unread(nora)) == ([], 0)
    with pytest.raises(NotFound), transaction():
        inbox.mark_read(
            nora, db.session.scalars(select(Notification.id).where(Notification.user_id == nora.id)).first()
        )
    before = len(list(db.session.scalars(select(Notification))))
    say(ticket, "note", tom, "@Nora Keller")
    assert len(list(db.session.scalars(select(Notification)))) == before


def test_that_ones_own_answer_was_stopped_is_told_even_without_access(ticket, nora):
    ready = scheduled.prepare(ticket, "Hello", actor=nora)
    with transaction():
        reply = scheduled.schedule(ticket, ready, actor=nora, form_key="a-form-key-of-the-tests")
        db.session.get_one(ScheduledReply, reply.id).due_at = utcnow() - timedelta(seconds=1)
        people.set_grants(nora, [], actor=None)
    before = len(outgoing(purpose="notification"))
    scheduled_delivery.deliver(reply.id)
    items, _ = inbox.page(nora)
    (item,) = items
    assert (item.kind, item.text, item.is_open) == (Kind.STOPPED, "", False)
    assert item.reason.user_message == "You no longer have access to this ticket."
    assert len(outgoing(purpose="notification")) == before


def test_a_mail_that_failed_is_told_to_its_author(account, ticket, nora, tom):
    comment = say(ticket, "reply", tom)
    with transaction():
        mail = queue.add(
            account, purpose=queue.REPLY, to=[factories.CUSTOMER], ticket=ticket, comment=comment, actor=tom
        )
        queue.record_event("email.failed", mail)
    assert news(tom)[0] is Kind.MAIL_FAILED
    assert news(nora)[0] is Kind.MAIL_FAILED


def test_what_did_not_leave_is_mailed_with_the_reason_unless_it_has_left_since(account, ticket, nora, tom):
    comment = say(ticket, "reply", tom)
    with transaction():
        mail = queue.add(
            account, purpose=queue.REPLY, to=[factories.CUSTOMER], ticket=ticket, comment=comment
        )
        mail.state, mail.reason, mail.detail = (
            EmailState.FAILED,
            "This mail account is switched off.",
            "550 5.1.1 none",
        )
        queue.record_event("email.failed", mail)
    ready = scheduled.prepare(ticket, "Hello", actor=tom)
    with transaction():
        reply = scheduled.schedule(ticket, ready, actor=tom, form_key="a-form-key-of-the-tests")
        scheduled.stop(reply.id, Conflict("The ticket was put aside meanwhile."))
    mails = {to_whom(mail): text_of(mail) for mail in send_gathered(account.id)}
    for words in (f"To: {factories.CUSTOMER}", "This mail account is switched off.", "550 5.1.1 none"):
        assert words in mails[factories.AGENT] and words in mails[factories.OTHER_AGENT]
    assert "The ticket was put aside meanwhile." in mails[factories.OTHER_AGENT]
    assert "put aside" not in mails[factories.AGENT]
    with transaction():
        queue.record_event("email.failed", db.session.merge(mail))
        db.session.get(EmailMessage, mail.id).state = EmailState.SENT
    assert send_gathered(account.id) == []


def test_reading_one_all_and_a_tickets(account, ticket, nora):
    say(ticket, "incoming")
    items, _ = inbox.page(nora)
    with transaction():
        assert inbox.mark_read(nora, items[0].notification.id).ticket.id == ticket.id
    assert inbox.count_unread(nora) == 1
    with transaction():
        inbox.mark_ticket_read(nora, ticket)
    assert inbox.count_unread(nora) == 0
    say(ticket, "incoming")
    with transaction():
        inbox.mark_all_read(nora)
    assert inbox.unread_and_muted(nora, ticket) == (False, False)


def test_nobody_reads_anothers(ticket, nora, tom):
    items, _ = inbox.page(nora)
    with pytest.raises(NotFound), transaction():
        inbox.mark_read(tom, items[0].notification.id)
    assert inbox.count_unread(nora) == 1


def test_pages_follow_each_other_by_key(ticket, nora):
    for number in range(5):
        say(ticket, "incoming", text=f"Words {number}")
    first, key = inbox.page(nora, limit=4)
    second, end = inbox.page(nora, before=key, limit=4)
    assert [item.text for item in [*first, *second]] == [*(f"Words {n}" for n in range(4, -1, -1)), ""]
    assert end is None


def test_following_is_for_the_team_with_access(account, ticket, nora, tom):
    stranger = factories.make_agent("eve@desk.example", "Eve")
    with pytest.raises((NotFound, Forbidden)), transaction():
        following.follow(ticket, actor=stranger)
    with pytest.raises((NotFound, Forbidden)), transaction():
        following.follow(ticket, actor=ticket.requester)
    assert [user.id for user in following.followers(ticket)] == [tom.id]
    with transaction():
        following.follow(ticket, actor=tom)
        people.set_grants(tom, [], actor=None)
    assert following.followers(ticket) == []
    with transaction():
        following.unfollow(ticket, actor=tom)
    assert not following.follows(tom, ticket)
