"""Facts about tickets other code has written beside the desk's services: recorded once, and thereby told.

What happens through the services is an event already, and was told when it happened: calling these then does nothing, as
does calling one twice. Each returns whether the fact was new. They run inside the caller's transaction; who is told, how,
and whether at all is decided as for any event.
"""

from __future__ import annotations

from sqlalchemy import select

from helpdesk.database import db, hold, utcnow
from helpdesk.errors import InvalidInput
from helpdesk.models import Comment, EmailMessage, Event, Ticket, User
from helpdesk.models.mail import Direction
from helpdesk.policy.audience import Event as Fact
from helpdesk.policy.status import CommentKind, Status
from helpdesk.services import events, recipients
from helpdesk.services import overdue as due_dates
from helpdesk.services.outbox import queue


def ticket_created(ticket: Ticket, *, actor: User | None = None) -> bool:
    """There is a new ticket: told its requester (the confirmation, with its limits) and its assignee."""
    if _last(ticket, Fact.OPENED) is not None:
        return False
    first = db.session.scalar(
        select(Comment.id).where(Comment.ticket_id == ticket.id).order_by(Comment.id).limit(1)
    )
    events.record(
        Fact.OPENED.value, actor=actor, ticket=ticket, comment_id=first, via="code", automatic="no",
        assignee_id=ticket.assignee_id,
    )  # fmt: skip
    return True


def ticket_assigned(ticket: Ticket, user: User, *, actor: User | None = None) -> bool:
    """The ticket is this person's now: told him. Raises InvalidInput when it is not."""
    if ticket.assignee_id != user.id:
        raise InvalidInput("This ticket is not assigned to %(name)s.", name=user.shown_name)
    last, opened = _last(ticket, Fact.ASSIGNED), _last(ticket, Fact.OPENED)
    before = last.data.get("after") if last else opened.data.get("assignee_id") if opened else None
    if before == user.id:
        return False
    events.record(Fact.ASSIGNED.value, actor=actor, ticket=ticket, before=before, after=user.id)
    return True


def status_changed(
    ticket: Ticket, old: Status | str, new: Status | str, *, actor: User | None = None
) -> bool:
    """The ticket is `new`, and was `old`: told customers and assignee. Raises InvalidInput when it is not."""
    before, after = _status(old), _status(new)
    if ticket.status is not after:
        raise InvalidInput("This ticket is not %(status)s.", status=after.value)
    last = _last(ticket, Fact.STATUS_CHANGED)
    if before is after or (last is not None and last.data.get("after") == after.value):
        return False
    events.record(
        Fact.STATUS_CHANGED.value, actor=actor, ticket=ticket, before=before.value, after=after.value
    )
    return True


def ticket_resolved(ticket: Ticket, *, actor: User | None = None) -> bool:
    """The ticket is resolved: told its customers. Raises InvalidInput when it is not."""
    return status_changed(ticket, _status_before(ticket), Status.RESOLVED, actor=actor)


def ticket_closed(ticket: Ticket, *, actor: User | None = None) -> bool:
    """The ticket is closed: told its customers. Raises InvalidInput when it is not."""
    return status_changed(ticket, _status_before(ticket), Status.CLOSED, actor=actor)


def comment_added(ticket: Ticket, comment: Comment, *, actor: User | None = None) -> bool:
    """Something was said on the ticket. A reply is mailed to its customers and told the assignee; of a note the team is
    told, of a customer's words the assignee. Raises InvalidInput for another ticket's comment."""
    if comment.ticket_id != ticket.id:
        raise InvalidInput("This message is on another ticket.")
    hold(Ticket.id, ticket.id)
    known = select(Event.id).where(
        Event.ticket_id == ticket.id,
        Event.comment_id == comment.id,
        Event.type.in_([Fact.OPENED.value, Fact.COMMENT_ADDED.value]),
    )
    if db.session.scalar(known.limit(1)) is not None:
        return False
    events.record(
        Fact.COMMENT_ADDED.value, actor=actor or comment.author, ticket=ticket, comment_id=comment.id,
        kind=comment.kind.value, is_released=comment.is_released, is_automatic=comment.is_automatic,
    )  # fmt: skip
    if comment.kind is CommentKind.REPLY and comment.is_released:
        _mail(ticket, comment)
    return True


def overdue(ticket: Ticket) -> bool:
    """The due date has passed: told assignee and creator, once for each due date; False also when it has not passed."""
    db.session.flush()
    return due_dates.tell_of(ticket.id, utcnow()) is not None


def _mail(ticket: Ticket, comment: Comment) -> None:
    """The reply itself, as the customers get it."""
    rows = select(EmailMessage.id).where(
        EmailMessage.comment_id == comment.id,
        EmailMessage.direction == Direction.OUT,
        EmailMessage.purpose == queue.REPLY,
    )
    if comment.author is None or db.session.scalar(rows.limit(1)) is not None:
        return
    people = recipients.settle(ticket)
    queue.add(
        ticket.account, purpose=queue.REPLY, to=people.to, cc=people.cc, actor=comment.author, ticket=ticket,
        comment=comment,
    )  # fmt: skip


def _last(ticket: Ticket, fact: Fact) -> Event | None:
    """The latest event of this kind; the ticket is held, so that of two callers at once one sees the other's."""
    hold(Ticket.id, ticket.id)
    rows = select(Event).where(Event.ticket_id == ticket.id, Event.type == fact.value)
    return db.session.scalar(rows.order_by(Event.id.desc()).limit(1))


def _status_before(ticket: Ticket) -> Status:
    last = _last(ticket, Fact.STATUS_CHANGED)
    return _status(last.data.get("after") or Status.OPEN) if last else Status.OPEN


def _status(word: object) -> Status:
    try:
        return Status(str(word))
    except ValueError:
        raise InvalidInput("“%(word)s” is no status.", word=str(word)[:40]) from None
