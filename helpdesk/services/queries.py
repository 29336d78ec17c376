"""What pages and commands show: the ticket list, sidebar counts, a ticket's history. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import joinedload, load_only, selectinload
from sqlalchemy.sql import ColumnElement

from helpdesk.database import db, utcnow
from helpdesk.models import (
    Comment,
    Draft,
    EmailAccount,
    EmailMessage,
    Event,
    Participant,
    Ticket,
    User,
    UserAddress,
)
from helpdesk.models.mail import Direction, EmailState
from helpdesk.policy.search_query import SearchQuery
from helpdesk.policy.status import ACTIVE, Category, Disposition, Priority, Status
from helpdesk.services import access, search, tags, ticket_rows
from helpdesk.services.sorting import PHASES, PageKey, Sort
from helpdesk.services.ticket_rows import TicketRow

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """What the list shows. `statuses` empty: all; `assignee`: None for all, 0 for nobody, else a user id."""

    statuses: tuple[Status, ...] = ACTIVE
    assignee: int | None = None
    priority: Priority | None = None
    category: Category | None = None
    account_id: int | None = None
    is_overdue: bool = False
    drafts_of: int | None = None
    requester_id: int | None = None
    tag: str | None = None
    query: SearchQuery = field(default_factory=SearchQuery)
    disposition: Disposition = Disposition.NORMAL


@dataclass(frozen=True, slots=True)
class TicketPage:
    rows: list[TicketRow]
    next_key: PageKey | None


def _conditions(chosen: TicketFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Ticket.disposition == chosen.disposition]
    if chosen.statuses:
        conditions.append(Ticket.status.in_(chosen.statuses))
    if chosen.assignee is not None:
        conditions.append(
            Ticket.assignee_id == chosen.assignee if chosen.assignee else Ticket.assignee_id.is_(None)
        )
    for column, value in (
        (Ticket.priority, chosen.priority),
        (Ticket.category, chosen.category),
        (Ticket.account_id, chosen.account_id),
        (Ticket.requester_id, chosen.requester_id),
    ):
        if value is not None:
            conditions.append(column == value)
    if chosen.tag:
        conditions.append(tags.having(chosen.tag))
    if chosen.drafts_of is not None:
        conditions.append(Ticket.id.in_(select(Draft.ticket_id).where(Draft.user_id == chosen.drafts_of)))
    if chosen.is_overdue:
        conditions += [Ticket.due_at < utcnow(), Ticket.status.in_(ACTIVE)]
    return conditions


def list_tickets(
    viewer: User,
    chosen: TicketFilter,
    *,
    sort: Sort = Sort.NEWEST,
    after: PageKey | None = None,
    limit: int = PAGE_SIZE,
) -> TicketPage:
    """A page of the tickets `viewer` may see. A ticket whose number was searched for stands above all others."""
    if after is not None and after.phase >= len(PHASES[sort]):
        after = None  # the key of another order
    conditions = [access.tickets_of(viewer), *_conditions(chosen)]
    number = chosen.query.number
    if number is not None:
        named = [] if after else _named(viewer, chosen, number)
        found = [Ticket.number != number, *search.conditions(viewer, chosen.query)]
    else:
        named, found = [], search.conditions(viewer, chosen.query) if not chosen.query.is_empty else []
    keys = list(_walk([*conditions, *found], sort, after, limit + 1))
    next_key = keys[limit - 1] if len(keys) > limit else None
    ids = [*named, *(key.ticket_id for key in keys[:limit])]
    return TicketPage(ticket_rows.rows(ids, viewer, chosen.query), next_key)


def _named(viewer: User, chosen: TicketFilter, number: int) -> list[int]:
    """The id of the ticket with this number, when the viewer may see it and the query's filters let it through."""
    conditions = [access.tickets_of(viewer), *_conditions(chosen), *search.filters(viewer, chosen.query)]
    return list(db.session.scalars(select(Ticket.id).where(Ticket.number == number, *conditions)))


def _walk(
    conditions: Sequence[ColumnElement[bool]], sort: Sort, after: PageKey | None, limit: int
) -> Iterator[PageKey]:
    """The keys of up to `limit` tickets behind `after`; ids alone, so that an index can answer."""
    start = after.phase if after else 0
    for at, phase in enumerate(PHASES[sort][start:], start):
        statement = select(phase.column, Ticket.id).where(*conditions).order_by(*phase.order()).limit(limit)
        if phase.condition is not None:
            statement = statement.where(phase.condition)
        if after is not None and at == after.phase:
            statement = statement.where(phase.after(after))
        keys = [
            PageKey(moment, ticket_id, at) for moment, ticket_id in db.session.execute(statement) if moment
        ]
        yield from keys
        limit -= len(keys)
        if limit <= 0:
            return


def _with_people(statement: Select[Ticket]) -> Select[Ticket]:
    return statement.options(
        joinedload(Ticket.requester).selectinload(User.addresses),
        joinedload(Ticket.assignee).selectinload(User.addresses),
        joinedload(Ticket.account),
        joinedload(Ticket.requester_address),
        selectinload(Ticket.tags),
    )


@dataclass(frozen=True, slots=True)
class Counts:
    """The sidebar's numbers: active tickets by view and by account."""

    unassigned: int
    mine: int
    all: int
    overdue: int
    by_account: dict[int, int]


def counts(viewer: User) -> Counts:
    """Active tickets a member of the team may see, counted in one statement which one index answers."""
    is_overdue = and_(Ticket.due_at.is_not(None), Ticket.due_at < utcnow())
    statement = (
        select(
            Ticket.account_id,
            func.count(),
            func.count().filter(Ticket.assignee_id.is_(None)),
            func.count().filter(Ticket.assignee_id == viewer.id),
            func.count().filter(is_overdue),
        )
        .where(Ticket.account_id.in_(sorted(access.account_ids(viewer))), *_conditions(TicketFilter()))
        .group_by(Ticket.account_id)
    )
    rows = db.session.execute(statement).all()
    return Counts(
        all=sum(row[1] for row in rows),
        unassigned=sum(row[2] for row in rows),
        mine=sum(row[3] for row in rows),
        overdue=sum(row[4] for row in rows),
        by_account={row[0]: row[1] for row in rows},
    )


def visible_accounts(viewer: User) -> list[EmailAccount]:
    ids = access.account_ids(viewer)
    return list(
        db.session.scalars(select(EmailAccount).where(EmailAccount.id.in_(ids)).order_by(EmailAccount.name))
    )


def open_ticket(viewer: User, number: int) -> Ticket:
    """The ticket with what its page shows around the conversation. Raises NotFound."""
    taking_part = selectinload(Ticket.participants).joinedload(Participant.address, innerjoin=True)
    return access.get_ticket_by_number(
        viewer,
        number,
        joinedload(Ticket.account).load_only(
            EmailAccount.name, EmailAccount.email, EmailAccount.signature, EmailAccount.max_mail_mb
        ),
        joinedload(Ticket.assignee),
        joinedload(Ticket.requester_address),
        joinedload(Ticket.requester),
        selectinload(Ticket.tags),
        taking_part.joinedload(UserAddress.user, innerjoin=True).selectinload(User.addresses),
    )


def designed(ticket: Ticket) -> set[int]:
    """The ids of its comments that have their sender's own HTML, which may be large and is read on request."""
    rows = select(Comment.id).where(Comment.ticket_id == ticket.id, Comment.html != "")
    return set(db.session.scalars(rows))


def history(ticket: Ticket) -> list[Event]:
    """Every event of the ticket, oldest first. For the team only: notes are events too."""
    statement = select(Event).where(Event.ticket_id == ticket.id).order_by(Event.id)
    actors = joinedload(Event.actor).joinedload(User.addresses)
    return list(db.session.scalars(statement.options(actors)).unique())


def deliveries(ticket: Ticket) -> list[EmailMessage]:
    """The ticket's outgoing mails, oldest first, with what its page tells of them."""
    statement = select(EmailMessage).where(
        EmailMessage.ticket_id == ticket.id, EmailMessage.direction == Direction.OUT
    )
    told = load_only(
        EmailMessage.comment_id, EmailMessage.purpose, EmailMessage.state, EmailMessage.reason,
        EmailMessage.reason_params, EmailMessage.detail, EmailMessage.attempts, EmailMessage.due_at,
        EmailMessage.recipients, EmailMessage.payload, EmailMessage.raw_sha256,
    )  # fmt: skip
    return list(db.session.scalars(statement.order_by(EmailMessage.id).options(told)))


def incoming_mail(ticket: Ticket) -> list[EmailMessage]:
    """The mails the ticket was made from, oldest first, copies included."""
    statement = select(EmailMessage).where(
        EmailMessage.ticket_id == ticket.id, EmailMessage.direction == Direction.IN
    )
    return list(db.session.scalars(statement.order_by(EmailMessage.id)))


def other_tickets(viewer: User, ticket: Ticket, *, limit: int = 10) -> list[Ticket]:
    """The requester's other tickets the viewer may see, latest first."""
    statement = access.visible_tickets(viewer).where(
        Ticket.requester_id == ticket.requester_id,
        Ticket.id != ticket.id,
        Ticket.disposition == Disposition.NORMAL,
    )
    shown = load_only(Ticket.number, Ticket.subject, Ticket.status, Ticket.created_at)
    return list(db.session.scalars(statement.order_by(Ticket.id.desc()).limit(limit).options(shown)))


def failed_mail(account_ids: set[int]) -> list[EmailMessage]:
    """Mails of these accounts that wait for a person, newest first."""
    statement = select(EmailMessage).where(
        EmailMessage.account_id.in_(account_ids),
        EmailMessage.state.in_([EmailState.FAILED, EmailState.HELD, EmailState.UNCERTAIN]),
    )
    return list(db.session.scalars(statement.order_by(EmailMessage.id.desc()).limit(200)))


def count_waiting_mail() -> int:
    """How many mails of all accounts wait for a person."""
    waiting = EmailMessage.state.in_([EmailState.FAILED, EmailState.HELD, EmailState.UNCERTAIN])
    return db.session.scalar(select(func.count(EmailMessage.id)).where(waiting)) or 0


def every_ticket(statuses: Sequence[Status] = (), *, batch: int = 200) -> Iterator[Ticket]:
    """All tickets by number for operators, read in batches so that memory stays flat."""
    last = 0
    while True:
        statement = select(Ticket).where(Ticket.number > last, Ticket.disposition == Disposition.NORMAL)
        if statuses:
            statement = statement.where(Ticket.status.in_(statuses))
        tickets = list(db.session.scalars(_with_people(statement.order_by(Ticket.number).limit(batch))))
        if not tickets:
            return
        yield from tickets
        last = tickets[-1].number
        db.session.expunge_all()


def by_number(number: int) -> Ticket | None:
    """A ticket by its number alone, whatever year or format surrounds it; for operators."""
    statement = select(Ticket).where(Ticket.number == number)
    return db.session.scalar(
        statement.options(
            selectinload(Ticket.comments).selectinload(Comment.attachments),
            selectinload(Ticket.participants),
        )
    )
