"""Resolved tickets close by themselves: after so many days, once, quietly, and not what somebody took up again."""

from datetime import timedelta

import pytest

from helpdesk.database import db, transaction, utcnow
from helpdesk.models import EmailMessage, Event, Ticket
from helpdesk.policy.status import Disposition, Status
from helpdesk.services import autoclose, settings
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from tests import factories


@pytest.fixture
def account(context):
    return factories.make_account()


def resolved(account, days, **values):
    """A ticket that was resolved so many days ago."""
    ticket = factories.make_ticket(account)
    with transaction():
        changing.set_status(ticket, Status.RESOLVED, actor=None)
        ticket.resolved_at = utcnow() - timedelta(days=days)
        for name, value in values.items():
            setattr(ticket, name, value)
    return ticket


def statuses():
    db.session.expire_all()
    return [ticket.status for ticket in db.session.query(Ticket).order_by(Ticket.id)]


def test_what_was_resolved_long_ago_is_closed_and_nothing_else(account):
    resolved(account, 8)
    resolved(account, 6)
    factories.make_ticket(account)
    resolved(account, 30, disposition=Disposition.SPAM)
    assert [closing.number[-5:] for closing in autoclose.preview()] == ["00001"]
    assert statuses()[0] is Status.RESOLVED
    assert len(autoclose.close_resolved()) == 1
    assert statuses() == [Status.CLOSED, Status.RESOLVED, Status.NEW, Status.RESOLVED]
    assert autoclose.close_resolved() == []


def test_nobody_is_mailed_and_the_history_says_why(account):
    resolved(account, 8)
    mails = db.session.query(EmailMessage).count()
    autoclose.close_resolved()
    assert db.session.query(EmailMessage).count() == mails
    event = db.session.query(Event).filter_by(type="ticket.status_changed").order_by(Event.id.desc()).first()
    assert event.data == {"before": "resolved", "after": "closed", "reason": "auto_close"}
    assert event.actor_id is None


def test_closing_by_hand_is_still_told(account):
    ticket = resolved(account, 8)
    mails = db.session.query(EmailMessage).count()
    with transaction():
        changing.set_status(ticket, Status.CLOSED, actor=None)
    told = [m for m in db.session.query(EmailMessage) if m.purpose == "notification"]
    assert told or db.session.query(EmailMessage).count() > mails


def test_the_setting_decides(account):
    resolved(account, 8)
    with transaction():
        settings.put("auto_close_days", 0)
    assert autoclose.close_resolved() == []
    with transaction():
        settings.put("auto_close_days", 30)
    assert autoclose.close_resolved() == []
    assert len(autoclose.close_resolved(utcnow() + timedelta(days=23))) == 1


def test_the_customers_answer_opens_it_again(account):
    ticket = resolved(account, 8)
    autoclose.close_resolved()
    with transaction():
        comments.add_incoming(
            ticket, Words("It is back."), address=ticket.requester_address, actor=ticket.requester
        )
    assert statuses() == [Status.OPEN]
    assert autoclose.close_resolved() == []


def test_a_ticket_taken_up_in_between_stays_open(account):
    first, second = resolved(account, 9), resolved(account, 8)

    def reopen_the_second():
        if second.status is Status.RESOLVED:
            with transaction():
                changing.set_status(second, Status.OPEN, actor=None)
        return False

    autoclose.close_resolved(should_stop=reopen_the_second)
    assert statuses() == [Status.CLOSED, Status.OPEN]
    assert first.closed_at is not None


def test_it_stops_when_told_to_and_goes_on_later(account):
    for _ in range(3):
        resolved(account, 8)
    turns = iter([False, True])
    assert len(autoclose.close_resolved(should_stop=lambda: next(turns))) == 1
    assert len(autoclose.close_resolved()) == 2
