"""Spam: a ticket put where no list, no count and no customer sees it, and brought back by one click."""

from __future__ import annotations

from sqlalchemy import select

from helpdesk.database import db, utcnow
from helpdesk.errors import Conflict
from helpdesk.models import Comment, Event, Ticket, User
from helpdesk.policy.permissions import Action
from helpdesk.policy.senders import Verdict
from helpdesk.policy.status import Disposition
from helpdesk.services import access, events, senders
from helpdesk.services.tickets import changing

MARKED, RESTORED = "ticket.marked_spam", "ticket.restored"


def mark_spam(ticket: Ticket, *, actor: User) -> None:
    """From now on nobody is told anything of it. Raises Conflict for a ticket that is gone in another way."""
    access.demand(actor, Action.SET_ASIDE, ticket)
    changing.hold(ticket)
    if ticket.disposition is Disposition.SPAM:
        return
    if ticket.disposition is not Disposition.NORMAL:
        raise Conflict("This ticket is not among the others any more.")
    ticket.disposition = Disposition.SPAM
    events.record(MARKED, actor=actor, ticket=ticket)


def restore(ticket: Ticket, *, actor: User) -> None:
    """Among the other tickets again. What nobody was told of is told now, and stands on top as a new ticket does.

    The customer is not: an acknowledgement hours late would only surprise him.
    """
    access.demand(actor, Action.SET_ASIDE, ticket)
    changing.hold(ticket)
    if ticket.disposition is not Disposition.SPAM:
        return
    is_news = _was_spam_on_arrival(ticket)
    ticket.disposition = Disposition.NORMAL
    if is_news:
        ticket.last_activity_at = utcnow()
    events.record(RESTORED, actor=actor, ticket=ticket, comment_id=_description(ticket), is_news=is_news)


def block_sender(ticket: Ticket, *, actor: User) -> None:
    """No more mail from the requester's address to this account, and the ticket is spam. Raises as `senders.add`."""
    senders.add(ticket.requester_address.email, Verdict.BLOCK, account_id=ticket.account_id, actor=actor)
    mark_spam(ticket, actor=actor)


def _was_spam_on_arrival(ticket: Ticket) -> bool:
    """Whether the desk itself has put it away, and nobody has brought it back before."""
    rows = select(Event.actor_id).where(Event.ticket_id == ticket.id, Event.type.in_([MARKED, RESTORED]))
    actors = list(db.session.scalars(rows.order_by(Event.id)))
    return actors == [None]


def _description(ticket: Ticket) -> int | None:
    rows = select(Comment.id).where(Comment.ticket_id == ticket.id).order_by(Comment.id)
    return db.session.scalar(rows.limit(1))
