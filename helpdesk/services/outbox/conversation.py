"""A ticket's mails as one thread: what an answer cites, so that every mail program shows it below the question."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, select

from helpdesk.database import db
from helpdesk.models import Comment, EmailMessage, Ticket
from helpdesk.models.mail import Direction
from helpdesk.policy.status import CommentKind
from helpdesk.services.outbox.queue import NOTIFICATION

TO_CUSTOMERS = ("reply", "ticket_created")
Sent = Row[datetime, int, str, str, dict[str, object]]
CITABLE = re.compile(r"[!-;=?-~]{1,900}\Z")  # others would keep the answer from being composed at all


@dataclass(frozen=True, slots=True)
class MailThread:
    """Message-IDs without brackets: the mail that is answered, "" for none, and its ancestors with it, oldest first."""

    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    index: str = ""  # what the customers' Exchange calls the conversation (`mail.thread.read_thread_index`)


def thread_of(ticket: Ticket, reader_id: int | None = None) -> MailThread:
    """What the next mail to the customers cites: the last of theirs, else our last one.

    A notification to one of them (`reader_id`) also follows those he had before; nobody else is shown their ids.
    """
    incoming = (
        select(Comment.created_at, Comment.id, Comment.message_id)
        .where(Comment.ticket_id == ticket.id, Comment.kind == CommentKind.INCOMING, Comment.is_released)
        .where(Comment.message_id.is_not(None), Comment.message_id != "")
    )
    theirs = [(at, id_, m) for at, id_, m in db.session.execute(incoming) if m and CITABLE.match(m)]
    ours = [
        (mail.created_at, mail.id, mail.message_id)
        for mail in _sent(ticket)
        if mail.purpose in TO_CUSTOMERS or _is_for(mail, reader_id)
    ]
    index = _index_of(ticket)
    if not theirs and not ours:
        return MailThread(index=index)
    last = max(theirs or ours)[2]
    chain = [message_id for *_, message_id in sorted([*theirs, *ours]) if message_id != last]
    return MailThread(last, (*dict.fromkeys(chain), last), index)


def _index_of(ticket: Ticket) -> str:
    """That of the first mail of theirs that has one: Outlook shows our answers below it. "" where nobody uses Exchange."""
    rows = (
        select(EmailMessage.thread_index)
        .join(Comment, Comment.id == EmailMessage.comment_id)
        .where(EmailMessage.ticket_id == ticket.id, EmailMessage.direction == Direction.IN)
        .where(EmailMessage.thread_index != "", Comment.kind == CommentKind.INCOMING, Comment.is_released)
    )
    return db.session.scalar(rows.order_by(EmailMessage.id).limit(1)) or ""


def thread_with(ticket: Ticket, reader_id: int) -> MailThread:
    """What the next notification to a member of the team cites: those he had before. The customers never see them."""
    ids = [mail.message_id for mail in _sent(ticket) if _is_for(mail, reader_id)]
    return MailThread(ids[-1], tuple(ids)) if ids else MailThread()


def _sent(ticket: Ticket) -> list[Sent]:
    """What went out about the ticket, oldest first."""
    rows = select(
        EmailMessage.created_at,
        EmailMessage.id,
        EmailMessage.message_id,
        EmailMessage.purpose,
        EmailMessage.payload,
    ).where(
        EmailMessage.ticket_id == ticket.id,
        EmailMessage.direction == Direction.OUT,
        EmailMessage.purpose.in_([*TO_CUSTOMERS, NOTIFICATION]),
        EmailMessage.message_id != "",
    )
    return [
        mail for mail in db.session.execute(rows.order_by(EmailMessage.id)) if CITABLE.match(mail.message_id)
    ]


def _is_for(mail: Sent, reader_id: int | None) -> bool:
    return reader_id is not None and mail.payload.get("user_id") == reader_id
