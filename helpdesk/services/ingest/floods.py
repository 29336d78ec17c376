"""One sender opening ticket after ticket: held until a person looks, so that a machine gone mad fills no list."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.sql import ColumnElement

from helpdesk.database import db
from helpdesk.models import Comment, EmailMessage
from helpdesk.models.mail import Direction, EmailState
from helpdesk.services.ingest.trace import Sentence

HOUR = timedelta(hours=1)
MINUTES = timedelta(minutes=10)
CLOCKS_DIFFER = timedelta(days=1)
MOST_TICKETS = 10
MOST_EQUAL = 3


def reason(email: EmailMessage, sender: str, subject: str, text: str) -> Sentence | None:
    """Why a mail that would open a ticket is held, None when it is not.

    Counted by when mails reached the server, so that a backlog taken at once is no flood.
    """
    recent = _opened(email, sender, HOUR)
    opened = db.session.scalar(select(func.count()).select_from(EmailMessage).where(*recent)) or 0
    if opened >= MOST_TICKETS:
        return Sentence(
            "%(sender)s has opened %(count)d tickets within an hour.", sender=sender, count=opened
        )
    if opened < MOST_EQUAL:
        return None
    equal = (
        select(func.count())
        .select_from(EmailMessage)
        .join(Comment, Comment.id == EmailMessage.comment_id)
        .where(*_opened(email, sender, MINUTES), EmailMessage.subject == subject, Comment.full_text == text)
    )
    if (db.session.scalar(equal) or 0) >= MOST_EQUAL:
        return Sentence(
            "%(sender)s has sent the same mail %(count)d times within ten minutes.",
            sender=sender,
            count=MOST_EQUAL,
        )
    return None


def is_first_held(email: EmailMessage, sender: str) -> bool:
    """Whether nothing else of this sender is held already: one notice is enough."""
    held = select(EmailMessage.id).where(
        EmailMessage.from_address == sender,
        EmailMessage.direction == Direction.IN,
        EmailMessage.state == EmailState.HELD,
        EmailMessage.id != email.id,
        EmailMessage.created_at > email.created_at - HOUR,
    )
    return db.session.scalar(held.limit(1)) is None


def _opened(email: EmailMessage, sender: str, within: timedelta) -> tuple[ColumnElement[bool], ...]:
    arrived_at = email.internal_date or email.created_at
    arrival = func.coalesce(EmailMessage.internal_date, EmailMessage.created_at)
    return (
        EmailMessage.from_address == sender,
        EmailMessage.created_at > arrived_at - within - CLOCKS_DIFFER,  # for the index; what follows decides
        EmailMessage.direction == Direction.IN,
        EmailMessage.state == EmailState.OPENED,
        arrival > arrived_at - within,
        arrival <= arrived_at,
    )
