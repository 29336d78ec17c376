"""A forward as a mail: an agent's own words, and below them what was said on the ticket in public.

It begins a thread of its own, so that nobody outside learns the ids of the ticket's mails, and carries the marks by
which an answer to it finds the ticket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from helpdesk.mail.markdown import to_plain
from helpdesk.mail.thread import without_markers
from helpdesk.mail.types import MailFile
from helpdesk.models import Comment, Ticket, User
from helpdesk.policy.envelope import Recipients
from helpdesk.policy.status import CommentKind
from helpdesk.services import settings, templates
from helpdesk.services.outbox.told import Said, name_of
from helpdesk.services.outbox.writing import Envelope, Letter, about, language_of, write

TEMPLATE = "forward"


@dataclass(frozen=True, slots=True)
class Passage:
    """One message as it is passed on."""

    author: str
    at: datetime
    text: str = field(repr=False)
    files: tuple[str, ...] = ()


def passage(comment: Comment, chosen: Sequence[int] = ()) -> Passage:
    """What a message says, without what it quotes; of the team's by the desk's address, whoever wrote it.

    `chosen` are the ids of the attachments that go along.
    """
    names = tuple(file.filename for file in comment.attachments if file.id in chosen)
    return Passage(author_of(comment), comment.created_at, without_markers(comment.text).strip(), names)


def author_of(comment: Comment) -> str:
    account = comment.ticket.account
    if comment.kind is not CommentKind.INCOMING:
        name = name_of(comment.author, is_customer=True) or settings.desk_name()
        return f"{name} <{account.from_email or account.email}>"
    name = " ".join(comment.author_name.split())
    email = comment.author_email
    return f"{name} <{email}>" if email and name and name != email else (email or name or "?")


def forward(
    ticket: Ticket,
    text: str,
    passages: Sequence[Passage],
    files: Sequence[MailFile],
    *,
    actor: User,
    people: Recipients,
) -> Letter:
    """The mail. Raises InvalidInput when it cannot be made or is too large."""
    author, own = name_of(actor, is_customer=True) or settings.desk_name(), actor.signature.strip()
    shown = about(ticket, ticket.subject, is_customer=True)
    shown["subject"] = f"Fwd: {shown['subject']}"
    rendered = templates.render(
        TEMPLATE,
        language=language_of(people.to[0]),
        said=Said("forward", author, to_plain(text).strip(), source=text),
        own_signature=Said("forward", author, to_plain(own), source=own) if own else None,
        signature=ticket.account.signature.strip(),
        forwarded=passages,
        **shown,
    )
    name = actor.name and f"{actor.name} ({ticket.account.from_name or settings.desk_name()})"
    envelope = Envelope(ticket.account, people.to, people.cc, people.bcc, from_name=name)
    return write(envelope, rendered, ticket=ticket, files=files)
