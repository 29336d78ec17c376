"""A mail that repeats what this desk has lately sent by itself to its sender: perhaps two machines in conversation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import select

from helpdesk import storage
from helpdesk.database import db, utcnow
from helpdesk.mail import parse
from helpdesk.models import EmailMessage, Ticket, UserAddress
from helpdesk.models.mail import Direction
from helpdesk.policy import echo
from helpdesk.services.ingest.delivery import Delivery
from helpdesk.services.ingest.trace import Sentence
from helpdesk.services.outbox.queue import PERSONS_WORDS

LATELY = timedelta(days=1)
MOST = 3


def reason(mail: Delivery, author: UserAddress | None) -> Sentence | None:
    """Why a mail that would open a ticket is held, None when it is not. An unknown sender repeats nothing."""
    if author is None:
        return None
    subject, text = mail.reading.parsed.subject, mail.reading.visible_text
    for sent_subject, sha256 in _sent_to(author):
        if echo.repeats_subject(sent_subject, subject=subject, text=text) or echo.repeats_line(
            _lines(sha256), text
        ):
            return Sentence(
                "It repeats an automatic mail this desk has sent to %(sender)s: two machines may be answering each other.",
                sender=author.email,
            )
    return None


def _sent_to(author: UserAddress) -> list[tuple[str, str | None]]:
    """Subject and bytes of what the desk has told the sender of tickets of his."""
    rows = (
        select(EmailMessage.subject, EmailMessage.raw_sha256)
        .join(Ticket, Ticket.id == EmailMessage.ticket_id)
        .where(
            Ticket.requester_address_id == author.id,
            EmailMessage.direction == Direction.OUT,
            EmailMessage.purpose.not_in(PERSONS_WORDS),
            EmailMessage.subject != "",
            EmailMessage.created_at > utcnow() - LATELY,
        )
    )
    found = db.session.execute(rows.order_by(EmailMessage.id.desc()).limit(MOST)).all()
    return [(subject, sha256) for subject, sha256 in found]


def _lines(sha256: str | None) -> Iterable[str]:
    try:
        return parse.parse(storage.read(sha256)).text.splitlines() if sha256 else ()
    except storage.StorageError:
        return ()
