"""Answers that may still be taken back: a row until their time has come, then comment, status, events and mail at once.

1. `schedule` keeps what the agent sent, after making sure that it can be sent, and takes his draft with it.
2. `undo` gives it back to him, as his draft, as long as nothing has gone out.
3. `scheduled_delivery.deliver` makes everything of it at its time; what must not go out any more is `stop`ped: it is
   the author's draft again, and he is told.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from helpdesk.database import claim, db, end_read, utcnow
from helpdesk.errors import Conflict, HelpdeskError, InvalidInput
from helpdesk.mail.headers import normalise_address
from helpdesk.mail.markdown import to_plain
from helpdesk.mail.types import MailFile
from helpdesk.models import Comment, Participant, ScheduledReply, Ticket, User, UserAddress
from helpdesk.models.composing import ReplyState
from helpdesk.policy import envelope
from helpdesk.policy.envelope import Recipients
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import CommentKind, Status
from helpdesk.queue import wake_at_after_commit
from helpdesk.services import access, attachments, drafts, events, recipients, replies, settings
from helpdesk.services.attachments import StagedFile
from helpdesk.services.drafts import Written
from helpdesk.services.tickets import changing, comments

logger = logging.getLogger(__name__)


class Crossed(Conflict):
    """Somebody has said something since the page was made: `text`, in the comment `comment_id` unless it still waits."""

    def __init__(self, sentence: str, *, name: str, text: str, comment_id: int | None = None) -> None:
        super().__init__(sentence, name=name)
        self.text, self.comment_id = text, comment_id


@dataclass(frozen=True, slots=True)
class Seen:
    """What stood on the agent's page: the last message and the last answer about to be sent; None: not known."""

    comment_id: int | None = None
    reply_id: int = 0


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer that can be sent: to whom, with its new files safe and those of the draft by their tokens."""

    ticket_id: int
    text: str = field(repr=False)
    people: Recipients
    files: tuple[StagedFile, ...] = field(repr=False)
    tokens: tuple[str, ...] = ()


def undo_time(user: User) -> timedelta:
    """How long this person may take an answer back."""
    chosen = user.undo_seconds
    return timedelta(seconds=chosen if chosen is not None else int(str(settings.get("undo_seconds"))))


def prepare(
    ticket: Ticket,
    text: str,
    files: Sequence[MailFile] = (),
    *,
    actor: User,
    cc: Iterable[str] | None = None,
    bcc: Iterable[str] = (),
    to: str | None = None,
    tokens: Iterable[str] = (),
) -> Ready:
    """Make sure that the answer can be sent and its files are safe; outside any transaction.

    Its mail is made as a trial, so that whatever is wrong with it is said now. Raises as `replies.compose` does.
    """
    waiting = drafts.uploads_of(actor, ticket, tokens)
    all_files = [*drafts.as_mail_files(waiting, text), *files]
    composed = replies.compose(ticket, text, all_files, actor=actor, cc=cc, bcc=bcc, to=to)
    ticket_id, kept = ticket.id, tuple(upload.token for upload in waiting)
    end_read()
    staged = tuple(attachments.stage(files))
    return Ready(ticket_id, text, composed.people, staged, kept)


def schedule(
    ticket: Ticket,
    ready: Ready,
    *,
    actor: User,
    form_key: str,
    status: Status | None = None,
    seen: Seen = Seen(),
    draft_revision: int = 0,
    later: datetime | None = None,
) -> ScheduledReply:
    """Let the answer wait for its time, within the transaction; a form sent twice waits once.

    With `later` it waits until then, unless the customer writes first. Raises Crossed when somebody else has spoken since `seen`. The draft it was written in goes with it.
    """
    if ready.ticket_id != ticket.id:
        raise ValueError(f"prepared for ticket {ready.ticket_id}, not {ticket.id}")
    access.demand(actor, Action.ANSWER, ticket)
    changing.one_at_a_time(ticket)
    reply = of_form(form_key, ticket, CommentKind.REPLY, author=actor)
    if reply is not None and reply.state in (ReplyState.WAITING, ReplyState.SENT):
        return reply
    comments.said_before(ticket, CommentKind.REPLY, form_key, author=actor)
    _refuse_crossing(ticket, seen, actor)
    now = utcnow()
    if reply is None:
        reply = ScheduledReply(ticket_id=ticket.id, author_id=actor.id, form_key=form_key, created_at=now)
    reply.text, reply.recipients = ready.text, ready.people.columns
    reply.status_after, reply.seen_comment_id = status, seen.comment_id or 0
    reply.state, reply.attempts, reply.finished_at = ReplyState.WAITING, 0, None
    reply.reason, reply.reason_params = "", {}
    reply.due_at, reply.waits_for_silence = later or now + undo_time(actor), later is not None
    db.session.add(reply)
    db.session.flush()
    _take_files(reply, ready, actor, ticket)
    drafts.take(actor, ticket, CommentKind.REPLY, ready.text, revision=draft_revision, form_key=form_key)
    wake_at_after_commit(reply.due_at, "deliver_reply", reply.id)
    return reply


def of_form(form_key: str, ticket: Ticket, kind: CommentKind, *, author: User) -> ScheduledReply | None:
    """What this form has sent before. Raises Conflict for the form of another ticket, person or kind."""
    found = db.session.scalar(select(ScheduledReply).where(ScheduledReply.form_key == form_key))
    if found is not None and (found.author_id, found.ticket_id, found.kind) != (author.id, ticket.id, kind):
        raise Conflict("The form was incomplete. Please send it again.")
    return found


def _take_files(reply: ScheduledReply, ready: Ready, actor: User, ticket: Ticket) -> None:
    for upload in drafts.uploads_of(actor, ticket, ready.tokens):
        upload.draft_id, upload.reply_id = None, reply.id
    drafts.add_uploads(actor, ready.files, reply_id=reply.id)
    db.session.flush()
    db.session.expire(reply, ["files"])


def _refuse_crossing(ticket: Ticket, seen: Seen, actor: User) -> None:
    """Raises Crossed for words, or words about to be sent, that the agent cannot have read."""
    if seen.comment_id is None:
        return
    comment = db.session.scalar(
        select(Comment)
        .where(Comment.ticket_id == ticket.id, Comment.id > seen.comment_id, ~Comment.is_automatic)
        .where(Comment.author_id.is_distinct_from(actor.id))
        .order_by(Comment.id.desc())
        .limit(1)
    )
    if comment is not None:
        raise Crossed(
            "%(name)s has written since you opened this page. Nothing was sent: read it first, then send again.",
            name=comment.author_name or comment.author_email or "?",
            text=comment.text,
            comment_id=comment.id,
        )
    for reply in waiting(ticket):
        is_answer = reply.kind is CommentKind.REPLY
        if is_answer and reply.id > seen.reply_id and reply.author_id != actor.id:
            raise Crossed(
                "%(name)s is sending an answer just now. Nothing of yours was sent: read it first, then send again.",
                name=reply.author.shown_name,
                text=to_plain(reply.text),
            )


def refuse_key_of_answer(form_key: str) -> None:
    """Raises InvalidInput for the key of an answer that waits: whoever used it again would take its place."""
    waits = select(ScheduledReply.id).where(
        ScheduledReply.form_key == form_key, ScheduledReply.state == ReplyState.WAITING
    )
    if db.session.scalar(waits) is not None:
        raise InvalidInput("The form was incomplete. Please send it again.")


def waiting(ticket: Ticket) -> list[ScheduledReply]:
    """The ticket's answers about to be sent, for the team's eyes."""
    rows = select(ScheduledReply).where(
        ScheduledReply.ticket_id == ticket.id, ScheduledReply.state == ReplyState.WAITING
    )
    return list(db.session.scalars(rows.order_by(ScheduledReply.id).options(*_shown())))


def standing(ticket: Ticket, viewer: User) -> tuple[list[ScheduledReply], list[ScheduledReply]]:
    """The ticket's answers about to be sent, and the forwards of this person's own that were stopped."""
    is_stopped = (
        (ScheduledReply.state == ReplyState.STOPPED)
        & (ScheduledReply.kind == CommentKind.FORWARD)
        & (ScheduledReply.author_id == viewer.id)
    )
    rows = select(ScheduledReply).where(
        ScheduledReply.ticket_id == ticket.id, (ScheduledReply.state == ReplyState.WAITING) | is_stopped
    )
    found = list(db.session.scalars(rows.order_by(ScheduledReply.id).options(*_shown())))
    waits = [one for one in found if one.state is ReplyState.WAITING]
    return waits, [one for one in found if one not in waits]


def waiting_of(author: User) -> list[ScheduledReply]:
    """What this person may still take back in these seconds, on whatever ticket."""
    rows = select(ScheduledReply).where(
        ScheduledReply.author_id == author.id,
        ScheduledReply.state == ReplyState.WAITING,
        ~ScheduledReply.waits_for_silence,
    )
    return list(db.session.scalars(rows.order_by(ScheduledReply.id).options(*_shown(), _its_people())))


def _shown() -> tuple[ExecutableOption, ...]:
    """What pages tell of an answer: by whom, and with which files."""
    author = joinedload(ScheduledReply.author).selectinload(User.addresses)
    return author, selectinload(ScheduledReply.files)


def _its_people() -> ExecutableOption:
    """Of an answer on another page than its ticket's: who of its people is new to the ticket, and their names."""
    known = (
        joinedload(ScheduledReply.ticket).selectinload(Ticket.participants).joinedload(Participant.address)
    )
    return known.joinedload(UserAddress.user).selectinload(User.addresses)


def is_of(author: User, ticket: Ticket, reply_id: int) -> bool:
    """Whether this answer is his and belongs to the ticket."""
    reply = db.session.get(ScheduledReply, reply_id) if reply_id < 2**31 else None
    return reply is not None and (reply.author_id, reply.ticket_id) == (author.id, ticket.id)


def undo(ticket: Ticket, reply_id: int, *, actor: User) -> ScheduledReply:
    """Give a waiting answer back to its author as a draft. Raises Conflict when it has gone out."""
    taken = claim(
        ScheduledReply,
        ScheduledReply.id == reply_id,
        ScheduledReply.ticket_id == ticket.id,
        ScheduledReply.author_id == actor.id,
        ScheduledReply.state == ReplyState.WAITING,
        state=ReplyState.UNDONE,
        finished_at=utcnow(),
    )
    if not taken:
        raise Conflict("It is too late to undo this: your answer has been sent.")
    reply = db.session.get_one(ScheduledReply, reply_id, populate_existing=True)
    _give_back(reply)
    return reply


def _give_back(reply: ScheduledReply) -> None:
    """Text, recipients and files become the author's draft. A forward's stay in its row: they are for no customer."""
    if reply.kind is CommentKind.FORWARD:
        return
    people = envelope.read(reply.recipients)
    chosen = {normalise_address(email) for email in people.everyone}
    in_copy = recipients.of_next_answer(reply.ticket)[1:]
    left_out = tuple(email for email in in_copy if normalise_address(email) not in chosen)
    to = people.to[0] if people.to != (reply.ticket.requester_address.email,) else ""
    written = Written(reply.text, people.cc, left_out, to, people.bcc)
    drafts.put_back(reply.author, reply.ticket, CommentKind.REPLY, written, reply.files)
    reply.text = ""  # it is the draft's now
    db.session.expire(reply, ["files"])


def stop(reply_id: int, reason: HelpdeskError) -> None:
    """Do not send it; its text is the author's draft again and he is told why."""
    taken = claim(
        ScheduledReply,
        ScheduledReply.id == reply_id,
        ScheduledReply.state == ReplyState.WAITING,
        state=ReplyState.STOPPED,
        reason=reason.template,
        reason_params=reason.params,
        finished_at=utcnow(),
    )
    if not taken:
        return
    reply = db.session.get_one(ScheduledReply, reply_id, populate_existing=True)
    _give_back(reply)
    events.record(
        "reply.stopped", actor=None, ticket=reply.ticket, reply_id=reply.id, author_id=reply.author_id,
        kind=reply.kind.value, reason=reason.template, params=reason.params,
    )  # fmt: skip
    logger.warning("reply=%s ticket=%s stopped: %s", reply.id, reply.ticket.number, reason)


def stop_all_of(author: User, reason: HelpdeskError) -> None:
    """Send nothing more of this person's, neither what may still be taken back nor what is for later."""
    rows = select(ScheduledReply.id).where(
        ScheduledReply.author_id == author.id, ScheduledReply.state == ReplyState.WAITING
    )
    for reply_id in db.session.scalars(rows.order_by(ScheduledReply.id)).all():
        stop(reply_id, reason)


def stop_later(ticket: Ticket, reason: HelpdeskError, *, but_of: int | None = None) -> None:
    """Do not send the ticket's answers for later; those of `but_of`, who knows what he does, stay."""
    rows = select(ScheduledReply.id).where(
        ScheduledReply.ticket_id == ticket.id,
        ScheduledReply.state == ReplyState.WAITING,
        ScheduledReply.waits_for_silence,
        ScheduledReply.author_id.is_distinct_from(but_of),
    )
    for reply_id in db.session.scalars(rows.order_by(ScheduledReply.id)).all():
        stop(reply_id, reason)


def leave_out(ticket: Ticket, email: str) -> None:
    """Somebody who takes part no more is not written to by what still waits."""
    address = normalise_address(email)
    for reply in waiting(ticket):
        for name in ("cc", "bcc"):
            if name in reply.recipients:
                kept = [one for one in reply.recipients[name] if normalise_address(one) != address]
                reply.recipients = reply.recipients | {name: kept}
