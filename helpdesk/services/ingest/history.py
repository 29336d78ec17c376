"""Old mail taken over from an archive: tickets and their conversations as they were, at their dates, and nobody told.

Whoever runs the import vouches for the archive: a mail of the team, or of one of the desk's addresses, that cites a mail
on a ticket becomes the desk's answer there. Everybody else's mail goes the ordinary way. Reports of mail servers,
vacation answers to nothing, and what the team wrote to nothing in the archive make no tickets.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from helpdesk.database import as_of, db, utcnow
from helpdesk.mail.types import Automatic
from helpdesk.models import EmailMessage, Ticket, User
from helpdesk.models.mail import Direction, EmailState
from helpdesk.policy.status import CommentKind
from helpdesk.services import accounts, events, people, settings
from helpdesk.services.ingest.delivery import NOTHING, Delivery, Outcome
from helpdesk.services.ingest.taking import take_in
from helpdesk.services.ingest.trace import Sentence
from helpdesk.services.outbox.queue import hash_of
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words
from helpdesk.services.tickets.merge import merge_target


def at_its_time(mail: Delivery, apply: Callable[[Delivery], Outcome]) -> Outcome:
    """Let `apply` happen when the mail came, without a word to anybody."""
    with as_of(mail.email.internal_date or utcnow()), events.quietly():
        mail.trace.tell("import", "Taken over from an archive: at its own date, and nobody is told.")
        return apply(mail)


def take(mail: Delivery) -> Outcome:
    """What a mail that was not taken before becomes."""
    parsed, author = mail.reading.parsed, mail.reading.author
    if mail.reading.evidence.is_own:
        return Outcome(EmailState.IGNORED, Sentence("This desk sent it itself."))
    if parsed.bounce is not None or parsed.is_report:
        return Outcome(EmailState.IGNORED, Sentence("A report of a mail server or a mail program."))
    address = people.find_address(author.email) if author is not None else None
    member = address.user if address is not None and address.user.is_team else None
    if member is not None or (author is not None and mail.own.holds(author.email)):
        return _answer(mail, member)
    if parsed.automatic is Automatic.REPLY and _cited(mail) is None:
        return Outcome(
            EmailState.IGNORED,
            Sentence("An automatic answer to no ticket: %(because)s.", because=parsed.automatic_because),
        )
    return take_in(mail)


def _cited(mail: Delivery) -> Ticket | None:
    """The ticket of the mail that is answered, the nearest cited first."""
    hashes = [hash_of(message_id) for message_id in mail.reading.evidence.foreign]
    rows = select(EmailMessage.message_id_hash, EmailMessage.ticket_id).where(
        EmailMessage.message_id_hash.in_(hashes),
        EmailMessage.account_id == mail.email.account_id,
        EmailMessage.direction == Direction.IN,
        EmailMessage.ticket_id.is_not(None),
    )
    if not hashes:
        return None
    found = db.session.execute(rows.order_by(EmailMessage.id.desc()))
    known = {row.message_id_hash: row.ticket_id for row in found}
    ticket_id = next((known[key] for key in hashes if key in known), None)
    ticket = db.session.get(Ticket, ticket_id) if ticket_id else None
    return merge_target(ticket) if ticket is not None else None


def _answer(mail: Delivery, member: User | None) -> Outcome:
    ticket = _cited(mail)
    if ticket is None:
        reason = Sentence("Written by the desk, and the mail it answers is on no ticket.")
        return Outcome(EmailState.IGNORED, reason)
    reading = mail.reading
    text = reading.visible_text if reading.visible_text.strip() or mail.files else "(no text)"
    words = Words(
        text=text,
        full_text=reading.full_text,
        html=reading.parsed.html,
        files=mail.files,
        message_id=reading.parsed.message_id[:998] or None,
        is_from_email=True,
    )
    name = reading.claimed.name or accounts.get(mail.email.account_id).name
    said_by = "" if member is not None else name
    comment = comments.write(ticket, CommentKind.REPLY, words, author=member, said_by=said_by)
    ticket.last_activity_at, ticket.waiting_since = utcnow(), None
    events.record(
        "comment.added", actor=member, ticket=ticket, comment_id=comment.id, email_id=mail.email.id,
        kind=CommentKind.REPLY.value, is_released=True, is_automatic=False,
    )  # fmt: skip
    changing.move(ticket, comments.status_after_reply(ticket), actor=member, comment_id=comment.id)
    tag = settings.tag_of(ticket)
    mail.trace.tell("ticket", "The desk's answer on %(tag)s.", tag=tag, ticket_id=ticket.id)
    return Outcome(EmailState.APPENDED, NOTHING, ticket.id, comment.id, tag)
