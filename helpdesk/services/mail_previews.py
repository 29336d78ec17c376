"""A mail as it would be with words that are not saved yet: to look at, and to send to oneself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_babel import force_locale, gettext
from sqlalchemy import select

from helpdesk import storage
from helpdesk.database import db, utcnow
from helpdesk.errors import InvalidInput, NotFound
from helpdesk.mail.thread import tagged_subject
from helpdesk.models import Comment, EmailAccount, EmailMessage, Ticket, User
from helpdesk.policy import mail_texts
from helpdesk.policy.acknowledge import safe_subject
from helpdesk.policy.audience import Recipient, Template
from helpdesk.policy.mail_texts import FOR_TEAM, LINK_MAILS, MailText, template_of
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import Category, CommentKind, Disposition, Priority, Status
from helpdesk.services import access, mail_words, settings, templates
from helpdesk.services.mail_texts import Place, refusal
from helpdesk.services.mail_words import Filling
from helpdesk.services.outbox import queue, writing
from helpdesk.services.outbox.digests import Line
from helpdesk.services.outbox.told import News, Said, Told, name_of
from helpdesk.services.templates import Rendered

LIFETIME = timedelta(hours=1)
MOST_SHOWN = 4000  # characters of a message
SHOWN_IN = {MailText.FOOTER: MailText.CREATED}  # words that are no mail of their own


def ticket_to_show(viewer: User, number: int | None = None) -> Ticket | None:
    """The ticket with this number, or the newest the viewer may see. Raises NotFound for a number nobody shows him."""
    rows = access.visible_tickets(viewer)
    if number is not None:
        found = db.session.scalar(rows.where(Ticket.number == number)) if number < 2**31 else None
        if found is None:
            raise NotFound("There is no such ticket.")
        return found
    newest = rows.where(Ticket.disposition == Disposition.NORMAL).order_by(Ticket.id.desc()).limit(1)
    return db.session.scalar(newest)


def preview(place: Place, subject: str, words: str, *, ticket: Ticket | None, viewer: User) -> Rendered:
    """The mail with these words, about this ticket or an invented one. Raises InvalidInput for words no mail can have."""
    is_bare = place.text is MailText.FOOTER and not words.strip()  # mails have no footer by themselves
    for problem in mail_texts.problems(place.text, subject, words) if not is_bare else ():
        raise refusal(problem)
    filling = None if is_bare else Filling(place.text, subject, words)
    footer = mail_words.find(None, place.language, place.account_id).get(MailText.FOOTER)
    own, foot = (None, filling) if place.text is MailText.FOOTER else (filling, footer)
    text = SHOWN_IN.get(place.text, place.text)
    with force_locale(place.language):
        values = _values(text, ticket, viewer)
    return templates.write(
        template_of(text), own, foot, language=place.language, zone=viewer.timezone, **values
    )


def send_test(place: Place, subject: str, words: str, *, ticket: Ticket | None, actor: User) -> EmailMessage:
    """Within a transaction: queue the mail with these words to the actor. Raises InvalidInput."""
    access.demand_on_account(actor, Action.ADMINISTER, None)
    account = place.account or (ticket.account if ticket else None) or _any_account()
    if account is None:
        raise InvalidInput("There is no mail account to send it by yet.")
    if not actor.email:
        raise InvalidInput("You have no address to send it to.")
    settings.instance_id()
    shown = preview(place, subject, words, ticket=ticket, viewer=actor)
    with force_locale(actor.language or settings.language()):
        title = gettext("Test: %(subject)s", subject=shown.subject)
    rendered = Rendered(title, shown.text, shown.html)
    letter = writing.write(writing.Envelope(account, [actor.email]), rendered, automatic=writing.GENERATED)
    return queue.add(
        account, purpose="test", to=[actor.email], actor=actor, subject=letter.subject, message_id=letter.message_id,
        blob=storage.stage(letter.raw),
    )  # fmt: skip


def _any_account() -> EmailAccount | None:
    rows = select(EmailAccount).where(EmailAccount.is_active, EmailAccount.is_sending)
    return db.session.scalar(
        rows.order_by(EmailAccount.outgoing_protocol == "maildir", EmailAccount.id).limit(1)
    )


def _values(text: MailText, ticket: Ticket | None, viewer: User) -> dict[str, Any]:
    if text in LINK_MAILS:
        return _link_values(text, viewer)
    return _digest_values(ticket, viewer) if text is MailText.DIGEST else _ticket_values(text, ticket, viewer)


def _digest_values(ticket: Ticket | None, viewer: User) -> dict[str, Any]:
    shown = _of_ticket(ticket, is_customer=False) if ticket else _invented(is_customer=False)
    facts = _facts(MailText.COMMENT_TEAM, ticket, viewer)
    line = Line(
        shown["tag"], shown["ticket_subject"], shown["customer_name"], shown["status"], shown["priority"], shown["url"], facts
    )  # fmt: skip
    return {
        "every": "daily", "lines": [line], "named": [], "count": 1, "fact_count": 1, "is_customer": False,
        "recipient_name": name_of(viewer, is_customer=False), "desk_name": settings.desk_name(),
        "url": writing.site_url("/notifications"), "profile_url": writing.site_url("/profile"),
    }  # fmt: skip


def _link_values(text: MailText, viewer: User) -> dict[str, Any]:
    path = {MailText.INVITATION: "/invitation/", MailText.PASSWORD: "/password/"}.get(text, "/sign-in/link/")
    return {
        "name": name_of(viewer, is_customer=True),
        "email": viewer.email,
        "desk_name": settings.desk_name(),
        "url": writing.site_url(path + "an-example-that-opens-nothing"),
        "lifetime": LIFETIME,
    }


def _ticket_values(text: MailText, ticket: Ticket | None, viewer: User) -> dict[str, Any]:
    is_customer = text not in FOR_TEAM
    template = Template(template_of(text))
    recipient = Recipient.CUSTOMER if is_customer else Recipient.ASSIGNEE
    values = _of_ticket(ticket, is_customer=is_customer) if ticket else _invented(is_customer=is_customer)
    values |= {
        "recipient_name": name_of(viewer, is_customer=False),
        "news": News(template, recipient, _facts(text, ticket, viewer)),
        "is_answer": text is MailText.ANSWER,
        "signature": ticket.account.signature.strip() if ticket else "",
    }
    if text in (MailText.RESOLVED, MailText.CLOSED, MailText.CREATED):
        values["status"] = {MailText.RESOLVED: Status.RESOLVED, MailText.CLOSED: Status.CLOSED}.get(
            text, Status.NEW
        )
    return values


def _of_ticket(ticket: Ticket, *, is_customer: bool) -> dict[str, Any]:
    subject = safe_subject(ticket.subject) if is_customer else ticket.subject
    return writing.about(ticket, subject, is_customer=is_customer) | {
        "requester_name": ticket.requester.shown_name,
        "status": ticket.status,
        "priority": ticket.priority,
        "category": ticket.category,
        "due_at": ticket.due_at,
        "is_overdue": False,
    }


def _invented(*, is_customer: bool) -> dict[str, Any]:
    """Of a desk without tickets."""
    tag, subject = settings.ticket_tag(42, utcnow()), gettext("The printer shows error 49")
    return {
        "subject": tagged_subject(tag, subject), "ticket_subject": subject, "tag": tag,
        "desk_name": settings.desk_name(), "is_customer": is_customer, "url": writing.site_url("/tickets/42"),
        "profile_url": writing.site_url("/profile"), "customer_name": "Jonas Berg", "requester_name": "Jonas Berg",
        "status": Status.OPEN, "priority": Priority.HIGH, "category": Category.SUPPORT,
        "due_at": utcnow() + timedelta(days=2), "is_overdue": False,
    }  # fmt: skip


def _facts(text: MailText, ticket: Ticket | None, viewer: User) -> tuple[Told, ...]:
    template, name = Template(template_of(text)), name_of(viewer, is_customer=text not in FOR_TEAM)
    status = (ticket.status if ticket else Status.PENDING).value
    before = (Status.OPEN if status != Status.OPEN else Status.NEW).value
    match text:
        case MailText.CREATED:
            return ()
        case MailText.ANSWER | MailText.COMMENT_TEAM | MailText.CREATED_TEAM:
            said = _said(text, ticket, name)
            return (Told(template, name if text is MailText.ANSWER else said.author, said=said),)
        case MailText.STATUS | MailText.STATUS_TEAM:
            return (Told(template, name, "status", before, status),)
        case MailText.RESOLVED | MailText.CLOSED:
            return (Told(template, name, "status", "open", template.value.removeprefix("ticket_")),)
        case MailText.UPDATED:
            return (Told(template, name, "priority", "low", "high"),)
    return (Told(template, name),)


def _said(text: MailText, ticket: Ticket | None, name: str) -> Said:
    """The last words of their kind on the ticket, else invented ones."""
    kinds = [CommentKind.REPLY] if text is MailText.ANSWER else [CommentKind.INCOMING]
    rows = select(Comment).where(Comment.kind.in_(kinds), Comment.is_released)
    comment = (
        db.session.scalar(rows.where(Comment.ticket_id == ticket.id).order_by(Comment.id.desc()).limit(1))
        if ticket
        else None
    )
    if comment is None:
        words = gettext("Please switch it off and on again, and tell us whether it helped.")
        return Said(kinds[0].value, name, words)
    author = name_of(comment.author, is_customer=text is MailText.ANSWER) or comment.author_name
    source = comment.source if len(comment.text) <= MOST_SHOWN else ""
    return Said(comment.kind.value, author, comment.text.strip()[:MOST_SHOWN], source=source or "")
