"""What a person says to the customers: from his words to finished bytes. Reads the database, writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from helpdesk.database import db
from helpdesk.mail.markdown import to_plain
from helpdesk.mail.types import MailFile
from helpdesk.models import Comment, EmailMessage, Ticket, User
from helpdesk.models.tickets import TextFormat
from helpdesk.policy.audience import Recipient, Template
from helpdesk.policy.status import Status
from helpdesk.services import attachments, settings, templates
from helpdesk.services.outbox.conversation import thread_of
from helpdesk.services.outbox.history import quoted
from helpdesk.services.outbox.told import News, Said, Told, name_of
from helpdesk.services.outbox.writing import Envelope, Letter, NotWanted, about, language_of, write


def answer(
    ticket: Ticket,
    text: str,
    files: Sequence[MailFile],
    *,
    actor: User,
    to: Sequence[str],
    cc: Sequence[str],
    bcc: Sequence[str] = (),
    outcome: Status | None = None,
    format: TextFormat = TextFormat.MARKDOWN,
    comment: Comment | None = None,
) -> Letter:
    """A person's words to the customer, in the ticket's mail thread: the customer's `comment_added`.

    The agent signs first, the account after him. Pictures the text shows are among the `files`, inline. With `outcome`,
    resolved or closed, it says in a line of its own that the ticket is done with. Below stands what the account quotes,
    of what was said before `comment` where the answer is one already. The subject stays the ticket's own: it is what mail
    programs keep a conversation together by.
    """
    author = name_of(actor, is_customer=True) or settings.desk_name()
    history = quoted(ticket, [*to, *cc, *bcc], before=comment)
    said, own = _said(author, text, files, format), actor.signature.strip()
    rendered = templates.render(
        Template.COMMENT.value,
        language=language_of(to[0]),
        news=News(Template.COMMENT, Recipient.CUSTOMER, (Told(Template.COMMENT, author, said=said),)),
        is_answer=True,
        signature=ticket.account.signature.strip(),
        own_signature=Said("reply", author, to_plain(own), source=own) if own else None,
        outcome=outcome or "",
        history=history,
        **about(ticket, ticket.subject, is_customer=True),
    )
    name = actor.name and f"{actor.name} ({ticket.account.from_name or settings.desk_name()})"
    envelope = Envelope(ticket.account, to, cc, bcc, from_name=name)
    letter = write(envelope, rendered, ticket=ticket, thread=thread_of(ticket), files=files)
    return replace(letter, quoted=tuple(one.comment_id for one in history))


def _said(author: str, text: str, files: Sequence[MailFile], format: TextFormat) -> Said:
    if format is TextFormat.PLAIN:
        return Said("reply", author, text.strip(), tuple(file.filename for file in files))
    pictures = {
        attachments.token_of(file.content_id): f"cid:{file.content_id}" for file in files if file.is_inline
    }
    names = tuple(file.filename for file in files if not file.is_inline)
    return Said("reply", author, to_plain(text).strip(), names, source=text, pictures=pictures)


def answer_of_comment(email: EmailMessage) -> Letter:
    """An answer that stands on the ticket already: the first of one an agent opened, whose number was not known
    before, or one he wrote with his own mail program."""
    comment = db.session.get(Comment, email.comment_id) if email.comment_id else None
    if comment is None or comment.author is None:
        raise NotWanted("The message this mail was to carry is gone.")
    recipients = email.recipients
    return answer(
        comment.ticket,
        comment.source or comment.text,
        attachments.as_mail_files(comment),
        actor=comment.author,
        to=recipients["to"],
        cc=recipients.get("cc", []),
        bcc=recipients.get("bcc", []),
        format=comment.format,
        comment=comment,
    )
