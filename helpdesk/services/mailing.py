"""What other code calls to have mail sent: scripts, imports, extensions of the desk. `docs/api-for-code.md` is its page.

Everything runs inside the caller's transaction and leaves through the one outbox: what is rolled back was never said,
what is committed is sent and retried as any mail. The desk tells of what happens through its own services by itself;
`facts` is for rows other code has written beside them.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import escape

from helpdesk import storage
from helpdesk.database import db
from helpdesk.errors import Conflict, InvalidInput
from helpdesk.mail.headers import normalise_address
from helpdesk.mail.html import clean_html, html_to_text
from helpdesk.mail.types import MailFile
from helpdesk.models import Comment, EmailAccount, EmailMessage, Ticket, User
from helpdesk.models.mail import Direction
from helpdesk.policy import placeholders
from helpdesk.policy.envelope import Recipients
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import Disposition, Status
from helpdesk.services import access, accounts, attachments, recipients, settings, templates
from helpdesk.services.facts import (
    comment_added,
    overdue,
    status_changed,
    ticket_assigned,
    ticket_closed,
    ticket_created,
    ticket_resolved,
)
from helpdesk.services.outbox import queue, writing
from helpdesk.services.outbox.conversation import CITABLE, MailThread, thread_of
from helpdesk.services.tickets import changing, comments
from helpdesk.services.tickets.comments import Words

__all__ = [
    "MailTemplate", "comment_added", "overdue", "send_email", "send_reply", "send_template_email", "status_changed",
    "test_connection", "ticket_assigned", "ticket_closed", "ticket_created", "ticket_resolved",
]  # fmt: skip
PURPOSE = "message"
Files = Iterable[MailFile | tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """Words with `{{placeholders}}`; without `html` the text is shown as paragraphs. No code runs in it."""

    subject: str
    text: str
    html: str = ""


@dataclass(frozen=True, slots=True)
class _Message:
    """What is to be sent, by whom, to whom."""

    account: EmailAccount
    people: Recipients
    files: tuple[MailFile, ...] = ()
    ticket: Ticket | None = None
    actor: User | None = None


def send_email(
    account: EmailAccount,
    to_emails: Sequence[str],
    subject: str,
    plain_body: str = "",
    html_body: str = "",
    *,
    cc: Sequence[str] = (),
    bcc: Sequence[str] = (),
    attachments: Files = (),
    ticket: Ticket | None = None,
    actor: User | None = None,
) -> EmailMessage:
    """Queue one mail to these people, and return its row. `attachments` are (name, bytes) or `MailFile`.

    With `ticket` it belongs to the ticket: the number in its subject, answers come back to it. With `actor` a person says
    it, who must be allowed to; else it is marked as a machine's, and goes to nobody who is left alone. HTML is cleaned as
    the desk's pages are. Raises InvalidInput for what cannot be sent.
    """
    message = _check(_Message(account, _people(to_emails, cc, bcc), _files(attachments), ticket, actor))
    if not (plain_body.strip() or html_body.strip() or message.files):
        raise InvalidInput("Please write something or attach a file.", field="text")
    words = MailTemplate(subject, plain_body or html_to_text(html_body), html_body)
    return _queue(message, _rendered(words, account, _language(to_emails)))


def send_template_email(
    account: EmailAccount,
    template: MailTemplate | str,
    to_emails: Sequence[str],
    context: Mapping[str, object],
    *,
    language: str | None = None,
    cc: Sequence[str] = (),
    bcc: Sequence[str] = (),
    attachments: Files = (),
    ticket: Ticket | None = None,
    actor: User | None = None,
) -> EmailMessage:
    """As `send_email`, with words filled in from `context`: of a `MailTemplate`, or of a folder in `templates/emails`.

    Values are filled in once and escaped in HTML. Raises InvalidInput for a placeholder nothing is given for.
    """
    message = _check(_Message(account, _people(to_emails, cc, bcc), _files(attachments), ticket, actor))
    language = language or _language(to_emails)
    if isinstance(template, MailTemplate):
        return _queue(message, _rendered(_filled(template, context), account, language))
    values: dict[str, Any] = {"desk_name": settings.desk_name(), "url": writing.site_url("/"), **context}
    rendered = templates.render(template, language=language, account=account, **values)
    return _queue(message, rendered)


def send_reply(
    original: Ticket | Comment | EmailMessage,
    body: str,
    *,
    actor: User,
    attachments: Files = (),
    status: Status | None = None,
) -> EmailMessage:
    """Answer a ticket's customers as `actor`: a reply on the ticket and its mail, in its thread, to who takes part.

    A received mail that is on no ticket is answered to whoever wrote it. Raises InvalidInput, Forbidden, Conflict.
    """
    if isinstance(original, EmailMessage) and original.ticket_id is None:
        return _answer(original, body, actor=actor, files=_files(attachments))
    ticket = _ticket_of(original)
    access.demand(actor, Action.ANSWER, ticket)
    changing.hold(ticket)
    changing.refuse_merged(ticket)
    if ticket.disposition is not Disposition.NORMAL:
        raise Conflict("The ticket was put aside meanwhile.")
    people = recipients.settle(ticket)
    words = Words(body, files=_staged(_files(attachments)))
    comment = comments.add_reply(ticket, words, actor=actor, status=status)
    return queue.add(
        ticket.account, purpose=queue.REPLY, to=people.to, cc=people.cc, actor=actor, ticket=ticket, comment=comment
    )  # fmt: skip


def test_connection(account: EmailAccount) -> tuple[bool, str]:
    """Sign in to the server the account sends by: whether that works, and what is wrong. Not inside a transaction."""
    error = accounts.try_outgoing(accounts.draft_of(account))
    if error is None:
        return True, ""
    return False, " ".join(filter(None, [error.user_message, error.detail]))


test_connection.__test__ = False  # type: ignore[attr-defined]  # no test, whatever a collector makes of its name


def _check(message: _Message) -> _Message:
    """Raises InvalidInput for a ticket of another account, Forbidden for what the actor may not do."""
    account, ticket, actor = message.account, message.ticket, message.actor
    if ticket is not None and ticket.account_id != account.id:
        raise InvalidInput("This ticket belongs to another mail account.")
    if actor is not None and ticket is not None:
        access.demand(actor, Action.ANSWER, ticket)
    elif actor is not None:
        access.demand_on_account(actor, Action.OPEN_TICKET, account.id)
    return message


def _people(to: Sequence[str], cc: Sequence[str] = (), bcc: Sequence[str] = ()) -> Recipients:
    """Each once. Raises InvalidInput for an address that is none or is the desk's own, and for nobody at all."""
    first = recipients.checked(to, field="to")
    if not first:
        raise InvalidInput("This mail has no recipient.", field="to")
    copied = recipients.checked(cc, besides=first)
    hidden = recipients.checked(bcc, besides=[*first, *copied], field="bcc")
    return Recipients(tuple(first), tuple(copied), tuple(hidden))


def _files(files: Files) -> tuple[MailFile, ...]:
    """Raises InvalidInput for one that is larger than EMAIL_MAX_ATTACHMENT_SIZE."""
    return tuple(_file(one) for one in files)


def _file(one: MailFile | tuple[str, bytes]) -> MailFile:
    if isinstance(one, MailFile):
        attachments.uploaded(one.filename, one.content_type, one.data)
        return one
    name, data = one
    return attachments.uploaded(name, mimetypes.guess_type(name)[0] or "", data)


def _staged(files: Iterable[MailFile]) -> tuple[attachments.StagedFile, ...]:
    return tuple(attachments.stage(files))


def _language(to: Sequence[str]) -> str | None:
    return writing.language_of(to[0].strip()) if to else None


def _rendered(words: MailTemplate, account: EmailAccount, language: str | None) -> templates.Rendered:
    """In the frame every mail of the desk has."""
    subject = " ".join(words.subject.split())
    if not subject:
        raise InvalidInput("Please give the mail a subject.", field="subject")
    return templates.render(
        "message",
        language=language,
        account=account,
        subject=subject,
        plain=words.text.strip(),
        html=clean_html(words.html) if words.html.strip() else "",
        desk_name=settings.desk_name(),
    )


def _filled(template: MailTemplate, context: Mapping[str, object]) -> MailTemplate:
    parts = (template.subject, template.text, template.html)
    unknown = dict.fromkeys(word for part in parts for word in placeholders.unknown(part, context))
    if unknown:
        raise InvalidInput("Nobody fills in %(words)s. Known are: %(known)s.", words=", ".join(unknown),
                           known=", ".join("{{" + name + "}}" for name in context))  # fmt: skip
    values = {name: str(value) for name, value in context.items()}
    escaped = {name: str(escape(value)) for name, value in values.items()}
    html = placeholders.fill(template.html, escaped)
    # What HTML is read as is filled already: its values must not be filled in turn.
    text = placeholders.fill(template.text, values) if template.text else html_to_text(html)
    return MailTemplate(placeholders.fill(template.subject, values), text, html)


def _queue(message: _Message, rendered: templates.Rendered, thread: MailThread | None = None) -> EmailMessage:
    settings.instance_id()
    ticket, people, actor = message.ticket, message.people, message.actor
    if ticket is not None:
        tagged = writing.about(ticket, rendered.subject, is_customer=True)["subject"]
        rendered = templates.Rendered(tagged, rendered.text, rendered.html)
    account = message.account
    name = f"{actor.name} ({account.from_name or settings.desk_name()})" if actor and actor.name else ""
    envelope = writing.Envelope(account, people.to, people.cc, people.bcc, from_name=name)
    letter = writing.write(
        envelope,
        rendered,
        ticket=ticket,
        thread=thread or _thread(message),
        files=message.files,
        automatic="" if actor else writing.GENERATED,
    )
    return queue.add(
        account, purpose=PURPOSE, to=people.to, cc=people.cc, bcc=people.bcc, actor=actor, ticket=ticket,
        subject=letter.subject, message_id=letter.message_id, blob=storage.stage(letter.raw),
    )  # fmt: skip


def _thread(message: _Message) -> MailThread | None:
    """The ticket's, for those who take part; nobody else is shown which mails it consists of."""
    if message.ticket is None:
        return None
    part = {p.address.address for p in message.ticket.participants} | {
        message.ticket.requester_address.address
    }
    everyone = {
        normalise_address(email) for email in (*message.people.to, *message.people.cc, *message.people.bcc)
    }
    return thread_of(message.ticket) if everyone <= part else None


def _ticket_of(original: Ticket | Comment | EmailMessage) -> Ticket:
    if isinstance(original, Ticket):
        return original
    if isinstance(original, Comment):
        return original.ticket
    return db.session.get_one(Ticket, original.ticket_id)


def _answer(original: EmailMessage, body: str, *, actor: User, files: tuple[MailFile, ...]) -> EmailMessage:
    """To a mail that is on no ticket."""
    if original.direction is not Direction.IN or not original.from_address:
        raise InvalidInput("Only a mail that was received can be answered.")
    comments.refuse_empty(Words(body, files=_staged(files)))
    message = _check(_Message(original.account, _people([original.from_address]), files, None, actor))
    subject = original.subject if original.subject.lower().startswith("re:") else f"Re: {original.subject}"
    rendered = _rendered(MailTemplate(subject, body), original.account, _language([original.from_address]))
    cited = original.message_id if CITABLE.match(original.message_id) else ""
    return _queue(message, rendered, MailThread(cited, (cited,) if cited else ()))
