"""What each mail says: from its row to finished bytes. Reads the database, writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import current_app
from flask_babel import force_locale, gettext
from sqlalchemy import select

from helpdesk.database import db, utcnow
from helpdesk.errors import InvalidInput
from helpdesk.mail.compose import ComposeError, Draft, compose
from helpdesk.mail.thread import tagged_subject
from helpdesk.mail.types import Address, MailFile
from helpdesk.models import Comment, EmailAccount, EmailMessage, Event, Ticket, User
from helpdesk.models.mail import EmailState
from helpdesk.policy import placeholders
from helpdesk.policy.acknowledge import safe_subject
from helpdesk.policy.audience import Event as Fact
from helpdesk.policy.audience import Recipient, Template
from helpdesk.policy.status import Disposition, Status, is_overdue
from helpdesk.services import attachments, people, settings, templates
from helpdesk.services.outbox import marks, queue
from helpdesk.services.outbox.conversation import MailThread, thread_of, thread_with
from helpdesk.services.outbox.told import News, Said, Told, gather, harmless_name, may_read, name_of

REPLIED, GENERATED = "auto-replied", "auto-generated"


class NotWanted(Exception):
    """What the mail was to tell is no longer so; the text says why."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A finished mail and what its row says of it."""

    raw: bytes = field(repr=False)
    subject: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who writes to whom. Names are only shown; addresses decide."""

    account: EmailAccount
    to: Sequence[str]
    cc: Sequence[str] = ()
    from_name: str = ""


def write(
    envelope: Envelope,
    rendered: templates.Rendered,
    *,
    ticket: Ticket | None = None,
    thread: MailThread | None = None,
    files: Iterable[MailFile] = (),
    automatic: str = "",
) -> Letter:
    """Compose the finished mail. Raises InvalidInput when it cannot be, or is larger than a server takes."""
    account = envelope.account
    thread = thread or MailThread()
    sender = account.from_email or account.email
    name = envelope.from_name or account.from_name or settings.desk_name()
    signed = marks.sign(account, ticket)
    text, html = marks.put_into(rendered, signed)
    draft = Draft(
        sender=Address(sender, name),
        to=_named(envelope.to),
        cc=_named(envelope.cc),
        subject=rendered.subject,
        text=text,
        html=html,
        message_id=signed.message_id,
        reply_to=Address(signed.reply_to, name) if signed.reply_to else None,
        in_reply_to=thread.in_reply_to,
        references=thread.references,
        files=tuple(files),
        automatic=automatic,
        instance=settings.instance_id(),
        date=utcnow(),
        ticket_tag=settings.tag_of(ticket) if ticket else "",
    )
    try:
        raw = compose(draft)
    except ComposeError as error:
        raise InvalidInput("This mail cannot be made: %(reason)s.", reason=str(error)) from error
    limit = current_app.config["EMAIL_MAX_MESSAGE_SIZE"]
    if len(raw) > limit:
        raise InvalidInput(
            "The mail is too large: at most %(limit)d MB with all its files.",
            field="files",
            limit=limit // 1024**2,
        )
    return Letter(raw, rendered.subject, draft.message_id)


def _named(emails: Iterable[str]) -> tuple[Address, ...]:
    return tuple(Address(email, _name_of(email)) for email in emails)


def _name_of(email: str) -> str:
    user = people.find_user(email)
    return harmless_name(user) if user else ""


def _language_of(email: str) -> str | None:
    user = people.find_user(email)
    return user.language if user else None


def site_url(path: str) -> str:
    return f"{current_app.config['SITE_URL']}{path}"


# what a person says


def answer(
    ticket: Ticket,
    text: str,
    files: Sequence[MailFile],
    *,
    actor: User,
    to: Sequence[str],
    cc: Sequence[str],
    outcome: Status | None = None,
) -> Letter:
    """A person's words to the customer, in the ticket's mail thread: the customer's `comment_added`.

    With `outcome`, resolved or closed, it says in a line of its own that the ticket is done with. The subject stays the ticket's own: it is what mail programs keep a conversation together by.
    """
    author = name_of(actor, is_customer=True) or settings.desk_name()
    said = Said("reply", author, text.strip(), tuple(file.filename for file in files))
    rendered = templates.render(
        Template.COMMENT.value,
        language=_language_of(to[0]),
        news=News(Template.COMMENT, Recipient.CUSTOMER, (Told(Template.COMMENT, author, said=said),)),
        is_answer=True,
        signature=ticket.account.signature.strip(),
        outcome=outcome or "",
        **_about(ticket, ticket.subject, is_customer=True),
    )
    name = actor.name and f"{actor.name} ({ticket.account.from_name or settings.desk_name()})"
    envelope = Envelope(ticket.account, to, cc, from_name=name)
    return write(envelope, rendered, ticket=ticket, thread=thread_of(ticket), files=files)


def _about(ticket: Ticket, subject: str, *, is_customer: bool) -> dict[str, Any]:
    """What every mail about a ticket shows of it, whoever reads it."""
    return {
        "subject": _tagged(ticket, subject),
        "ticket_subject": subject,
        "tag": settings.tag_of(ticket),
        "desk_name": settings.desk_name(),
        "is_customer": is_customer,
        "url": site_url(f"/tickets/{ticket.number}"),  # customers are led on to their own page
        "profile_url": site_url("/profile"),
    }


def _tagged(ticket: Ticket, subject: str) -> str:
    return tagged_subject(settings.tag_of(ticket), subject)


def _answer_of_comment(email: EmailMessage) -> Letter:
    """An answer that stands on the ticket already: the first of one an agent opened, whose number was not known
    before, or one he wrote with his own mail program."""
    comment = db.session.get(Comment, email.comment_id) if email.comment_id else None
    if comment is None or comment.author is None:
        raise NotWanted("The message this mail was to carry is gone.")
    recipients = email.recipients
    return answer(
        comment.ticket,
        comment.text,
        attachments.as_mail_files(comment),
        actor=comment.author,
        to=recipients["to"],
        cc=recipients.get("cc", []),
    )


# what the desk says


def _ticket_created(email: EmailMessage) -> Letter:
    """The acknowledgement: its only words from outside are the subject, made harmless."""
    ticket = _ticket_of(email)
    subject = _harmless_subject(ticket, ticket.requester)
    rendered = templates.render(
        Template.CREATED.value,
        language=ticket.requester.language,
        news=News(Template.CREATED, Recipient.CUSTOMER, ()),
        own_text=_own_text(ticket, subject),
        status=Status.NEW,  # as it was when the mail came: an answer may be on its way by now
        **_about(ticket, subject, is_customer=True),
    )
    envelope = Envelope(email.account, email.recipients["to"])
    return write(envelope, rendered, ticket=ticket, thread=thread_of(ticket), automatic=REPLIED)


def _harmless_subject(ticket: Ticket, reader: User) -> str:
    """The customer's subject, made harmless; of what somebody unverified typed nothing at all is repeated."""
    if not any(comment.is_unverified for comment in ticket.comments[:1]):
        return safe_subject(ticket.subject)
    with force_locale(reader.language or settings.language()):
        return str(gettext("Your message to us"))


def _own_text(ticket: Ticket, subject: str) -> str:
    """The account's own words, "" for the ordinary ones. A name comes from outside as well: it is made as harmless."""
    with force_locale(ticket.requester.language or settings.language()):
        nobody = gettext("customer")
    values = {
        "customer_name": safe_subject(ticket.requester.name) or nobody,
        "ticket_number": settings.tag_of(ticket),
        "subject": subject,
    }
    return placeholders.fill(ticket.account.acknowledgement_text.strip(), values)


def _notification(email: EmailMessage) -> Letter:
    """What is still news to the reader of all that was gathered for him."""
    ticket, reader = _ticket_of(email), db.session.get(User, _reader_id(email))
    news = gather(ticket, reader, _event_ids(email, ticket)) if reader is not None else None
    if reader is None or news is None:
        raise NotWanted("Nothing of it is news any more, or not to whom it was for.")
    is_customer = news.recipient is Recipient.CUSTOMER
    rendered = templates.render(
        news.template.value,
        language=reader.language,
        zone=reader.timezone,
        news=news,
        requester_name=ticket.requester.shown_name,
        status=ticket.status,
        priority=ticket.priority,
        category=ticket.category,
        due_at=ticket.due_at,
        is_overdue=is_overdue(ticket.status, ticket.due_at, now=utcnow()),
        **_about(
            ticket,
            _harmless_subject(ticket, reader) if is_customer else ticket.subject,
            is_customer=is_customer,
        ),
    )
    thread = thread_of(ticket, reader.id) if is_customer else thread_with(ticket, reader.id)
    envelope = Envelope(email.account, email.recipients["to"])
    return write(envelope, rendered, ticket=ticket, thread=thread, automatic=GENERATED)


def _held_mail(email: EmailMessage) -> Letter:
    """To an agent: what he wrote is on no ticket, and why. Of the ticket he may no longer see it says nothing."""
    held_id = email.payload.get("email_id")
    held = db.session.get(EmailMessage, held_id) if isinstance(held_id, int) else None
    if held is None or held.state is not EmailState.HELD:
        raise NotWanted("Somebody has dealt with the mail.")
    to = email.recipients["to"]
    language = _language_of(to[0])
    with force_locale(language or settings.language()):
        reason = gettext(held.reason, **held.reason_params) if held.reason_params else gettext(held.reason)
    rendered = templates.render(
        queue.HELD_MAIL,
        language=language,
        subject=safe_subject(held.subject),
        reason=reason,
        desk_name=settings.desk_name(),
    )
    return write(Envelope(email.account, to), rendered, automatic=REPLIED)


def ask_again(email: EmailMessage) -> None:
    """Raises NotWanted for a finished notification whose reader has lost the right to what it says."""
    if not _reader_id(email):
        return
    ticket, reader = _ticket_of(email), db.session.get(User, _reader_id(email))
    if reader is None or not may_read(ticket, reader, _event_ids(email, ticket)):
        raise NotWanted("Whoever it was for may not read it any more.")


def _reader_id(email: EmailMessage) -> int:
    value = email.payload.get("user_id", email.payload.get("assignee_id"))
    return value if isinstance(value, int) else 0


def _event_ids(email: EmailMessage, ticket: Ticket) -> list[int]:
    """Those the mail was queued with; a `ticket_assigned` an earlier version queued meant the last assignment."""
    ids = email.payload.get("events")
    if isinstance(ids, list):
        return [id_ for id_ in ids if isinstance(id_, int)]
    assigned = select(Event.id).where(Event.ticket_id == ticket.id, Event.type == Fact.ASSIGNED.value)
    return list(db.session.scalars(assigned.order_by(Event.id.desc()).limit(1)))


def _ticket_of(email: EmailMessage) -> Ticket:
    ticket = db.session.get(Ticket, email.ticket_id) if email.ticket_id else None
    if ticket is None or ticket.disposition is not Disposition.NORMAL:
        raise NotWanted("The ticket is gone.")
    return ticket


LETTERS: dict[str, Callable[[EmailMessage], Letter]] = {
    queue.REPLY: _answer_of_comment,
    "ticket_created": _ticket_created,
    queue.NOTIFICATION: _notification,
    queue.HELD_MAIL: _held_mail,
    "ticket_assigned": _notification,
}
