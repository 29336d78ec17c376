"""What a proven member of the team writes by mail: a note, an answer the customer gets, or a mail that is held.

What he was told is never passed on: an answer takes his own words alone, without what he quotes, without the HTML that
may hold it, and without the pictures of it. Words in which one of our marks still stands were not told from what they
quote: they become a note.
"""

from __future__ import annotations

from helpdesk.errors import InvalidInput
from helpdesk.mail.quotes import is_forward
from helpdesk.mail.thread import read_markers, without_markers
from helpdesk.mail.types import Automatic
from helpdesk.models import Comment, Ticket, UserAddress
from helpdesk.models.mail import EmailState
from helpdesk.services import keys, replies, settings
from helpdesk.services.ingest import refusing
from helpdesk.services.ingest.delivery import NOTHING, Delivery, Outcome
from helpdesk.services.ingest.reading import THREAD_KEYS
from helpdesk.services.ingest.trace import Sentence
from helpdesk.services.outbox import queue
from helpdesk.services.tickets import comments
from helpdesk.services.tickets.comments import Words


def note(mail: Delivery, ticket: Ticket, author: UserAddress, words: Words) -> Outcome:
    """What he says to the team."""
    comment = comments.add_note(ticket, words, actor=author.user, email_id=mail.email.id)
    tag = settings.tag_of(ticket)
    mail.trace.tell("ticket", "Noted on %(tag)s.", tag=tag, ticket_id=ticket.id)
    return Outcome(EmailState.APPENDED, NOTHING, ticket.id, comment.id, tag)


def own_words(mail: Delivery) -> str | None:
    """What he wrote himself; None when it cannot be told from what he quotes."""
    if mail.reading.is_partial or is_forward(mail.reading.parsed.subject):
        return None
    text = mail.reading.split.visible
    ours = read_markers(text, keys=keys.accepted_keys(THREAD_KEYS), instance=settings.instance_id())
    return None if ours or _is_all_quoted(text) else without_markers(text).strip()


def _is_all_quoted(text: str) -> bool:
    """Nothing but a quotation is shown whole, so that nobody's words are lost; they are not his."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return bool(lines) and all(line.startswith(">") for line in lines)


def answer(mail: Delivery, ticket: Ticket, author: UserAddress, text: str) -> Outcome:
    """What he says to the customers, who get it as they get every answer."""
    files = [file for file in mail.files if not file.is_inline]
    if not text and not files:
        return refuse(mail, author, Sentence("There are no words of the agent's own in it."))
    words = Words(text, files=files, is_from_email=True)
    try:
        comment: Comment = replies.send_by_mail(ticket, words, actor=author.user, email_id=mail.email.id)
    except InvalidInput as error:
        return refuse(mail, author, Sentence(error.template, **error.params))
    tag = settings.tag_of(ticket)
    mail.trace.tell("ticket", "Answered on %(tag)s.", tag=tag, ticket_id=ticket.id)
    return Outcome(EmailState.APPENDED, NOTHING, ticket.id, comment.id, tag)


def refuse(mail: Delivery, author: UserAddress, reason: Sentence) -> Outcome:
    """Hold it, and tell who wrote it; once an hour at most, and never a machine."""
    is_first = refusing.is_first_held(mail)
    outcome = refusing.hold(mail, reason)
    if is_first and mail.reading.parsed.automatic is Automatic.NO:
        queue.add(
            mail.email.account,
            purpose=queue.HELD_MAIL,
            to=[author.email],
            payload={"email_id": mail.email.id},
        )
        mail.trace.tell("agent", "%(email)s is told that it is held.", email=author.email)
    return outcome


def is_machine(mail: Delivery) -> bool:
    """Whether an agent's mail program wrote it while he was away: that is told to nobody.

    Less than that is no reason to pass his words over: mail servers mark ordinary mail so that nobody answers it.
    """
    return mail.reading.parsed.automatic is Automatic.REPLY and not mail.is_forced


def ignore(mail: Delivery) -> Outcome:
    because = mail.reading.parsed.automatic_because
    reason = Sentence("An automatic answer of a member of the team: %(because)s.", because=because)
    return Outcome(EmailState.IGNORED, reason)
