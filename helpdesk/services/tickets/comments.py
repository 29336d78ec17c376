"""Says something on a ticket: the customer's words, a staff reply, a note; and what follows for the ticket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from helpdesk.database import db, utcnow
from helpdesk.errors import InvalidInput
from helpdesk.mail.html import count_pictures
from helpdesk.mail.markdown import to_plain
from helpdesk.models import Comment, Ticket, User, UserAddress
from helpdesk.models.tickets import TextFormat
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import CommentKind, Status, after_customer_reply, after_staff_reply
from helpdesk.services import access, attachments, events
from helpdesk.services.attachments import StagedFile
from helpdesk.services.tickets.changing import hold, move, refuse_merged

MAX_TEXT = 5_000_000


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody said: `text` is shown, `full_text` includes quoted history ("" means the same as `text`). `source`
    is what was written when that was Markdown, see `in_markdown`."""

    text: str
    full_text: str = ""
    html: str = ""
    source: str = ""
    files: Sequence[StagedFile] = field(default_factory=tuple)
    message_id: str | None = None
    is_from_email: bool = False
    is_automatic: bool = False
    is_released: bool = True
    form_key: str | None = None
    particulars: Sequence[dict[str, str]] = ()


def in_markdown(
    source: str,
    *,
    files: Sequence[StagedFile] = (),
    message_id: str | None = None,
    form_key: str | None = None,
) -> Words:
    """What an agent wrote in the desk's own editor."""
    return Words(to_plain(source), source=source, files=files, message_id=message_id, form_key=form_key)


@dataclass(frozen=True, slots=True)
class Outcome:
    """That a ticket is done with, as an answer says it, and whom the answer goes to."""

    status: Status
    user_ids: frozenset[int]

    @property
    def data(self) -> dict[str, Any]:
        return {"says": self.status.value, "told": sorted(self.user_ids)}


def write(
    ticket: Ticket,
    kind: CommentKind,
    words: Words,
    *,
    author: User | None,
    address: UserAddress | None = None,
    said_by: str = "",
    is_unverified: bool = False,
) -> Comment:
    """Add the row and its files; says nothing about what follows.

    `said_by` is the name whoever wrote it gives himself; of somebody unverified it is all there is.
    """
    if max(len(words.text), len(words.source)) > MAX_TEXT:
        raise InvalidInput("The text is too long: at most 5 million characters.", field="text")
    if find_by_form(words.form_key) is not None:
        raise InvalidInput("The form was incomplete. Please send it again.")
    is_incoming = kind is CommentKind.INCOMING
    email = address.email if address and is_incoming else (author.email if author else "")
    pictures = count_pictures(words.html)
    comment = Comment(
        ticket_id=ticket.id,
        kind=kind,
        author_id=author.id if author else None,
        author_name=(said_by or (author.shown_name if author else email))[:255],
        author_email=email,
        text=words.text,
        full_text=words.full_text or words.text,
        html=words.html,
        format=TextFormat.MARKDOWN if words.source else TextFormat.PLAIN,
        source=words.source,
        remote_pictures=pictures.remote,
        tracking_pixels=pictures.pixels,
        is_from_email=words.is_from_email,
        is_automatic=words.is_automatic,
        is_released=words.is_released,
        is_unverified=is_unverified,
        message_id=words.message_id,
        created_at=utcnow(),
        form_key=words.form_key,
        particulars=list(words.particulars),
    )
    db.session.add(comment)
    db.session.flush()
    attachments.attach(comment, words.files)
    db.session.expire(ticket, ["comments"])
    return comment


def _hold(ticket: Ticket) -> None:
    """What was looked up may have been merged by now: its words would stay behind. Raises Conflict."""
    hold(ticket)
    refuse_merged(ticket)


def refuse_empty(words: Words) -> None:
    """Raises InvalidInput when a form holds neither text nor files."""
    if not words.text.strip() and not words.files:
        raise InvalidInput("Please write something or attach a file.", field="text")


def add_incoming(
    ticket: Ticket,
    words: Words,
    *,
    address: UserAddress,
    actor: User | None,
    email_id: int | None = None,
    status: Status | None = None,
) -> Comment:
    """A customer's words. They reopen the ticket unless a machine wrote them or they wait to be released.

    Whose mail is heard was decided by its route; who types must take part. `status` is what the customer himself
    wants it to be instead.
    """
    if not words.is_from_email:
        access.demand(actor, Action.WRITE_AS_CUSTOMER, ticket)
        refuse_empty(words)
        _hold(ticket)
    comment = write(ticket, CommentKind.INCOMING, words, author=address.user, address=address)
    now = utcnow()
    ticket.last_activity_at = now
    events.record(
        "comment.added", actor=actor, ticket=ticket, comment_id=comment.id, email_id=email_id,
        kind=CommentKind.INCOMING.value, is_released=words.is_released, is_automatic=words.is_automatic,
    )  # fmt: skip
    if words.is_released and not words.is_automatic:
        ticket.waiting_since = ticket.waiting_since or now
        after = status or after_customer_reply(ticket.status)
        move(ticket, after, actor=actor, comment_id=comment.id)
    return comment


def status_after_reply(ticket: Ticket, wished: Status | None = None) -> Status:
    """What a staff answer makes of the ticket: what its author wishes, by default the account's status after one."""
    return after_staff_reply(ticket.status, wished or ticket.account.reply_status)


def add_reply(
    ticket: Ticket,
    words: Words,
    *,
    actor: User,
    status: Status | None = None,
    email_id: int | None = None,
    told: Outcome | None = None,
) -> Comment:
    """A staff answer to the customer; the ticket then has `status`, by default the account's after an answer.

    `told` is what its mail says of the status itself: those people need no other mail about it.
    """
    access.demand(actor, Action.ANSWER, ticket)
    refuse_empty(words)
    comment = write(ticket, CommentKind.REPLY, words, author=actor)
    ticket.last_activity_at = utcnow()
    ticket.waiting_since = None
    events.record(
        "comment.added", actor=actor, ticket=ticket, comment_id=comment.id, email_id=email_id,
        kind=CommentKind.REPLY.value, is_released=True, is_automatic=False,
        **(told.data if told else {}),
    )  # fmt: skip
    move(ticket, status_after_reply(ticket, status), actor=actor, comment_id=comment.id)
    return comment


def add_note(ticket: Ticket, words: Words, *, actor: User, email_id: int | None = None) -> Comment:
    """An internal note: never leaves the team, changes nothing else."""
    access.demand(actor, Action.ANSWER, ticket)
    refuse_empty(words)
    _hold(ticket)
    comment = write(ticket, CommentKind.NOTE, words, author=actor)
    ticket.last_activity_at = utcnow()
    events.record(
        "comment.added", actor=actor, ticket=ticket, comment_id=comment.id, email_id=email_id,
        kind=CommentKind.NOTE.value, is_released=True, is_automatic=False,
    )  # fmt: skip
    return comment


def release(comment: Comment, *, actor: User) -> None:
    """Show an unreleased comment to the ticket's people, as if it had come from one of them."""
    access.demand(actor, Action.RELEASE, comment.ticket)
    if comment.is_released:
        return
    comment.is_released = True
    events.record("comment.released", actor=actor, ticket=comment.ticket, comment_id=comment.id)


def find_by_form(form_key: str | None) -> Comment | None:
    """The comment a form sent before has already made."""
    return db.session.scalar(select(Comment).where(Comment.form_key == form_key)) if form_key else None


def said_before(ticket: Ticket, kind: CommentKind, form_key: str | None, *, author: User) -> Comment | None:
    """The comment this very form has made already.

    Raises InvalidInput when the key has made anything else: what is sent now would be taken for said.
    """
    known = find_by_form(form_key)
    if known is not None and (known.ticket_id, known.kind, known.author_id) != (ticket.id, kind, author.id):
        raise InvalidInput("The form was incomplete. Please send it again.")
    return known
