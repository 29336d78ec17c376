"""Passing on what was said on a ticket to somebody who takes no part in it. Internal: no customer ever sees a forward.

It waits for the end of the undo time like an answer, and comes into being like one: comment, event and mail at once.
Notes are never passed on, and whoever gets a forward joins nothing: what he answers waits for an agent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from helpdesk import storage
from helpdesk.database import db, end_read, utcnow
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.mail.types import MailFile
from helpdesk.models import Attachment, Comment, ScheduledReply, Ticket, User
from helpdesk.models.composing import ReplyState
from helpdesk.policy import envelope
from helpdesk.policy.envelope import Recipients
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import CommentKind
from helpdesk.queue import wake_at_after_commit
from helpdesk.services import access, attachments, events, recipients, scheduled
from helpdesk.services.attachments import StagedFile
from helpdesk.services.outbox import forwards, queue
from helpdesk.services.outbox.forwards import Passage
from helpdesk.services.tickets import changing, comments

PUBLIC = (CommentKind.INCOMING, CommentKind.REPLY)


@dataclass(frozen=True, slots=True)
class Wish:
    """What an agent wants to pass on: ids of messages and of their files, and to whom."""

    text: str = field(repr=False)
    comment_ids: tuple[int, ...]
    attachment_ids: tuple[int, ...]
    people: Recipients


@dataclass(frozen=True, slots=True)
class Prepared:
    """A finished forward: its bytes and its files are safe, nothing is said yet."""

    ticket_id: int
    text: str = field(repr=False)
    quoted: str = field(repr=False)
    people: Recipients
    subject: str
    message_id: str
    blob: storage.StagedBlob = field(repr=False)
    files: tuple[StagedFile, ...] = field(repr=False)


def conversation(ticket: Ticket) -> list[Comment]:
    """What was said in public, oldest first; the only messages that can be passed on, besides a stranger's."""
    return [one for one in ticket.comments if one.kind in PUBLIC and one.is_released]


def may_forward(comment: Comment) -> bool:
    """Whether this message can be passed on: said to or by somebody outside, never a note, never a forward."""
    return comment.kind in PUBLIC


def files_of(ticket: Ticket, comment: Comment) -> list[Attachment]:
    """What may go along: the files of the message, then those of the whole conversation. No pictures of its text."""
    others = [one for one in conversation(ticket) if one.id != comment.id]
    return [file for one in (comment, *others) for file in one.attachments if not file.is_inline]


def check_people(to: Iterable[str], cc: Iterable[str] = (), bcc: Iterable[str] = ()) -> Recipients:
    """Whom a form names. Raises InvalidInput for nobody, for what is no address and for the desk's own."""
    first = recipients.checked(to, field="to")
    if not first:
        raise InvalidInput("Please say whom it goes to.", field="to")
    second = recipients.checked(cc, besides=first)
    return Recipients(
        tuple(first), tuple(second), tuple(recipients.checked(bcc, besides=[*first, *second], field="bcc"))
    )


def prepare(ticket: Ticket, wish: Wish, *, actor: User) -> Prepared:
    """Make the mail and its bytes safe; outside any transaction.

    Raises NotFound for messages and files that are not this ticket's or are not to be passed on, InvalidInput as
    `forwards.forward`.
    """
    access.demand(actor, Action.ANSWER, ticket)
    changing.refuse_merged(ticket)
    chosen = _messages(ticket, wish.comment_ids)
    files = _files(ticket, wish)
    passages = [forwards.passage(one, wish.attachment_ids) for one in chosen]
    letter = forwards.forward(ticket, wish.text, passages, files, actor=actor, people=wish.people)
    ticket_id = ticket.id
    end_read()
    staged = tuple(attachments.stage(files))
    quoted = "\n\n".join(_as_text(one) for one in passages)
    blob = storage.stage(letter.raw)
    return Prepared(
        ticket_id, wish.text, quoted, wish.people, letter.subject, letter.message_id, blob, staged
    )


def _messages(ticket: Ticket, ids: Sequence[int]) -> list[Comment]:
    found = [one for one in ticket.comments if one.id in set(ids) and may_forward(one)]
    if not found or len(found) != len(set(ids)):
        raise NotFound("There is no such message.")
    return found


def _files(ticket: Ticket, wish: Wish) -> list[MailFile]:
    """Files of what is passed on, and of nothing else: those of a note stay inside."""
    possible = {
        file.id: file
        for one in ticket.comments
        if one.id in wish.comment_ids or (one.kind in PUBLIC and one.is_released)
        for file in one.attachments
        if not file.is_inline
    }
    if not set(wish.attachment_ids) <= set(possible):
        raise NotFound("There is no such file.")
    chosen = [possible[file_id] for file_id in dict.fromkeys(wish.attachment_ids)]
    return [MailFile(file.filename, file.content_type, storage.read(file.sha256)) for file in chosen]


def _as_text(one: Passage) -> str:
    return f"{one.author}\n{one.at:%Y-%m-%d %H:%M} UTC\n\n{one.text}"


def schedule(ticket: Ticket, wish: Wish, *, actor: User, form_key: str) -> ScheduledReply:
    """Let a forward that can be sent wait for the end of the undo time, within the transaction; a form sent twice once."""
    access.demand(actor, Action.ANSWER, ticket)
    changing.one_at_a_time(ticket)
    known = scheduled.of_form(form_key, ticket, CommentKind.FORWARD, author=actor)
    if known is not None and known.state in (ReplyState.WAITING, ReplyState.SENT):
        return known
    if comments.find_by_form(form_key) is not None:
        raise Conflict("The form was incomplete. Please send it again.")
    now = utcnow()
    reply = known or ScheduledReply(
        ticket_id=ticket.id, author_id=actor.id, kind=CommentKind.FORWARD, form_key=form_key, created_at=now
    )
    reply.text, reply.recipients = wish.text, wish.people.columns
    reply.forwarded = {"comments": list(wish.comment_ids), "attachments": list(wish.attachment_ids)}
    reply.state, reply.attempts, reply.finished_at = ReplyState.WAITING, 0, None
    reply.reason, reply.reason_params = "", {}
    reply.due_at = now + scheduled.undo_time(actor)
    db.session.add(reply)
    db.session.flush()
    wake_at_after_commit(reply.due_at, "deliver_reply", reply.id)
    return reply


def wish_of(reply: ScheduledReply) -> Wish:
    """What a row keeps."""
    people, ids = envelope.read(reply.recipients), reply.forwarded
    return Wish(reply.text, tuple(ids.get("comments", ())), tuple(ids.get("attachments", ())), people)


def send(ticket: Ticket, prepared: Prepared, *, actor: User, form_key: str) -> Comment:
    """Say on the ticket that it was passed on and queue the mail, within the transaction."""
    if prepared.ticket_id != ticket.id:
        raise ValueError(f"prepared for ticket {prepared.ticket_id}, not {ticket.id}")
    access.demand(actor, Action.ANSWER, ticket)
    changing.one_at_a_time(ticket)
    words = comments.in_markdown(
        prepared.text, files=prepared.files, message_id=prepared.message_id, form_key=form_key
    )
    comment = comments.write(ticket, CommentKind.FORWARD, words, author=actor)
    comment.full_text = f"{comment.text}\n\n{prepared.quoted}".strip()
    ticket.last_activity_at = utcnow()
    events.record(
        "comment.added", actor=actor, ticket=ticket, comment_id=comment.id,
        kind=CommentKind.FORWARD.value, is_released=True, is_automatic=False,
    )  # fmt: skip
    queue.add(
        ticket.account, purpose=queue.FORWARD, to=prepared.people.to, cc=prepared.people.cc, bcc=prepared.people.bcc,
        actor=actor, ticket=ticket, comment=comment, subject=prepared.subject, message_id=prepared.message_id,
        blob=prepared.blob,
    )  # fmt: skip
    return comment


def one_of(ticket: Ticket, reply_id: int, author: User) -> ScheduledReply | None:
    """A forward of this person's that was taken back or stopped, to begin with again."""
    reply = db.session.get(ScheduledReply, reply_id) if 0 < reply_id < 2**31 else None
    is_his = reply is not None and (reply.ticket_id, reply.author_id) == (ticket.id, author.id)
    is_open = reply is not None and reply.state in (ReplyState.UNDONE, ReplyState.STOPPED)
    return reply if is_his and is_open and reply is not None and reply.kind is CommentKind.FORWARD else None


def let_go(reply: ScheduledReply) -> None:
    """Within the transaction: what was stopped has been sent anew, or is wanted no more."""
    reply.state, reply.text = ReplyState.UNDONE, ""
