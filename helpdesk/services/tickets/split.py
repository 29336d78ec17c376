"""Makes of a stranger's words on a ticket a ticket of their own."""

from __future__ import annotations

from sqlalchemy import select, update

from helpdesk.database import db, utcnow
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.models import Comment, EmailMessage, MailClaim, Ticket, User
from helpdesk.models.mail import Direction
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import CommentKind
from helpdesk.services import access, events, people
from helpdesk.services.tickets import changing, opening


def split(comment: Comment, *, actor: User) -> Ticket:
    """Within a transaction: open a ticket of the words' author with them as its description, files and mail included.

    Only words that wait to be released can go: anything else has been read by the ticket's people. Raises Conflict
    when somebody has dealt with them, InvalidInput for words without an address to answer to.
    """
    source = comment.ticket
    access.demand(actor, Action.RELEASE, source)
    changing.hold(source)
    db.session.refresh(comment)
    if comment.is_released or comment.kind is not CommentKind.INCOMING or comment.ticket_id != source.id:
        raise Conflict("Somebody has dealt with this message already.")
    if not comment.author_email:
        raise InvalidInput("There is no address to answer to.")
    ticket = _open(source, comment)
    _move(comment, ticket)
    events.record(
        "ticket.opened", actor=actor, ticket=ticket, comment_id=comment.id, via="split",
        automatic="no", assignee_id=ticket.assignee_id,
    )  # fmt: skip
    events.record(
        "comment.split",
        actor=actor,
        ticket=source,
        comment_id=comment.id,
        into_id=ticket.id,
        into=ticket.number,
    )
    return ticket


def _open(source: Ticket, comment: Comment) -> Ticket:
    requester = people.address_for(comment.author_email)
    ticket = opening.new_row(
        source.account, requester, None, _subject(comment), from_email=comment.is_from_email
    )
    ticket.priority = source.account.default_priority
    ticket.category = source.account.default_category
    db.session.add(ticket)
    db.session.flush()
    opening.join(ticket, requester, role="requester")
    return ticket


def _subject(comment: Comment) -> str:
    """What its own mail is about, and never what the ticket it was on is about: those are somebody else's words."""
    subjects = select(EmailMessage.subject).where(
        EmailMessage.comment_id == comment.id, EmailMessage.direction == Direction.IN
    )
    return db.session.scalar(subjects.order_by(EmailMessage.id).limit(1)) or ""


def _move(comment: Comment, ticket: Ticket) -> None:
    source = comment.ticket
    mails = select(EmailMessage.id).where(EmailMessage.comment_id == comment.id)
    ids = list(db.session.scalars(mails))
    comment.ticket_id, comment.came_from_id, comment.is_released = ticket.id, None, True
    db.session.flush()
    for table, where in ((EmailMessage, EmailMessage.id.in_(ids)), (MailClaim, MailClaim.email_id.in_(ids))):
        statement = update(table).where(where).values(ticket_id=ticket.id)
        db.session.execute(statement.execution_options(synchronize_session="fetch"))
    db.session.expire(source, ["comments"])
    db.session.expire(comment, ["ticket"])
    db.session.expire(ticket, ["comments"])
    ticket.last_activity_at = utcnow()
    db.session.flush()
