"""What members of the team are told of in the browser: made with the event, shown to whom may still see the ticket."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ScalarSelect, Select, func, or_, select, update
from sqlalchemy.orm import joinedload
from sqlalchemy.sql import ColumnElement

from helpdesk.database import db, insert_once, utcnow
from helpdesk.errors import HelpdeskError, NotFound
from helpdesk.models import Comment, EmailMessage, Event, Notification, ScheduledReply, Ticket, User
from helpdesk.policy import inbox
from helpdesk.policy.audience import Person
from helpdesk.policy.inbox import Facts, Kind
from helpdesk.policy.status import CommentKind
from helpdesk.services import access, events, following, people

PAGE_SIZE = 50
EVENTS = (
    "ticket.assigned", "comment.added", "email.failed", "email.uncertain", "email.bounced",
    "reply.stopped", "reply.crossed", "ticket.overdue",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a person's notifications. `who` has written what it is about, "" for the desk itself.

    `is_open`: he may see the ticket; else nothing of it is shown. `reason`: why his answer was not sent.
    """

    notification: Notification
    ticket: Ticket | None
    kind: Kind
    who: str
    text: str
    is_open: bool = True
    reason: HelpdeskError | None = None
    email: EmailMessage | None = None


def init() -> None:
    """Listen to what somebody may be told of from now on."""
    events.listen(on_event, EVENTS, tells_people=True)


def on_event(event: Event, ticket: Ticket) -> None:
    """Tell whom a fact concerns, if he may see the ticket; that his own answer was stopped, in any case."""
    for one in inbox.told(event.type, _facts(event, ticket)):
        user = db.session.get(User, one.user_id)
        if user is None:
            continue
        if one.kind is Kind.STOPPED or ticket.account_id in access.account_ids(user):
            insert_once(
                Notification, user_id=user.id, ticket_id=ticket.id, event_id=event.id, kind=one.kind.value,
                created_at=event.occurred_at,
            )  # fmt: skip


def tell_held(email: EmailMessage, event_id: int) -> None:
    """Within a transaction: tell everybody who works on its account that a mail waits for one of them."""
    for user in people.assignable(email.account_id):
        insert_once(
            Notification, user_id=user.id, email_id=email.id, event_id=event_id, kind=Kind.HELD.value, created_at=utcnow()
        )  # fmt: skip


def _facts(event: Event, ticket: Ticket) -> Facts:
    comment = db.session.get(Comment, event.comment_id) if event.comment_id else None
    is_said = event.type == "comment.added" and comment is not None
    kind = comment.kind if comment is not None and is_said else None
    return Facts(
        actor_id=event.actor_id,
        assignee=_person(ticket.assignee),
        followers=tuple(_person_of(user) for user in following.followers(ticket)) if is_said else (),
        author=_author(event, comment),
        mentioned=_mentioned(comment, ticket) if comment is not None and kind is CommentKind.NOTE else (),
        comment_kind=kind,
        is_automatic=bool(event.data.get("is_automatic")),
        purpose=str(event.data.get("purpose", "")),
    )


def _author(event: Event, comment: Comment | None) -> Person | None:
    author_id = event.data.get("author_id")
    if isinstance(author_id, int):
        return _person(db.session.get(User, author_id))
    return _person(comment.author) if comment is not None else None


def _mentioned(comment: Comment, ticket: Ticket) -> tuple[Person, ...]:
    if "@" not in comment.text:
        return ()
    team = {user.id: user for user in people.assignable(ticket.account_id)}
    found = inbox.mentioned(comment.text, {user.id: user.name for user in team.values()})
    return tuple(_person_of(team[user_id]) for user_id in sorted(found))


def _person(user: User | None) -> Person | None:
    return _person_of(user) if user is not None else None


def _person_of(user: User) -> Person:
    return Person(user.id, user.role)


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


def has_unread(user: User, ticket: Ticket) -> bool:
    row = select(Notification.id).where(
        Notification.user_id == user.id, Notification.ticket_id == ticket.id, Notification.read_at.is_(None)
    )
    return db.session.scalar(row.limit(1)) is not None


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
        return Item(row, row.ticket, Kind.STOPPED, "", "", is_open, reason)
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
