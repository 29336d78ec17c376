"""Who sees what, as queries: the one place every list, page, file and command asks.

The decisions are `policy/permissions.py`; this module turns them into WHERE clauses and filtered lists.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Select, and_, false, func, or_, select, true
from sqlalchemy.orm import defer, selectinload
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.base import ExecutableOption

from helpdesk.database import db
from helpdesk.errors import Forbidden, NotFound
from helpdesk.models import (
    Attachment,
    Comment,
    EmailMessage,
    Participant,
    Ticket,
    User,
    UserAddress,
)
from helpdesk.policy import permissions
from helpdesk.policy.permissions import Action, TicketFacts, Viewer
from helpdesk.policy.status import CommentKind, Disposition, Role
from helpdesk.services import glance
from helpdesk.services.glance import AccountLine


def viewer_of(user: User) -> Viewer:
    """The person as the table of permissions knows him."""
    granted = frozenset(grant.account_id for grant in user.grants)
    own = frozenset(address.id for address in user.addresses)
    return Viewer(user.id, user.role, granted, own, user.is_active)


def facts_of(ticket: Ticket) -> TicketFacts:
    """The ticket as the table of permissions knows it."""
    since = {row.address_id: row.since for row in ticket.participants}
    return TicketFacts(ticket.account_id, since, ticket.disposition)


def demand(actor: User | None, action: Action, ticket: Ticket) -> None:
    """Let the service go on, or not: each asks for itself, whichever door it was called through.

    Without an actor it is the desk itself or its operator. Raises NotFound for whom the ticket does not exist,
    Forbidden for who may see it but not do this.
    """
    if actor is None:
        return
    viewer, facts = viewer_of(actor), facts_of(ticket)
    if permissions.may(viewer, action, facts):
        return
    if permissions.can_see_ticket(viewer, facts):
        raise Forbidden("You may not do this on this ticket.")
    raise NotFound("There is no such ticket.")


def demand_on_account(actor: User | None, action: Action, account_id: int | None) -> None:
    """The same for an account, or with None for the desk as a whole. Raises Forbidden."""
    if actor is not None and not permissions.may_on_account(viewer_of(actor), action, account_id):
        raise Forbidden("You may not do this here.")


def account_ids(user: User) -> set[int]:
    """The accounts a team member may work on: all for admins, the granted ones for agents, none for customers."""
    if not user.is_active or not user.is_team:
        return set()
    if user.role is Role.ADMIN:
        return {account.id for account in glance.accounts()}
    return {grant.account_id for grant in user.grants}


def accounts_of(user: User) -> list[AccountLine]:
    """The accounts of `account_ids` by name, as pages name them."""
    ids = account_ids(user)
    return [account for account in glance.accounts() if account.id in ids]


def tickets_of(user: User) -> ColumnElement[bool]:
    """The condition for tickets a person may see: by account for the team, by participation for customers."""
    if not user.is_active:
        return false()
    if user.role is Role.ADMIN:
        return true()
    if user.role is Role.AGENT:
        return Ticket.account_id.in_(sorted(account_ids(user)))
    own = select(Participant.ticket_id).join(UserAddress).where(UserAddress.user_id == user.id)
    return Ticket.id.in_(own) & (Ticket.disposition == Disposition.NORMAL)


def visible_tickets(user: User) -> Select[Ticket]:
    return select(Ticket).where(tickets_of(user))


def get_ticket(user: User, ticket_id: int) -> Ticket:
    """Raises NotFound alike for unknown and for forbidden ones."""
    ticket = db.session.scalar(visible_tickets(user).where(Ticket.id == ticket_id))
    if ticket is None:
        raise NotFound("There is no such ticket.")
    return ticket


def visible_by_id(user: User, ticket_ids: Iterable[int]) -> dict[int, Ticket]:
    """Those of these tickets that exist for this person, by id. Asks nothing for none."""
    ids = set(ticket_ids)
    found = db.session.scalars(visible_tickets(user).where(Ticket.id.in_(ids))) if ids else ()
    return {ticket.id: ticket for ticket in found}


def may_see(user: User, ticket: Ticket | None) -> bool:
    """Whether another ticket a page would name exists for this person."""
    return ticket is not None and permissions.can_see_ticket(viewer_of(user), facts_of(ticket))


def visible_comments(ticket: Ticket, viewer: User) -> list[Comment]:
    """What this person may read on the ticket, oldest first: the only list a page or mail may use.

    Customers: no notes, nothing that waits to be released, and nothing from before they joined. Their files come with
    them, their HTML only when somebody asks for it.
    """
    comments = select(Comment).where(Comment.ticket_id == ticket.id).order_by(Comment.id)
    comments = comments.options(defer(Comment.html), selectinload(Comment.attachments))
    if viewer.is_team:
        return list(db.session.scalars(comments)) if ticket.account_id in account_ids(viewer) else []
    if not _takes_part(ticket, viewer):
        return []
    return list(db.session.scalars(comments.where(public_to(viewer))))


def public_to(customer: User) -> ColumnElement[bool]:
    """The condition under which a customer reads a message: said in public, released, and not before he joined the
    ticket it was said on, which may have been merged into the one it is on now."""
    said_on = func.coalesce(Comment.came_from_id, Comment.ticket_id)
    heard = (
        select(Participant.id)
        .join(UserAddress, UserAddress.id == Participant.address_id)
        .where(
            Participant.ticket_id == said_on,
            UserAddress.user_id == customer.id,
            or_(Participant.since.is_(None), Comment.created_at >= Participant.since),
        )
    )
    return and_(
        Comment.kind.in_([CommentKind.INCOMING, CommentKind.REPLY]),
        Comment.is_released,
        heard.correlate(Comment).exists(),
    )


def _takes_part(ticket: Ticket, viewer: User) -> bool:
    row = (
        select(Participant.id)
        .join(UserAddress)
        .where(Participant.ticket_id == ticket.id, UserAddress.user_id == viewer.id)
    )
    return db.session.scalar(row.limit(1)) is not None


def get_ticket_by_number(user: User, number: int, *loaded: ExecutableOption) -> Ticket:
    """As `get_ticket`, by the number people see; `loaded` says what to load with it."""
    wanted = visible_tickets(user).where(Ticket.number == number).options(*loaded)
    ticket = db.session.scalar(wanted) if number < 2**31 else None
    if ticket is None:
        raise NotFound("There is no such ticket.")
    return ticket


def get_comment(user: User, comment_id: int, *, ticket: Ticket | None = None) -> Comment:
    """Raises NotFound unless the person may see the comment, and its ticket, and it belongs to `ticket` if given."""
    comment = db.session.get(Comment, comment_id) if comment_id < 2**31 else None
    if comment is None or (ticket is not None and comment.ticket_id != ticket.id):
        raise NotFound("There is no such message.")
    if comment not in visible_comments(get_ticket(user, comment.ticket_id), user):
        raise NotFound("There is no such message.")
    return comment


def get_mail(ticket: Ticket, email_id: int) -> EmailMessage:
    """A mail of this very ticket. Raises NotFound."""
    mail = db.session.get(EmailMessage, email_id) if email_id < 2**31 else None
    if mail is None or mail.ticket_id != ticket.id:
        raise NotFound("There is no such mail.")
    return mail


def get_attachment(user: User, token: str) -> Attachment:
    """Raises NotFound unless the person may see the comment the file belongs to."""
    attachment = db.session.scalar(select(Attachment).where(Attachment.token == token))
    if attachment is None:
        raise NotFound("There is no such file.")
    get_comment(user, attachment.comment_id)
    return attachment


def takes_part(ticket: Ticket, address: UserAddress) -> bool:
    """Whether this very address is one of the ticket's people."""
    row = select(Participant.id).where(
        Participant.ticket_id == ticket.id, Participant.address_id == address.id
    )
    return db.session.scalar(row) is not None
