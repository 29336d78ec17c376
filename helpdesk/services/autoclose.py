"""Closes tickets that were resolved long enough ago and heard nothing since. Nobody is mailed.

The customer was told when it was resolved; a second mail that nothing happened would only invite an answer, and the
day somebody switches this on must not write to everybody whose ticket was ever resolved. What he writes afterwards
opens the ticket again like any closed one. Opens its own transactions, one for each ticket.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, false, select

from helpdesk.database import db, end_read, transaction, utcnow
from helpdesk.models import Ticket
from helpdesk.policy.status import Disposition, Status
from helpdesk.services import settings
from helpdesk.services.tickets import changing

logger = logging.getLogger(__name__)

BATCH = 200


@dataclass(frozen=True, slots=True)
class Closing:
    """A ticket that is, or would be, closed."""

    number: str
    subject: str
    resolved_at: datetime


def preview(now: datetime | None = None) -> list[Closing]:
    """What `close_resolved` would close now, the longest resolved first. Reads only."""
    tickets = select(Ticket).where(_ripe(now or utcnow())).order_by(Ticket.resolved_at, Ticket.id)
    return [_closing(ticket) for ticket in db.session.scalars(tickets)]


def close_resolved(
    now: datetime | None = None, *, should_stop: Callable[[], bool] | None = None
) -> list[Closing]:
    """Close them one by one, until there are none or the caller wants to stop."""
    now = now or utcnow()
    closed: list[Closing] = []
    for ticket_id in _ripe_ids(now):
        if should_stop is not None and should_stop():
            break
        try:
            with transaction():
                one = _close(ticket_id, now)
        except Exception:  # one ticket that cannot be closed must not keep the others open
            logger.exception("ticket id=%s could not be closed", ticket_id)
            continue
        if one is not None:
            closed.append(one)
    return closed


def _ripe_ids(now: datetime) -> Iterator[int]:
    """In batches, each read without holding up anybody's write."""
    last = 0
    while True:
        rows = select(Ticket.id).where(_ripe(now), Ticket.id > last).order_by(Ticket.id).limit(BATCH)
        ids = list(db.session.scalars(rows))
        end_read()
        if not ids:
            return
        yield from ids
        last = ids[-1]


def _close(ticket_id: int, now: datetime) -> Closing | None:
    """None when the customer, a colleague or another process was first."""
    ticket = db.session.scalar(
        select(Ticket).where(Ticket.id == ticket_id, _ripe(now)).with_for_update(of=Ticket)
    )
    if ticket is None:
        return None
    closing = _closing(ticket)
    changing.move(ticket, Status.CLOSED, actor=None, reason=changing.AUTO_CLOSE)
    logger.info("ticket=%s closed by itself", closing.number)
    return closing


def _ripe(now: datetime) -> ColumnElement[bool]:
    days = settings.number("auto_close_days")
    if days <= 0:
        return false()
    return and_(
        Ticket.disposition == Disposition.NORMAL,
        Ticket.status == Status.RESOLVED,
        Ticket.resolved_at < now - timedelta(days=days),
    )


def _closing(ticket: Ticket) -> Closing:
    assert ticket.resolved_at is not None
    return Closing(settings.tag_of(ticket), ticket.subject, ticket.resolved_at)
