"""Answers for later: at their time, unless something makes them wrong first; then a draft again at once, and said."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from helpdesk.database import db, transaction, utcnow
from helpdesk.errors import Conflict
from helpdesk.models import Event, Notification, ScheduledReply
from helpdesk.policy.status import Status
from helpdesk.services import (
    events,
    members,
    participants,
    people,
    scheduled,
    scheduled_delivery,
    scheduled_later,
)
from helpdesk.services.tickets import changing, comments, merge, setting_aside
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.services.arrivals import receive
from tests.services.outbox.mails import outgoing
from tests.services.test_scheduled import customer_writes, deliver, happened, own_draft, press_send, said

IN_A_DAY = timedelta(days=1)


def for_tomorrow(ticket, agent, **options):
    return press_send(ticket, agent, later=utcnow() + IN_A_DAY, **options)


def state(reply):
    db.session.expire_all()
    return db.session.get_one(ScheduledReply, reply.id).state.value


def told(user):
    return [
        row.kind for row in db.session.scalars(select(Notification).where(Notification.user_id == user.id))
    ]


def test_it_waits_for_its_time_and_goes_out_then(ticket, agent):
    reply = for_tomorrow(ticket, agent, status=Status.RESOLVED)
    assert reply.due_at - utcnow() > timedelta(hours=23)
    assert (scheduled_delivery.deliver_due(), scheduled.waiting_of(agent)) == ((0, 0), [])
    assert scheduled.waiting(ticket) == [reply]
    assert deliver(reply)
    assert (len(said(ticket)), len(outgoing(purpose="reply")), ticket.status) == (1, 1, Status.RESOLVED)


def by_mail(ticket, agent):
    raw = factories.make_mail(subject="Re: [TKT-2026-00001] Printer", text="It works by now.\n")
    receive(ticket.account, raw)


def by_portal(ticket, agent):
    customer_writes(ticket)


def resolved_by_the_customer(ticket, agent):
    with transaction():
        changing.move(ticket, Status.CLOSED, actor=ticket.requester)


def closed_by_a_colleague(ticket, agent):
    colleague = factories.make_agent(factories.OTHER_AGENT, "Tom Hale", accounts=[ticket.account])
    with transaction():
        changing.set_status(ticket, Status.CLOSED, actor=colleague)


def marked_as_spam(ticket, agent):
    with transaction():
        setting_aside.mark_spam(ticket, actor=agent)


def merged(ticket, agent):
    other = factories.make_ticket(ticket.account, subject="The same again")
    with transaction():
        merge.merge(ticket, other, actor=agent)


@pytest.mark.parametrize(
    ("happening", "why"),
    [
        (by_mail, "The customer wrote first."),
        (by_portal, "The customer wrote first."),
        (resolved_by_the_customer, "resolved or closed first"),
        (closed_by_a_colleague, "resolved or closed first"),
        (marked_as_spam, "put aside"),
        (merged, "merged into another"),
    ],
)
def test_what_happens_first_makes_it_a_draft_again_at_once_and_its_author_is_told(
    ticket, agent, happening, why
):
    with transaction():
        ticket.account.is_acknowledging = False
    reply = for_tomorrow(ticket, agent, bcc=["boss@elsewhere.example"])
    happening(ticket, agent)
    assert state(reply) == "stopped"
    assert why in reply.reason
    stopped = db.session.scalars(select(Event).where(Event.type == "reply.stopped")).one()
    assert (why in str(stopped.data["reason"]), "stopped" in told(agent)) == (True, True)
    if happening is not merged:
        assert own_draft(agent, ticket).text == "Please install 4.2."
        assert own_draft(agent, ticket).recipients["bcc"] == ["boss@elsewhere.example"]
    assert not deliver(reply)
    assert outgoing(purpose="reply") == []


def a_vacation_answer(ticket, agent):
    with transaction():
        comments.add_incoming(
            ticket,
            Words("I am away", is_automatic=True, is_from_email=True),
            address=ticket.requester_address,
            actor=ticket.requester,
        )


def a_stranger(ticket, agent):
    with transaction():
        words = Words("Let me in", is_released=False, is_from_email=True)
        comments.add_incoming(ticket, words, address=people.address_for(factories.STRANGER), actor=None)


def a_note(ticket, agent):
    with transaction():
        comments.add_note(ticket, Words("Look at this"), actor=agent)


def its_author_resolves(ticket, agent):
    with transaction():
        changing.set_status(ticket, Status.RESOLVED, actor=agent)


def an_import(ticket, agent):
    with events.quietly():
        customer_writes(ticket, "Written last year")


@pytest.mark.parametrize("happening", [a_vacation_answer, a_stranger, a_note, its_author_resolves, an_import])
def test_what_is_no_word_of_the_customer_leaves_it_waiting(ticket, agent, happening):
    reply = for_tomorrow(ticket, agent)
    happening(ticket, agent)
    assert state(reply) == "waiting"
    assert deliver(reply) or happening is an_import


def test_its_author_changes_the_time_and_sends_it_now(ticket, agent):
    reply = for_tomorrow(ticket, agent)
    at = utcnow() + timedelta(days=3)
    with transaction():
        assert scheduled_later.change_time(ticket, reply.id, at, actor=agent).due_at == at
    with transaction():
        scheduled_later.send_now(ticket, reply.id, actor=agent)
    assert [one.id for one in scheduled.waiting_of(agent)] == [reply.id]  # with its seconds for undoing
    assert reply.due_at - utcnow() <= timedelta(seconds=15)
    customer_writes(ticket)
    assert deliver(reply)
    with pytest.raises(Conflict, match="does not wait"), transaction():
        scheduled_later.change_time(ticket, reply.id, at, actor=agent)


def test_nobody_else_changes_it_and_an_answer_being_sent_is_none_for_later(ticket, agent):
    admin, at = factories.make_admin(), utcnow() + timedelta(days=3)
    later, now = for_tomorrow(ticket, agent), press_send(ticket, agent, key="another-form-key-of-tests")
    for reply, actor in ((later, admin), (now, agent)):
        with pytest.raises(Conflict), transaction():
            scheduled_later.change_time(ticket, reply.id, at, actor=actor)


def test_a_clock_that_was_set_back_delays_it_and_sends_it_once(ticket, agent):
    reply = for_tomorrow(ticket, agent)
    assert scheduled_delivery.due(utcnow() - timedelta(days=30)) == []
    assert [deliver(reply), deliver(reply), scheduled_delivery.deliver_due()] == [True, False, (0, 0)]
    assert len(outgoing(purpose="reply")) == 1


def test_who_is_taken_out_meanwhile_does_not_get_it(ticket, agent):
    with transaction():
        participants.add(ticket, "colleague@customer.example", actor=agent)
    reply = for_tomorrow(ticket, agent)
    with transaction():
        participants.remove(ticket, ticket.participants[-1].id, actor=agent)
    assert deliver(reply)
    assert outgoing(purpose="reply")[0].addressed == [factories.CUSTOMER]


def test_of_who_leaves_nothing_waits_for_later(ticket, agent):
    """The page would go on promising it, and an author who comes back would be surprised by it."""
    admin, reply = factories.make_admin(), for_tomorrow(ticket, agent)
    with transaction():
        members.deactivate(agent, actor=admin)
    assert state(reply) == "stopped"
    assert "reply.stopped" in happened(ticket)
