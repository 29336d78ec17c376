"""The lines of a list of tickets: of each just what is shown, in the same few statements however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Executable, Integer, and_, bindparam, exists, func, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from helpdesk.database import db
from helpdesk.models import Attachment, Comment, EmailMessage, Tag, Ticket, TicketTag, User, UserAddress
from helpdesk.models.mail import Direction, EmailState
from helpdesk.policy.highlight import Part, mark
from helpdesk.policy.search_query import SearchQuery
from helpdesk.policy.status import CommentKind, Priority, Status
from helpdesk.services import drafts, search
from helpdesk.services.glance import shown_name
from helpdesk.services.outbox.queue import PERSONS_WORDS

PREVIEW = 200
LOST = (EmailState.FAILED, EmailState.BOUNCED)
TO_PEOPLE = ("ticket_created", *sorted(PERSONS_WORDS))


@dataclass(frozen=True, slots=True)
class ListedTicket:
    """What a line shows of the ticket itself. `address` is the requester's, as it is compared."""

    id: int
    number: int
    subject: str
    status: Status
    priority: Priority
    created_at: datetime
    due_at: datetime | None
    waiting_since: datetime | None
    last_activity_at: datetime
    requester: str
    address: str
    assignee: str | None
    is_undelivered: bool = False  # a mail to its customers was not delivered


@dataclass(frozen=True, slots=True)
class TicketRow:
    """One line of the list: the ticket and what is shown of its conversation, above all the viewer's own draft.

    After a search `subject` and `snippet` are in parts, each a hit or not; else both are empty.
    """

    ticket: ListedTicket
    preview: str
    comment_count: int
    is_answered: bool
    has_files: bool
    is_unverified: bool = False
    tags: Sequence[str] = ()
    subject: Sequence[Part] = ()
    snippet: Sequence[Part] = ()
    draft: str = ""


@dataclass(frozen=True, slots=True)
class _Talk:
    """A ticket's conversation in short."""

    count: int = 0
    kind: CommentKind | None = None
    text: str = ""
    is_unverified: bool = False
    has_files: bool = False


def rows(ids: Sequence[int], viewer: User, query: SearchQuery) -> list[TicketRow]:
    """The tickets with these ids, in this order."""
    if not ids:
        return []
    tickets, talks, tags = _tickets(ids, viewer), _talks(ids, viewer), _tags(ids)
    hits = search.snippets(ids, query.terms)
    return [
        TicketRow(
            ticket,
            preview=" ".join(talk.text.split()),
            comment_count=talk.count,
            is_answered=talk.kind is CommentKind.REPLY,
            has_files=talk.has_files,
            is_unverified=talk.is_unverified,
            tags=tags.get(ticket.id, ()),
            subject=mark(ticket.subject, query.terms) if query.terms else (),
            snippet=hits.get(ticket.id, ()),
            draft=draft,
        )
        for ticket, draft in (tickets[id] for id in ids if id in tickets)
        for talk in (talks.get(ticket.id, _Talk()),)
    ]


def _tickets(ids: Sequence[int], viewer: User) -> dict[int, tuple[ListedTicket, str]]:
    """By id the ticket and the first words of the viewer's draft on it."""
    found = {}
    for row in db.session.execute(_about_tickets(), {"ids": ids, "viewer_id": viewer.id}):
        *facts, assignee_id, name, is_undelivered, draft = row
        ticket = ListedTicket(*[*facts, name if assignee_id else None, bool(is_undelivered)])
        found[ticket.id] = (ticket, "" if draft is None else " ".join(draft.split()) or "…")
    return found


def _talks(ids: Sequence[int], viewer: User) -> dict[int, _Talk]:
    rows = db.session.execute(_about_talks(is_team=viewer.is_team), {"ids": ids})
    return {ticket_id: _Talk(*talk) for ticket_id, *talk in rows}


def _tags(ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for ticket_id, name in db.session.execute(_about_tags(), {"ids": ids}):
        found.setdefault(ticket_id, []).append(name)
    return found


# The statements are made once: putting one together costs more than the database takes to answer it.


@cache
def _about_tickets() -> Executable:
    requester, assignee = aliased(User), aliased(User)
    undelivered = exists().where(
        EmailMessage.ticket_id == Ticket.id,
        EmailMessage.direction == Direction.OUT,
        EmailMessage.state.in_(LOST),
        EmailMessage.purpose.in_(TO_PEOPLE),
    )
    return (
        select(
            Ticket.id, Ticket.number, Ticket.subject, Ticket.status, Ticket.priority, Ticket.created_at,
            Ticket.due_at, Ticket.waiting_since, Ticket.last_activity_at, shown_name(requester), UserAddress.address,
            Ticket.assignee_id, shown_name(assignee), undelivered, drafts.preview_of(bindparam("viewer_id", type_=Integer)),
        )
        .join(requester, Ticket.requester_id == requester.id)
        .join(UserAddress, Ticket.requester_address_id == UserAddress.id)
        .outerjoin(assignee, Ticket.assignee_id == assignee.id)
        .where(Ticket.id.in_(bindparam("ids", expanding=True)))
    )  # fmt: skip


@cache
def _about_talks(*, is_team: bool) -> Executable:
    """How many messages, the last one, and whether any has a file; of those the viewer may read."""
    readable: ColumnElement[bool] = Comment.ticket_id.in_(bindparam("ids", expanding=True))
    if not is_team:
        is_public = Comment.kind.in_([CommentKind.INCOMING, CommentKind.REPLY])
        readable = and_(readable, is_public, Comment.is_released)
    doubtful = func.count().filter(Comment.is_unverified)
    summary = (
        select(
            Comment.ticket_id,
            func.count().label("count"),
            func.max(Comment.id).label("last"),
            doubtful.label("doubtful"),
        )
        .where(readable)
        .group_by(Comment.ticket_id)
        .subquery()
    )
    is_its_own = and_(Comment.ticket_id == summary.c.ticket_id, readable)
    file = exists().where(Attachment.comment_id == Comment.id, is_its_own, ~Attachment.is_inline)
    last = aliased(Comment)
    begins = func.substr(last.text, 1, PREVIEW)
    shown = select(summary.c.ticket_id, summary.c.count, last.kind, begins, summary.c.doubtful > 0, file)
    return shown.join(last, last.id == summary.c.last)


@cache
def _about_tags() -> Executable:
    statement = select(TicketTag.ticket_id, Tag.name).join(Tag, Tag.id == TicketTag.tag_id)
    return statement.where(TicketTag.ticket_id.in_(bindparam("ids", expanding=True))).order_by(Tag.folded)
