"""What becomes of an answer whose undo time has ended: comment, status, events and mail, in one transaction.

That transaction begins with the UPDATE from waiting to sent, so that however often it is tried, by a job, by the sweep
or by a command, and wherever it dies, the answer is there once.
"""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import select

from helpdesk import storage
from helpdesk.database import claim, db, transaction, utcnow
from helpdesk.errors import Conflict, Forbidden, HelpdeskError, TransientError
from helpdesk.models import Comment, ScheduledReply
from helpdesk.models.composing import ReplyState
from helpdesk.policy import envelope
from helpdesk.policy.status import CommentKind, Disposition
from helpdesk.services import access, drafts, events, forwarding, replies, scheduled
from helpdesk.services.tickets import changing

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 5


def due(now: datetime | None = None) -> list[int]:
    """The answers whose time has come."""
    rows = select(ScheduledReply.id).where(
        ScheduledReply.state == ReplyState.WAITING, ScheduledReply.due_at <= (now or utcnow())
    )
    return list(db.session.scalars(rows.order_by(ScheduledReply.due_at, ScheduledReply.id)))


def deliver_due() -> tuple[int, int]:
    """Deliver whatever is due; returns how many went out and how many did not."""
    done = failed = 0
    for reply_id in due():
        try:
            went_out = deliver(reply_id)
        except Exception:  # one answer must not hold up the others
            db.session.rollback()
            logger.exception("reply=%s not delivered", reply_id)
            went_out = False
        done, failed = done + went_out, failed + (not went_out)
    return done, failed


def deliver(reply_id: int) -> bool:
    """Let one answer come into being; True when this call did it. Opens its own transactions.

    Does nothing before its time, or when another did it. Attempts are counted before the work.
    """
    if not _begin(reply_id):
        return False
    reply = db.session.get_one(ScheduledReply, reply_id)
    due_at, recipients = reply.due_at, reply.recipients
    try:
        prepared = _prepare(reply)
    except storage.StorageError as error:  # a full disk may be mended: the next sweep tries again
        logger.warning("reply=%s not delivered: %s", reply_id, error)
        return False
    except HelpdeskError as error:
        with transaction():
            scheduled.stop(reply_id, error)
        return False
    with transaction():
        return _say(reply_id, prepared, due_at, recipients)


def _prepare(reply: ScheduledReply) -> replies.PreparedReply | forwarding.Prepared:
    """Make its mail, outside any transaction."""
    if reply.kind is CommentKind.FORWARD:
        return forwarding.prepare(reply.ticket, forwarding.wish_of(reply), actor=reply.author)
    people = envelope.read(reply.recipients)
    return replies.prepare(
        reply.ticket,
        reply.text,
        drafts.as_mail_files(reply.files, reply.text),
        actor=reply.author,
        cc=people.cc,
        bcc=people.bcc,
        to=people.to[0],
        status=reply.status_after,
    )


def _begin(reply_id: int) -> bool:
    """Count an attempt; False when there is none to make."""
    with transaction():
        begun = claim(
            ScheduledReply,
            ScheduledReply.id == reply_id,
            ScheduledReply.state == ReplyState.WAITING,
            ScheduledReply.due_at <= utcnow(),
            attempts=ScheduledReply.attempts + 1,
        )
        if not begun:
            return False
        reply = db.session.get_one(ScheduledReply, reply_id, populate_existing=True)
        reason = _refusal(reply)
        if reason is not None:
            scheduled.stop(reply_id, reason)
        return reason is None


def _refusal(reply: ScheduledReply) -> HelpdeskError | None:
    """Why the answer must not go out any more, None when it may."""
    if reply.attempts > MOST_ATTEMPTS:
        return TransientError("The desk failed to send it several times.")
    if reply.ticket.account_id not in access.account_ids(reply.author):
        return Forbidden("You no longer have access to this ticket.")
    if reply.ticket.disposition is not Disposition.NORMAL:
        return Conflict("The ticket was put aside meanwhile.")
    if reply.waits_for_silence and _customers_word_since(reply) is not None:
        return Conflict("The customer wrote first.")
    return None


def _say(
    reply_id: int,
    prepared: replies.PreparedReply | forwarding.Prepared,
    due_at: datetime,
    recipients: dict[str, list[str]],
) -> bool:
    """The one transaction in which the answer comes into being.

    Not when it was taken back and sent again since it was prepared, or somebody was taken out: the time is another
    one then, or the people are, and what was prepared is not what is wanted.
    """
    changing.one_at_a_time(db.session.get_one(ScheduledReply, reply_id).ticket)
    reply = db.session.get_one(ScheduledReply, reply_id, populate_existing=True)
    if (reply.due_at, reply.recipients) != (due_at, recipients):
        return False
    reason = _refusal(reply)
    if reason is not None:
        scheduled.stop(reply_id, reason)
        return False
    taken = claim(
        ScheduledReply,
        ScheduledReply.id == reply_id,
        ScheduledReply.state == ReplyState.WAITING,
        ScheduledReply.due_at == due_at,
        state=ReplyState.SENT,
        finished_at=utcnow(),
    )
    if not taken:
        return False
    reply = db.session.get_one(ScheduledReply, reply_id, populate_existing=True)
    crossing = _customers_word_since(reply)
    if isinstance(prepared, forwarding.Prepared):
        comment = forwarding.send(reply.ticket, prepared, actor=reply.author, form_key=reply.form_key)
    else:
        comment = replies.send(reply.ticket, prepared, actor=reply.author, form_key=reply.form_key)
    reply.comment_id, reply.text = comment.id, ""
    for upload in reply.files:
        db.session.delete(upload)
    if crossing is not None:
        events.record(
            "reply.crossed", actor=None, ticket=reply.ticket, comment_id=crossing, author_id=reply.author_id
        )
    logger.info("reply=%s comment=%s ticket=%s", reply.id, comment.id, reply.ticket.number)
    return True


def _customers_word_since(reply: ScheduledReply) -> int | None:
    """The id of what a customer has said since the author looked."""
    if not reply.seen_comment_id:
        return None
    return db.session.scalar(
        select(Comment.id)
        .where(Comment.ticket_id == reply.ticket_id, Comment.id > reply.seen_comment_id)
        .where(Comment.kind == CommentKind.INCOMING, Comment.is_released, ~Comment.is_automatic)
        .order_by(Comment.id)
        .limit(1)
    )
