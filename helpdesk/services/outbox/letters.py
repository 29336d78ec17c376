"""What the desk itself says: from a row to finished bytes. Reads the database, writes nothing."""

from __future__ import annotations

from collections.abc import Callable

from flask_babel import force_locale, gettext
from sqlalchemy import select

from helpdesk.database import db, utcnow
from helpdesk.models import EmailMessage, Event, Ticket, User
from helpdesk.models.mail import EmailState
from helpdesk.policy import placeholders
from helpdesk.policy.acknowledge import safe_subject
from helpdesk.policy.audience import Event as Fact
from helpdesk.policy.audience import Kind, Recipient, Template
from helpdesk.policy.status import Disposition, Status, is_overdue
from helpdesk.services import business_hours, mail_choices, people, settings, templates
from helpdesk.services.outbox import answers, digests, queue
from helpdesk.services.outbox.conversation import thread_of, thread_with
from helpdesk.services.outbox.told import News, gather, may_read, name_of
from helpdesk.services.outbox.writing import (
    GENERATED,
    REPLIED,
    Envelope,
    Letter,
    NotWanted,
    about,
    language_of,
    write,
)


def _ticket_created(email: EmailMessage) -> Letter:
    """The acknowledgement: its only words from outside are the subject, made harmless."""
    ticket = _ticket_of(email)
    subject = _harmless_subject(ticket, ticket.requester)
    choices_url = mail_choices.url(ticket.requester_address, Kind.CREATED)
    rendered = templates.render(
        Template.CREATED.value,
        language=ticket.requester.language,
        news=News(Template.CREATED, Recipient.CUSTOMER, ()),
        own_text=_own_text(email, ticket, subject),
        is_closed=_is_closed(email),
        status=Status.NEW,  # as it was when the mail came: an answer may be on its way by now
        **about(ticket, subject, is_customer=True, choices_url=choices_url),
    )
    return write(
        Envelope(email.account, email.recipients["to"]),
        rendered,
        ticket=ticket,
        thread=thread_of(ticket),
        automatic=REPLIED,
        unsubscribe=choices_url,
    )


def _harmless_subject(ticket: Ticket, reader: User) -> str:
    """The customer's subject, made harmless; of what somebody unverified typed nothing at all is repeated."""
    if not any(comment.is_unverified for comment in ticket.comments[:1]):
        return safe_subject(ticket.subject)
    with force_locale(reader.language or settings.language()):
        return str(gettext("Your message to us"))


def _is_closed(email: EmailMessage) -> bool:
    """Whether the account says something of its own because nobody is there."""
    return bool(email.payload.get("is_closed") and email.account.closed_text.strip())


def _own_text(email: EmailMessage, ticket: Ticket, subject: str) -> str:
    """The account's own words, "" for the ordinary ones. A name comes from outside as well: it is made as harmless."""
    language = ticket.requester.language or settings.language()
    with force_locale(language):
        nobody = gettext("customer")
    account, closed = ticket.account, email.payload
    text = account.closed_text.strip() if _is_closed(email) else ""
    values = {
        "customer_name": safe_subject(ticket.requester.name) or nobody,
        "ticket_number": settings.tag_of(ticket),
        "subject": subject,
        # the words around it are written once, for every reader: in the desk's language, as far as anybody knows
        "opens_at": business_hours.opens_at_in_words(closed, email.created_at, settings.language()),
    }
    return placeholders.fill(text or account.acknowledgement_text.strip(), values)


def _notification(email: EmailMessage) -> Letter:
    """What is still news to the reader of all that was gathered for him."""
    ticket, reader = _ticket_of(email), db.session.get(User, _reader_id(email))
    news = gather(ticket, reader, _event_ids(email, ticket)) if reader is not None else None
    if reader is None or news is None:
        raise NotWanted("Nothing of it is news any more, or not to whom it was for.")
    is_customer = news.recipient is Recipient.CUSTOMER
    choices_url = _choices_url(email, news)
    rendered = templates.render(
        news.template.value,
        language=reader.language,
        zone=reader.timezone,
        news=news,
        requester_name=ticket.requester.shown_name,
        recipient_name=name_of(reader, is_customer=is_customer),
        status=ticket.status,
        priority=ticket.priority,
        category=ticket.category,
        due_at=ticket.due_at,
        is_overdue=is_overdue(ticket.status, ticket.due_at, now=utcnow()),
        **about(
            ticket,
            _harmless_subject(ticket, reader) if is_customer else ticket.subject,
            is_customer=is_customer,
            choices_url=choices_url,
        ),
    )
    thread = thread_of(ticket, reader.id) if is_customer else thread_with(ticket, reader.id)
    envelope = Envelope(email.account, email.recipients["to"])
    return write(
        envelope, rendered, ticket=ticket, thread=thread, automatic=GENERATED, unsubscribe=choices_url
    )


def _choices_url(email: EmailMessage, news: News) -> str:
    """Where the reader switches this kind of mail off: a mail of several facts counts as what it is named after."""
    address = people.find_address(email.recipients["to"][0])
    if address is None:
        return ""
    return mail_choices.url(address, news.kind) if news.kind else ""


def _held_mail(email: EmailMessage) -> Letter:
    """To an agent: what he wrote is on no ticket, and why. Of the ticket he may no longer see it says nothing."""
    held_id = email.payload.get("email_id")
    held = db.session.get(EmailMessage, held_id) if isinstance(held_id, int) else None
    if held is None or held.state is not EmailState.HELD:
        raise NotWanted("Somebody has dealt with the mail.")
    to = email.recipients["to"]
    language = language_of(to[0])
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
    if email.purpose == queue.DIGEST:
        digests.ask_again(email)
        return
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
    queue.REPLY: answers.answer_of_comment,
    "ticket_created": _ticket_created,
    queue.NOTIFICATION: _notification,
    queue.DIGEST: digests.digest,
    queue.HELD_MAIL: _held_mail,
    "ticket_assigned": _notification,
}
