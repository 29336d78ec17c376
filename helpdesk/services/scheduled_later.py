"""Answers for later: at another time, at once, or not at all because something happened first.

A customer's words, a ticket that is done with, put away or merged make an answer written before them wrong: it becomes
its author's draft again the moment that happens, not at its time, and he is told.
"""

from __future__ import annotations

from datetime import datetime

from helpdesk.database import claim, db, utcnow
from helpdesk.errors import Conflict
from helpdesk.models import Comment, Event, ScheduledReply, Ticket, User
from helpdesk.models.composing import ReplyState
from helpdesk.policy.permissions import Action
from helpdesk.policy.status import DONE, CommentKind
from helpdesk.queue import wake_at_after_commit
from helpdesk.services import access, events, scheduled

EVENTS = ("comment.added", "comment.released", "ticket.status_changed", "ticket.marked_spam")


def init() -> None:
    """Watch what happens on tickets. History that is imported stops nothing."""
    events.listen(_on_event, EVENTS, tells_people=True)


def change_time(ticket: Ticket, reply_id: int, at: datetime, *, actor: User) -> ScheduledReply:
    """Let one's own answer go out at another time. Raises Conflict when it has gone out or was stopped."""
    return _set(ticket, reply_id, actor, due_at=at)


def send_now(ticket: Ticket, reply_id: int, *, actor: User) -> ScheduledReply:
    """Send one's own answer for later as if one had just pressed Send. Raises Conflict as `change_time` does."""
    due_at = utcnow() + scheduled.undo_time(actor)
    return _set(ticket, reply_id, actor, due_at=due_at, waits_for_silence=False)


def _set(ticket: Ticket, reply_id: int, actor: User, **values: object) -> ScheduledReply:
    access.demand(actor, Action.ANSWER, ticket)
    taken = claim(
        ScheduledReply,
        ScheduledReply.id == reply_id,
        ScheduledReply.ticket_id == ticket.id,
        ScheduledReply.author_id == actor.id,
        ScheduledReply.state == ReplyState.WAITING,
        ScheduledReply.waits_for_silence,
        **values,
    )
    if not taken:
        raise Conflict("This answer does not wait any more.")
    reply = db.session.get_one(ScheduledReply, reply_id, populate_existing=True)
    wake_at_after_commit(reply.due_at, "deliver_reply", reply.id)
    return reply


def _on_event(event: Event, ticket: Ticket) -> None:
    reason = _reason(event)
    if reason is not None:
        by_author = event.actor_id if event.type == "ticket.status_changed" else None
        scheduled.stop_later(ticket, reason, but_of=by_author)


def _reason(event: Event) -> Conflict | None:
    """Why an answer written before this must not go out by itself, None when it still may."""
    match event.type:
        case "comment.added" | "comment.released":
            return Conflict("The customer wrote first.") if _is_customers_word(event) else None
        case "ticket.status_changed":
            before, after = event.data.get("before"), event.data.get("after")
            is_done = after in DONE and before not in DONE
            return Conflict("The ticket was resolved or closed first.") if is_done else None
        case _:
            return Conflict("The ticket was put aside meanwhile.")


def _is_customers_word(event: Event) -> bool:
    comment = db.session.get(Comment, event.comment_id) if event.comment_id else None
    return (
        comment is not None
        and comment.kind is CommentKind.INCOMING
        and comment.is_released
        and not comment.is_automatic
    )
