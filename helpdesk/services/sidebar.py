"""What waits for one member of the team, counted for every page in one statement."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from helpdesk.database import db
from helpdesk.models import ScheduledReply, User
from helpdesk.models.composing import ReplyState
from helpdesk.services import drafts, inbox, trays


@dataclass(frozen=True, slots=True)
class Waiting:
    """Unread notifications, tickets with a draft of his, answers of his that may still be taken back; mails that are no
    ticket and that somebody should look at, and spam, both up to a hundred."""

    unread: int
    drafts: int
    replies: int
    mails: int
    spam: int


def waiting(user: User) -> Waiting:
    own = select(func.count(ScheduledReply.id)).where(
        ScheduledReply.author_id == user.id,
        ScheduledReply.state == ReplyState.WAITING,
        ~ScheduledReply.waits_for_silence,
    )
    row = db.session.execute(
        select(
            inbox.unread_count(user),
            drafts.ticket_count(user),
            own.scalar_subquery(),
            trays.to_look_at(user),
            trays.spam_count(user),
        )
    ).one()
    return Waiting(*row)
