"""A customer's own tickets as lists: what he may see of them, and no more. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import joinedload

from helpdesk.database import db
from helpdesk.models import Comment, Ticket, User
from helpdesk.policy.status import ACTIVE, DONE, CommentKind, Status
from helpdesk.services import access
from helpdesk.services.sorting import PageKey

PAGE_SIZE = 25
PREVIEW = 200


@dataclass(frozen=True, slots=True)
class OwnTicket:
    """One line: the ticket and the last words the customer may read. `is_answered`: they are the team's."""

    ticket: Ticket
    preview: str
    is_answered: bool


@dataclass(frozen=True, slots=True)
class OwnTickets:
    rows: list[OwnTicket]
    next_key: PageKey | None


@dataclass(frozen=True, slots=True)
class Counts:
    open: int
    done: int


def page(
    viewer: User, statuses: Sequence[Status], *, after: PageKey | None = None, limit: int = PAGE_SIZE
) -> OwnTickets:
    """The customer's tickets in these statuses, the latest activity first."""
    statement = access.visible_tickets(viewer).where(Ticket.status.in_(statuses))
    if after is not None:
        older = Ticket.last_activity_at < after.moment
        same = and_(Ticket.last_activity_at == after.moment, Ticket.id < after.ticket_id)
        statement = statement.where(or_(older, same))
    statement = statement.order_by(Ticket.last_activity_at.desc(), Ticket.id.desc()).limit(limit + 1)
    tickets = list(db.session.scalars(statement.options(joinedload(Ticket.account))))
    more = len(tickets) > limit
    tickets = tickets[:limit]
    next_key = PageKey(tickets[-1].last_activity_at, tickets[-1].id) if more else None
    return OwnTickets(_rows(tickets, viewer), next_key)


def counts(viewer: User) -> Counts:
    statement = select(
        func.count().filter(Ticket.status.in_(ACTIVE)), func.count().filter(Ticket.status.in_(DONE))
    ).where(access.tickets_of(viewer))
    found = db.session.execute(statement).one()
    return Counts(found[0], found[1])


def _rows(tickets: Sequence[Ticket], viewer: User) -> list[OwnTicket]:
    last = _last_words([ticket.id for ticket in tickets], viewer)
    return [
        OwnTicket(
            ticket,
            preview=" ".join(last[ticket.id][1].split()) if ticket.id in last else "",
            is_answered=ticket.id in last and last[ticket.id][0] is CommentKind.REPLY,
        )
        for ticket in tickets
    ]


def _last_words(ticket_ids: Sequence[int], viewer: User) -> dict[int, tuple[CommentKind, str]]:
    """Of each ticket the last public words since the customer takes part."""
    readable = (
        select(func.max(Comment.id))
        .where(Comment.ticket_id.in_(ticket_ids), access.public_to(viewer))
        .group_by(Comment.ticket_id)
    )
    rows = select(Comment.ticket_id, Comment.kind, func.substr(Comment.text, 1, PREVIEW))
    return {
        ticket_id: (kind, text)
        for ticket_id, kind, text in db.session.execute(rows.where(Comment.id.in_(readable)))
    }
