"""What members of the team are told of in the browser: made with the event, shown to whom may still see the ticket."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ScalarSelect, Select, exists, func, or_, select, update
from sqlalchemy.orm import joinedload
from sqlalchemy.sql import ColumnElement

from helpdesk.database import db, insert_once, utcnow
from helpdesk.errors import HelpdeskError, NotFound
from helpdesk.models import Comment, EmailMessage, Event, Notification, ScheduledReply, Ticket, User
from helpdesk.policy import audience_table
from helpdesk.policy.audience import Facts
from helpdesk.policy.audience_table import Channel
from helpdesk.policy.inbox import Kind
from helpdesk.policy.status import CommentKind
from helpdesk.services import access, muting, notices, people, preferences

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a person's notifications. `who` has written what it is about, "" for the desk itself.

    `is_open`: he may see the ticket; else nothing of it is shown. `reason`: why his answer was not sent, or his forward.
    """

    notification: Notification
    ticket: Ticket | None
    kind: Kind
    who: str
    text: str
    is_open: bool = True
    reason: HelpdeskError | None = None
    email: EmailMessage | None = None
    is_forward: bool = False


def tell(event: Event, ticket: Ticket, facts: Facts) -> None:
    """Within the transaction of a fact: tell whom it concerns; that his own answer was stopped, in any case."""
    for notice in notices.of(event, ticket, Channel.INBOX, facts=facts):
        word = notice.cell.inbox
        assert word is not None
        insert_once(
            Notification, user_id=notice.user_id, ticket_id=ticket.id, event_id=event.id, kind=word.value,
            created_at=event.occurred_at,
        )  # fmt: skip


def tell_held(email: EmailMessage, event_id: int) -> None:
    """Within a transaction: tell everybody who works on its account that a mail waits for one of them."""
    for user in people.assignable(email.account_id):
        is_muted = email.account_id in muting.muted_accounts(user)
        if not is_muted and not preferences.is_muted(user, audience_table.Kind.HELD, Channel.INBOX):
            insert_once(
                Notification, user_id=user.id, email_id=email.id, event_id=event_id, kind=Kind.HELD.value, created_at=utcnow()
            )  # fmt: skip


# reading


def _shown_to(user: User) -> Sequence[ColumnElement[bool]]:
    """His, and about tickets he may see now: a grant that was taken hides what it had let him see.

    That his own answer was not sent is told even then, without a word of the ticket.
    """
    is_stopped = Notification.kind == Kind.STOPPED
    mails = select(EmailMessage.id).where(EmailMessage.account_id.in_(sorted(access.account_ids(user))))
    is_held = Notification.email_id.in_(mails)
    return (Notification.user_id == user.id, or_(access.tickets_of(user), is_stopped, is_held))


def unread_count(user: User) -> ScalarSelect[int]:
    """Within a statement: how many notifications this person has not read."""
    statement = select(func.count(Notification.id)).outerjoin(Ticket)
    return statement.where(*_shown_to(user), Notification.read_at.is_(None)).scalar_subquery()


def count_unread(user: User) -> int:
    return db.session.scalar(select(unread_count(user))) or 0


def unread_and_muted(user: User, ticket: Ticket) -> tuple[bool, bool]:
    """Whether he has something unread about the ticket, and whether he has muted it: a page needs both at once."""
    unread = exists().where(
        Notification.user_id == user.id, Notification.ticket_id == ticket.id, Notification.read_at.is_(None)
    )
    row = db.session.execute(select(unread, muting.is_muted(user, ticket))).one()
    return bool(row[0]), bool(row[1])


def page(user: User, *, before: int | None = None, limit: int = PAGE_SIZE) -> tuple[list[Item], int | None]:
    """The newest first, older than the notification `before`; and the id the next page begins after, if there is one."""
    statement = select(Notification).outerjoin(Ticket).where(*_shown_to(user))
    if before is not None:
        statement = statement.where(Notification.id < before)
    people_of = joinedload(Notification.ticket).joinedload(Ticket.requester).selectinload(User.addresses)
    rows = list(
        db.session.scalars(
            statement.options(people_of, joinedload(Notification.email))
            .order_by(Notification.id.desc())
            .limit(limit + 1)
        )
    )
    shown = rows[:limit]
    return _items(user, shown), shown[-1].id if len(rows) > limit else None


def _items(user: User, rows: Sequence[Notification]) -> list[Item]:
    facts = {event.id: event for event in db.session.scalars(_events(rows))}
    ids = [event.comment_id for event in facts.values() if event.comment_id]
    said = {comment.id: comment for comment in db.session.scalars(select(Comment).where(Comment.id.in_(ids)))}
    seen = access.account_ids(user)
    return [_item(row, facts[row.event_id], said, seen) for row in rows]


def _item(row: Notification, event: Event, said: Mapping[int, Comment], seen: Container[int]) -> Item:
    if row.ticket is None:
        subject = row.email.subject if row.email else ""
        return Item(
            row, None, Kind(row.kind), row.email.from_address if row.email else "", subject, email=row.email
        )
    is_open = row.ticket.account_id in seen
    if row.kind == Kind.STOPPED:
        reply = db.session.get(ScheduledReply, event.data.get("reply_id") or 0)
        reason = HelpdeskError(reply.reason, **reply.reason_params) if reply and reply.reason else None
        is_forward = event.data.get("kind") == CommentKind.FORWARD.value
        return Item(row, row.ticket, Kind.STOPPED, "", "", is_open, reason, is_forward=is_forward)
    comment = said.get(event.comment_id or 0)
    if comment is None:
        who = event.actor.shown_name if event.actor else ""
        return Item(row, row.ticket, Kind(row.kind), who, "", is_open)
    text = " ".join(comment.text[:300].split())
    return Item(row, row.ticket, Kind(row.kind), comment.author_name or comment.author_email, text, is_open)


def _events(rows: Sequence[Notification]) -> Select[Event]:
    ids = [row.event_id for row in rows]
    return (
        select(Event).where(Event.id.in_(ids)).options(joinedload(Event.actor).selectinload(User.addresses))
    )


def mark_read(user: User, notification_id: int) -> Notification:
    """Mark it and return it. Raises NotFound for what is not his or not to be seen any more."""
    statement = (
        select(Notification).outerjoin(Ticket).where(*_shown_to(user), Notification.id == notification_id)
    )
    row = db.session.scalar(statement) if notification_id < 2**31 else None
    if row is None:
        raise NotFound("There is no such notification.")
    row.read_at = row.read_at or utcnow()
    return row


def mark_all_read(user: User) -> None:
    _mark(Notification.user_id == user.id)


def mark_ticket_read(user: User, ticket: Ticket) -> None:
    """Whoever acts on a ticket has seen what he was told of it."""
    _mark(Notification.user_id == user.id, Notification.ticket_id == ticket.id)


def _mark(*where: ColumnElement[bool]) -> None:
    db.session.execute(
        update(Notification).where(*where, Notification.read_at.is_(None)).values(read_at=utcnow())
    )
