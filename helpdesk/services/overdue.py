"""Tells once for every due date that it has passed: the assignee and the agent who opened the ticket, never the customer.

What was told is a column of the ticket, not a look into the past: whoever moves the due date arms it again. Opens its
own transactions, one for each ticket; several processes may do so at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select

from helpdesk.database import claim, db, end_read, transaction, utcnow
from helpdesk.models import Event, Ticket
from helpdesk.policy.audience import Event as Fact
from helpdesk.policy.status import ACTIVE, Disposition
from helpdesk.services import events, notices, settings

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Overdue:
    """A ticket whose due date has passed untold, and the addresses that are told; often none."""

    number: str
    subject: str
    due_at: datetime
    to: tuple[str, ...]


def preview(now: datetime | None = None) -> list[Overdue]:
    """What `tell` would tell now. Reads only."""
    tickets = select(Ticket).where(_untold(now or utcnow())).order_by(Ticket.due_at, Ticket.id)
    return [_overdue(ticket) for ticket in db.session.scalars(tickets)]


def tell(now: datetime | None = None, *, should_stop: Callable[[], bool] | None = None) -> list[Overdue]:
    """Tell of every due date that has passed; at most 500 at once, the longest past first."""
    now = now or utcnow()
    ids = list(
        db.session.scalars(select(Ticket.id).where(_untold(now)).order_by(Ticket.due_at).limit(MOST_AT_ONCE))
    )
    end_read()
    told = []
    for ticket_id in ids:
        if should_stop is not None and should_stop():
            break
        with transaction():
            overdue = tell_of(ticket_id, now)
        if overdue is not None:
            told.append(overdue)
            logger.info("ticket=%s overdue told=%s", overdue.number, len(overdue.to))
    return told


def tell_of(ticket_id: int, now: datetime) -> Overdue | None:
    """Within a transaction: tell of one. None when another process was first, or the ticket is not overdue any more."""
    if not claim(Ticket, Ticket.id == ticket_id, _untold(now), overdue_told_for=Ticket.due_at):
        return None
    ticket = db.session.get_one(Ticket, ticket_id, populate_existing=True)
    overdue = _overdue(ticket)
    events.record(Fact.OVERDUE.value, actor=None, ticket=ticket, due_at=overdue.due_at.isoformat())
    return overdue


def _untold(now: datetime) -> ColumnElement[bool]:
    return and_(
        Ticket.due_at < now,
        Ticket.status.in_(ACTIVE),
        Ticket.disposition == Disposition.NORMAL,
        or_(Ticket.overdue_told_for.is_(None), Ticket.overdue_told_for != Ticket.due_at),
    )


def _overdue(ticket: Ticket) -> Overdue:
    assert ticket.due_at is not None
    event = Event(type=Fact.OVERDUE.value, actor_id=None, data={"due_at": ticket.due_at.isoformat()})
    to = tuple(notices.address_of(notice, ticket) for notice in notices.of(event, ticket))
    return Overdue(settings.tag_of(ticket), ticket.subject, ticket.due_at, to)
