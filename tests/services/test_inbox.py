"""What one is told of in the browser: made with the fact, once, and shown to whom may see it now."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import Forbidden, NotFound
from helpdesk.models import Notification, ScheduledReply
from helpdesk.policy.inbox import Kind
from helpdesk.services import following, inbox, people, scheduled, scheduled_delivery
from helpdesk.services.outbox import queue
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from tests import factories


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
    scheduled_delivery.deliver(reply.id)
    items, _ = inbox.page(nora)
    (item,) = items
    assert (item.kind, item.text, item.is_open) == (Kind.STOPPED, "", False)
    assert item.reason.user_message == "You no longer have access to this ticket."


def test_a_mail_that_failed_is_told_to_its_author(account, ticket, nora, tom):
    comment = say(ticket, "reply", tom)
    with transaction():
        mail = queue.add(
            account, purpose=queue.REPLY, to=[factories.CUSTOMER], ticket=ticket, comment=comment, actor=tom
        )
        queue.record_event("email.failed", mail)
    assert news(tom)[0] is Kind.MAIL_FAILED
    assert news(nora)[0] is Kind.MAIL_FAILED


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
    assert not inbox.has_unread(nora, ticket)


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
