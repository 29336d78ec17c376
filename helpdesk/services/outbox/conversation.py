"""A ticket's mails as one thread: what an answer cites, so that every mail program shows it below the question."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import select

from helpdesk.database import db
from helpdesk.models import Comment, EmailMessage, Ticket
from helpdesk.models.mail import Direction
from helpdesk.policy.status import CommentKind

TO_CUSTOMERS = ("reply", "ticket_created")  # ids of the team's own mail are nobody else's business
CITABLE = re.compile(r"[!-;=?-~]{1,900}\Z")  # others would keep the answer from being composed at all


@dataclass(frozen=True, slots=True)
class MailThread:
    """Message-IDs without brackets: the mail that is answered, "" for none, and its ancestors with it, oldest first."""

    in_reply_to: str = ""
    references: tuple[str, ...] = ()


def thread_of(ticket: Ticket) -> MailThread:
    """What the next mail to the customer cites: his last mail, else our last one."""
    incoming = (
        select(Comment.created_at, Comment.id, Comment.message_id)
        .where(Comment.ticket_id == ticket.id, Comment.kind == CommentKind.INCOMING, Comment.is_released)
        .where(Comment.message_id.is_not(None), Comment.message_id != "")
    )
    outgoing = select(EmailMessage.created_at, EmailMessage.id, EmailMessage.message_id).where(
        EmailMessage.ticket_id == ticket.id,
        EmailMessage.direction == Direction.OUT,
        EmailMessage.purpose.in_(TO_CUSTOMERS),
        EmailMessage.message_id != "",
    )
    theirs = [(at, id_, m) for at, id_, m in db.session.execute(incoming) if m and CITABLE.match(m)]
    ours = [(at, id_, m) for at, id_, m in db.session.execute(outgoing) if CITABLE.match(m)]
    if not theirs and not ours:
        return MailThread()
    last = max(theirs or ours)[2]
    chain = [message_id for *_, message_id in sorted([*theirs, *ours]) if message_id != last]
    return MailThread(last, (*dict.fromkeys(chain), last))
