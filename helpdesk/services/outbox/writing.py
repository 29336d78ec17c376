"""How every mail of the desk is made: the frame of names, thread and marks around what it says.

Reads the database, writes nothing. `answers` makes what a person says, `letters` what the desk says.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import current_app

from helpdesk.database import utcnow
from helpdesk.errors import InvalidInput
from helpdesk.mail.compose import ComposeError, Draft, compose
from helpdesk.mail.thread import tagged_subject, thread_topic
from helpdesk.mail.types import Address, MailFile
from helpdesk.models import EmailAccount, Ticket
from helpdesk.services import attachments, people, settings, templates
from helpdesk.services.outbox import marks
from helpdesk.services.outbox.conversation import MailThread
from helpdesk.services.outbox.told import harmless_name

QUOTED = "quoted"  # in `payload`: the ids of the messages a mail quotes
REPLIED, GENERATED = "auto-replied", "auto-generated"


class NotWanted(Exception):
    """What the mail was to tell is no longer so; the text says why."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A finished mail and what its row says of it; `quoted` are the messages quoted below its own words."""

    raw: bytes = field(repr=False)
    subject: str
    message_id: str
    quoted: tuple[int, ...] = ()

    @property
    def payload(self) -> dict[str, object]:
        """What the row keeps beside its columns."""
        return {QUOTED: list(self.quoted)} if self.quoted else {}


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who writes to whom. Names are only shown; addresses decide.

    Of who is in `bcc` the mail holds no trace; whoever decides what it may hold has to know that they read it too.
    `answers_to` is where answers go that shall not come back here.
    """

    account: EmailAccount
    to: Sequence[str]
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    from_name: str = ""
    answers_to: str = ""


def write(
    envelope: Envelope,
    rendered: templates.Rendered,
    *,
    ticket: Ticket | None = None,
    thread: MailThread | None = None,
    files: Iterable[MailFile] = (),
    automatic: str = "",
    unsubscribe: str = "",
) -> Letter:
    """Compose the finished mail; `unsubscribe` is the reader's `mail_choices.url`, for what he can switch off.

    Raises InvalidInput when it cannot be, or is larger than a server takes."""
    account = envelope.account
    thread = thread or MailThread()
    sender = account.from_email or account.email
    name = envelope.from_name or account.from_name or settings.desk_name()
    signed = marks.sign(account, ticket)
    text, html = marks.put_into(rendered, signed)
    if ticket is not None and account.shows_reply_line:
        text, html = marks.put_above(text, html, marks.reply_line(language_of(envelope.to[0])))
    draft = Draft(
        sender=Address(sender, name),
        to=_named(envelope.to),
        cc=_named(envelope.cc),
        subject=rendered.subject,
        text=text,
        html=html,
        message_id=signed.message_id,
        reply_to=_reply_to(envelope, signed, name),
        in_reply_to=thread.in_reply_to,
        references=thread.references,
        thread_topic=thread_topic(settings.tag_of(ticket), rendered.subject) if ticket else "",
        thread_index=_as_base64(thread.index or marks.index_of(ticket)) if ticket else "",
        files=tuple(files),
        automatic=automatic,
        unsubscribe=unsubscribe,
        instance=settings.instance_id(),
        date=utcnow(),
        ticket_tag=settings.tag_of(ticket) if ticket else "",
    )
    try:
        raw = compose(draft)
    except ComposeError as error:
        raise InvalidInput("This mail cannot be made: %(reason)s.", reason=str(error)) from error
    limit = attachments.mail_limit(account)
    if len(raw) > limit:
        raise InvalidInput(
            "The mail is too large: at most %(limit)d MB with all its files.",
            field="files",
            limit=limit // 1024**2,
        )
    return Letter(raw, rendered.subject, draft.message_id)


def _reply_to(envelope: Envelope, signed: marks.Signed, name: str) -> Address | None:
    if envelope.answers_to:
        return Address(envelope.answers_to, _name_of(envelope.answers_to))
    return Address(signed.reply_to, name) if signed.reply_to else None


def _as_base64(index: str) -> str:
    return base64.b64encode(bytes.fromhex(index)).decode("ascii")


def _named(emails: Iterable[str]) -> tuple[Address, ...]:
    return tuple(Address(email, _name_of(email)) for email in emails)


def _name_of(email: str) -> str:
    user = people.find_user(email)
    return harmless_name(user) if user else ""


def language_of(email: str) -> str | None:
    user = people.find_user(email)
    return user.language if user else None


def site_url(path: str) -> str:
    return f"{current_app.config['SITE_URL']}{path}"


def about(ticket: Ticket, subject: str, *, is_customer: bool, choices_url: str = "") -> dict[str, Any]:
    """What every mail about a ticket shows of it, whoever reads it. `choices_url` needs no sign-in, unlike the profile."""
    return {
        "subject": _tagged(ticket, subject),
        "ticket_subject": subject,
        "tag": settings.tag_of(ticket),
        "account": ticket.account,
        "customer_name": harmless_name(ticket.requester) if is_customer else ticket.requester.shown_name,
        "desk_name": settings.desk_name(),
        "is_customer": is_customer,
        "url": site_url(f"/tickets/{ticket.number}"),  # customers are led on to their own page
        "profile_url": choices_url or site_url("/profile"),
    }


def _tagged(ticket: Ticket, subject: str) -> str:
    return tagged_subject(settings.tag_of(ticket), subject)
